import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeIndex, openIndex } from '#engine/store/index-file.ts';
import type { BlockIndex } from '#engine/store/index.ts';
import { fixture, noise, type Fixture } from '../../../fakes/store-fixture.ts';

const packId = 'ab'.repeat(16);
const id = noise('id', 32);

let place: Fixture;
beforeEach(async () => {
  place = await fixture();
});
afterEach(() => place.remove());

const open = () => openIndex(place.world, place.indexPath, 'r');
const close = (index: BlockIndex) => closeIndex(place.world, place.indexPath, index);
const mark = () => `${place.indexPath}-boot`;

async function fill(): Promise<BlockIndex> {
  const index = await open();
  await index.addPack(packId, 100, [{ id, kind: 1, offset: 24, length: 10 }], () =>
    Promise.resolve(),
  );
  return index;
}

describe('the file of the block index', () => {
  test('keeps what is in it and leaves no mark when closed', async () => {
    await close(await fill());
    expect(existsSync(mark())).toBe(false);
    const again = await open();
    expect(again.find(id)).toMatchObject({ offset: 24, length: 10 });
    expect(again.noted('vanished')).toBe(false);
    await close(again);
  });

  test('keeps what is in it after a process that was killed', async () => {
    const killed = await fill();
    killed.close(); // no flush and no word, as the kernel would do it
    expect(existsSync(mark())).toBe(true);
    const again = await open();
    expect(again.find(id)).not.toBeNull();
    await close(again);
  });

  test('is made anew after a power cut, and trusts nothing it does not see', async () => {
    (await fill()).close();
    await writeFile(mark(), 'another boot');
    const again = await open();
    expect(again.find(id)).toBeNull();
    expect(again.noted('vanished')).toBe(true);
    await close(again);
    expect(existsSync(mark())).toBe(false);
  });

  test('keeps its mark while another process has it open', async () => {
    const one = await fill();
    const other = await open();
    await close(one);
    expect(existsSync(mark())).toBe(true);
    await close(other);
    expect(existsSync(mark())).toBe(false);
  });
});
