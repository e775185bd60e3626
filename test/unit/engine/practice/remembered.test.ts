import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRemembered, parseRemembered, readRemembered } from '#engine/practice/remembered.ts';
import { realFiles } from '#engine/world/files.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

test('what is written is read back', () => {
  const any = fc.record({
    host: fc.constantFrom('session' as const, 'private' as const),
    uuid: fc.option(fc.uuid(), { nil: null }),
  });
  fc.assert(
    fc.property(any, (remembered) => {
      expect(parseRemembered(formatRemembered(remembered).toString())).toEqual(remembered);
    }),
  );
});

test.each(['', '{', 'null', '[]', '{"host":"system","uuid":null}', '{"host":"private"}'])(
  '%j is not taken for it',
  (text) => {
    expect(parseRemembered(text)).toBeNull();
  },
);

test('a uuid that could be anything else is refused', () => {
  expect(parseRemembered('{"host":"private","uuid":"../../etc"}')).toBeNull();
});

test('no file means nothing was made; a damaged one is an error with advice', async () => {
  const path = join(temporaryFolder(), 'practice.json');
  expect(await readRemembered(realFiles, path)).toBeNull();
  await writeFile(path, 'garbage');
  await expect(readRemembered(realFiles, path)).rejects.toMatchObject({
    code: 'file-failed',
    data: { path },
  });
});
