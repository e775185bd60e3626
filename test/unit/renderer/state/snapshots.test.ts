import { expect, test } from 'vitest';
import { createClient } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Snapshot } from '#contract/moments.ts';
import { Snapshots } from '../../../../src-renderer/state/snapshots.ts';

const web = 'here/1' as MachineId;
const taken = (name: string, time = 1): Snapshot => ({ name, time }) as unknown as Snapshot;

function snapshots(fails: () => boolean = () => false) {
  const asked: string[] = [];
  const client = createClient({
    invoke: (_name, input) => {
      const { name } = input as { name: string };
      asked.push(name);
      const error = new AppError('internal', 'No.').toJSON();
      if (fails()) return Promise.resolve({ ok: false, error } as const);
      return Promise.resolve({ ok: true, value: { mime: 'image/png', base64: name } } as const);
    },
    subscribe: () => () => undefined,
  });
  return { of: new Snapshots(client), asked };
}

test('a picture is asked for once; the same name taken again is another', async () => {
  const { of, asked } = snapshots();
  await of.picture(web, taken('a'));
  expect(await of.picture(web, taken('a'))).toMatchObject({ base64: 'a' });
  expect(asked).toEqual(['a']);
  await of.picture(web, taken('a', 2));
  expect(asked).toEqual(['a', 'a']);
});

test('only the last sixty looked at are kept', async () => {
  const { of, asked } = snapshots();
  for (let n = 0; n < 60; n += 1) await of.picture(web, taken(`s${n}`));
  await of.picture(web, taken('s0'));
  expect(asked).toHaveLength(60);
  await of.picture(web, taken('one-more'));
  await of.picture(web, taken('s0'));
  expect(asked).toHaveLength(61);
  await of.picture(web, taken('s1'));
  expect(asked).toHaveLength(62);
});

test('a failed question is asked again', async () => {
  let broken = true;
  const { of } = snapshots(() => broken);
  await expect(of.picture(web, taken('a'))).rejects.toThrow('No.');
  broken = false;
  expect(await of.picture(web, taken('a'))).toMatchObject({ base64: 'a' });
});
