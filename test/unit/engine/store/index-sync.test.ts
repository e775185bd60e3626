import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FolderStorage, headerName } from '#engine/store/folder-storage.ts';
import { BlockIndex } from '#engine/store/index.ts';
import { syncIndex, type SyncResult } from '#engine/store/index-sync.ts';
import { backUp, noise } from '../../../fakes/store-fixture.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();

/** Two packs, of which `act` changes the first between their listing and their trailers. */
async function syncWhile(act: (pack: string) => Promise<void>): Promise<SyncResult> {
  const { repository } = await store.create();
  await backUp(repository, 'one', noise('1', 2 * block));
  await backUp(repository, 'two', noise('2', 2 * block));
  const [first = ''] = await store.packFiles();
  const { world, path } = store.at;
  const list = async (folder: string) => {
    // The notes of clean-ups are read after the packs are listed.
    if (folder.endsWith('/cleaned')) await act(first);
    return world.files.list(folder);
  };
  const storage = new FolderStorage({ ...world, files: { ...world.files, list } }, path);
  await storage.attach();
  const index = new BlockIndex(':memory:', repository.id);
  try {
    return await syncIndex(index, storage, { sealed: false });
  } finally {
    index.close();
    await storage.close();
  }
}

it('a pack deleted between its listing and its trailer is gone, not damaged', async () => {
  expect(await syncWhile((pack) => rm(pack))).toEqual({ added: 1, vanished: [], damaged: [] });
});

it('a pack cut short is damaged', async () => {
  const { added, damaged } = await syncWhile((pack) => truncate(pack, 100));
  expect(added).toBe(1);
  expect(damaged).toHaveLength(1);
});

it('packs of a folder that went away are neither', async () => {
  const gone = async () => {
    for (const pack of await store.packFiles()) await rm(pack);
    await rm(join(store.at.path, headerName));
  };
  expect(await codeOf(syncWhile(gone))).toBe('repository-unavailable');
});
