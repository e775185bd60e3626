import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { keyPrefixBytes } from '#engine/store/index.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import type { PackEntry } from '#engine/store/pack.ts';
import { readTrailer } from '#engine/store/pack-reader.ts';
import { openRepository, type StoreRepository } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import { backUp, machineUuid, noise, owner, restorePoint } from '../../../fakes/store-fixture.ts';
import { block, setUp } from './repository-set-up.ts';

const store = setUp();
const image = noise('healed', 20 * block);

/** With an index of its own; of packs that are new to it, `last` comes last and is asked first. */
async function openAsking(last: string, name: string): Promise<StoreRepository> {
  const real = store.at.world;
  const list = async (path: string) => {
    const names = await real.files.list(path);
    if (!path.includes('/packs')) return names;
    return [...names].sort((a, b) => Number(last.startsWith(a)) - Number(last.startsWith(b)));
  };
  const world: World = { ...real, files: { ...real.files, list } };
  const indexPath = join(store.at.folder, name);
  const repository = await openRepository(world, store.at.path, null, { indexPath });
  store.closeLater(repository);
  return repository;
}

async function entriesOf(path: string): Promise<readonly PackEntry[]> {
  const storage = new FolderStorage(store.at.world, store.at.path);
  const listing = await readTrailer(storage, { sealed: false }, basename(path));
  await storage.close();
  if ('why' in listing) throw new Error(listing.why);
  return listing.entries;
}

/** A point whose first block was damaged, and another that stored it again. */
async function healed(): Promise<{ first: string; good: Buffer }> {
  const { repository } = await store.create();
  await backUp(repository, 'one', image);
  const [first = ''] = await store.packFiles();
  const good = await readFile(first);
  const torn = Buffer.from(good);
  const [entry] = (await entriesOf(first)).filter(({ length }) => length > block);
  torn.fill(7, (entry?.offset ?? 0) + 100, (entry?.offset ?? 0) + 132);
  await writeFile(first, torn);
  expect((await repository.verify('data')).damage).toHaveLength(1);
  await backUp(repository, 'two', image);
  expect((await repository.verify('data')).damage).toEqual([]);
  expect(await store.packFiles()).toHaveLength(2);
  return { first, good };
}

it('the good copy of a healed block stays, whichever the index asks first', async () => {
  const { first } = await healed();
  const repository = await openAsking(basename(first), 'fresh.sqlite');
  const plan = await repository.planCleanUp();
  expect(plan).toMatchObject({ packsDeleted: 0 });
  await repository.cleanUp(owner, { rewrittenBelow: 1 });
  const fresh = await openAsking('', 'after.sqlite');
  expect((await fresh.verify('data')).damage).toEqual([]);
  for (const point of ['one', 'two']) {
    expect((await restorePoint(fresh, point)).equals(image)).toBe(true);
  }
});

it('of two good copies one is freed', async () => {
  const { first, good } = await healed();
  await writeFile(first, good);
  const repository = await openAsking(basename(first), 'fresh.sqlite');
  const plan = await repository.planCleanUp({ rewrittenBelow: 1 });
  expect(plan).toMatchObject({ packsDeleted: 1, packsRewritten: 0 });
  await repository.cleanUp(owner, { rewrittenBelow: 1 });
  expect(await store.packFiles()).toEqual([first]);
  expect((await repository.verify('data')).damage).toEqual([]);
});

it('a block no copy of which is good keeps every pack that has one', async () => {
  const { first } = await healed();
  const [second = ''] = (await store.packFiles()).filter((path) => path !== first);
  const saved = join(store.at.folder, 'saved');
  await copyFile(second, saved);
  const [entry] = await entriesOf(second);
  const bytes = await readFile(second);
  bytes.fill(7, (entry?.offset ?? 0) + 100, (entry?.offset ?? 0) + 132);
  await writeFile(second, bytes);
  const repository = await openAsking(basename(first), 'fresh.sqlite');
  await repository.cleanUp(owner, { rewrittenBelow: 1 });
  expect((await store.packFiles()).sort()).toEqual([first, second].sort());
  await copyFile(saved, second);
  const fresh = await openAsking('', 'after.sqlite');
  expect((await restorePoint(fresh, 'two')).equals(image)).toBe(true);
});

it('a pack that lists a needed block of which the index lost the line stays', async () => {
  const { repository } = await store.create();
  await backUp(repository, 'one', image.subarray(0, 2 * block));
  const [first = ''] = await store.packFiles();
  const next = Buffer.concat([image.subarray(0, block), noise('other', block)]);
  await backUp(repository, 'two', next);
  const shared = (await entriesOf(first))[0];
  await repository.kept.remove({ id: 'one', machineUuid, machineName: 'web 01', time: 1 }, '');
  await repository.close();
  const db = new Database(store.at.indexPath);
  const line = shared?.id.subarray(0, keyPrefixBytes);
  expect(db.prepare('DELETE FROM blocks WHERE id = ?').run(line).changes).toBe(1);
  db.close();
  const real = store.at.world;
  const now = () => real.clock.now() + (removalGraceSeconds + 86_400) * 1000;
  const later: World = { ...real, clock: { ...real.clock, now } };
  const { path, indexPath } = store.at;
  const reopened = await openRepository(later, path, null, { indexPath });
  store.closeLater(reopened);
  for (const rewrittenBelow of [0.7, 1]) {
    const { packsDeleted } = await reopened.cleanUp(owner, { rewrittenBelow });
    expect(packsDeleted).toBe(0);
  }
  await reopened.rebuildIndex();
  expect((await restorePoint(reopened, 'two')).equals(next)).toBe(true);
});
