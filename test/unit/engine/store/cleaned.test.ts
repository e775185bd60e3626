import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { readCleaned, writeCleaned } from '#engine/store/cleaned.ts';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { openRepository, type StoreRepository } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import { backUp, manifest, noise, owner, restorePoint } from '../../../fakes/store-fixture.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();
const image = noise('noted', 4 * block);
const open = { sealed: false } as const;

async function storage(world: World = store.at.world): Promise<FolderStorage> {
  const folder = new FolderStorage(world, store.at.path);
  await folder.attach();
  return folder;
}

/** As a clean-up does that is cut off before it deletes anything. */
async function noteAllPacks(): Promise<void> {
  const packs = (await store.packFiles()).map((path) => basename(path));
  const ulid = store.at.world.ids.ulid();
  await writeCleaned(await storage(), open, ulid, { at: Date.now(), points: [], packs });
}

function signal() {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return {
    given,
    give: () => {
      give();
    },
  };
}

async function openWith(files: Partial<World['files']>, index: string): Promise<StoreRepository> {
  const { world, path, folder } = store.at;
  const own = { ...world, files: { ...world.files, ...files } };
  const options = { indexPath: join(folder, index) };
  const repository = await openRepository(own, path, null, options);
  store.closeLater(repository);
  return repository;
}

/** A repository with one point of `image`. */
async function onePoint(): Promise<StoreRepository> {
  const { repository } = await store.create();
  const writer = await repository.openWriter(owner);
  const disk = writer.beginDisk(image.length, null);
  await disk.write(0, Buffer.from(image));
  const { root } = await disk.finish();
  await writer.commitPoint(manifest('first', [root]));
  await writer.release();
  return repository;
}

it('a writer reads the notes anew once it has the lease, whatever is being read then', async () => {
  await onePoint();
  const { files } = store.at.world;
  const gate = signal();
  const asked = signal();
  let first = true;
  const list = async (path: string) => {
    const hold = first && path.endsWith('/cleaned');
    const names = await files.list(path).catch((thrown: unknown) => {
      if (hold) return [];
      throw thrown;
    });
    if (!hold) return names;
    first = false;
    asked.give();
    await gate.given;
    return names;
  };
  const slow = await openWith({ list }, 'slow.sqlite');
  const reading = slow.usage();
  await asked.given; // it has read the notes, and there were none
  await noteAllPacks();
  const writing = slow.openWriter(owner);
  const locks = () => readdir(join(store.at.path, 'locks'));
  await vi.waitFor(async () => expect(await locks()).toContain('writer-000002'), 30_000);
  gate.give();
  const writer = await writing;
  const disk = writer.beginDisk(image.length, null);
  await disk.write(0, Buffer.from(image));
  const { root } = await disk.finish();
  expect(writer.stats().reusedBlocks).toBe(0);
  await writer.commitPoint(manifest('again', [root]));
  await writer.release();
  await reading;
  await slow.cleanUp(owner); // deletes what was noted
  expect((await restorePoint(slow, 'again')).equals(image)).toBe(true);
});

it('a point is not made of packs that were noted while it was written', async () => {
  const repository = await onePoint();
  const writer = await repository.openWriter(owner);
  const disk = writer.beginDisk(image.length, null);
  await disk.write(0, Buffer.from(image));
  const { root } = await disk.finish();
  await noteAllPacks();
  const code = await codeOf(writer.commitPoint(manifest('again', [root])));
  expect(code).toBe('repository-lease-lost');
  await writer.release();
  expect((await repository.listPoints()).map(({ id }) => id)).toEqual(['first']);
  await backUp(repository, 'again', image);
  expect((await restorePoint(repository, 'again')).equals(image)).toBe(true);
});

it('while the disk does not give a note, nobody writes and everybody reads', async () => {
  await onePoint();
  await noteAllPacks();
  const { files } = store.at.world;
  let bad = true;
  const read = (path: string, maxBytes: number) => {
    if (!bad || !path.includes('/cleaned/')) return files.read(path, maxBytes);
    return Promise.reject(new AppError('file-failed', 'EIO', { path, errno: 'EIO' }));
  };
  const repository = await openWith({ read }, 'bad.sqlite');
  expect((await restorePoint(repository, 'first')).equals(image)).toBe(true);
  expect((await repository.verify('data')).damage).toEqual([]);
  expect(await codeOf(repository.openWriter(owner))).toBe('file-failed');
  expect(await codeOf(repository.cleanUp(owner))).toBe('file-failed');
  bad = false;
  await backUp(repository, 'again', image);
  await repository.cleanUp(owner);
  expect((await restorePoint(repository, 'again')).equals(image)).toBe(true);
});

it('what is no note is passed over', async () => {
  await onePoint();
  await noteAllPacks();
  const folder = join(store.at.path, 'cleaned');
  await writeFile(join(folder, 'torn'), 'WAYMKMK');
  await mkdir(join(folder, 'a-folder'));
  const lists = await readCleaned(await storage(), open);
  expect(lists.map(({ packs }) => packs.length)).toEqual([1]);
});
