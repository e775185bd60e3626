import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import { entryBytes, footerBytes, packHeaderBytes } from '#engine/store/pack.ts';
import {
  createRepository,
  openRepository,
  type PointName,
  type StoreRepository,
} from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import { mortalWorld, noise, owner } from '../../../fakes/store-fixture.ts';
import {
  dice,
  imageOf,
  slowNeeds,
  writeHistory,
  writePoint,
  type WrittenPoint,
} from '../../../fakes/store-history.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();
const dayMs = 86_400_000;
const graceMs = removalGraceSeconds * 1000;
const frame = packHeaderBytes + footerBytes;
const marked = (point: PointName) => ({ ...point, machineName: 'web 01', time: 1 });

let aheadMs = 0;
beforeEach(() => {
  aheadMs = 0;
});

/** The fixture's world, with a clock that can be put ahead. */
function world(): World {
  const real = store.at.world;
  return { ...real, clock: { ...real.clock, now: () => real.clock.now() + aheadMs } };
}

async function open(index = 'index.sqlite', own = world()): Promise<StoreRepository> {
  const indexPath = join(store.at.folder, index);
  const repository = await openRepository(own, store.at.path, null, { indexPath });
  store.closeLater(repository);
  return repository;
}

async function history(
  seed: number,
  count = 8,
): Promise<{ repository: StoreRepository; points: readonly WrittenPoint[] }> {
  const { path, indexPath } = store.at;
  const options = { password: null, blockSizeBytes: block, indexPath };
  const { repository } = await createRepository(world(), path, options);
  store.closeLater(repository);
  return { repository, points: await writeHistory(repository, dice(seed), count) };
}

async function packBytes(): Promise<number> {
  const sizes = (await store.packFiles()).map(async (path) => (await stat(path)).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function wholeAndExact(
  repository: StoreRepository,
  points: readonly WrittenPoint[],
): Promise<void> {
  const listed = (await repository.listPoints()).map(({ id }) => id).sort();
  expect(listed).toEqual(points.map(({ name }) => name.id).sort());
  expect((await repository.verify('data')).damage).toEqual([]);
  for (const { name, image } of points) {
    expect((await imageOf(repository, name)).equals(image)).toBe(true);
  }
}

describe('a clean-up', () => {
  it.each([1, 2, 3])('frees exactly what was foretold, and nothing else (%i)', async (seed) => {
    const { repository, points } = await history(seed, 10);
    const random = dice(seed + 100);
    const gone = points.filter(() => random.next(2) === 0);
    const left = points.filter((point) => !gone.includes(point));
    const names = gone.map(({ name }) => name);
    const sharing = await repository.sharing();
    for (const name of names) await repository.kept.remove(marked(name), 'A person');
    const foretold = sharing.freedBy(names).reduce((sum, bytes) => sum + bytes, 0);
    let manifests = 0;
    for (const { id, machineUuid } of names) {
      manifests += (await stat(join(store.at.path, 'points', machineUuid, id))).size;
    }
    const packsBefore = (await store.packFiles()).length;
    const before = await packBytes();
    aheadMs = graceMs + dayMs;
    const plan = await repository.planCleanUp({ rewrittenBelow: 1 });
    expect(await packBytes()).toBe(before);
    const done = await repository.cleanUp(owner, { rewrittenBelow: 1 });
    const after = await packBytes();
    const packsAfter = (await store.packFiles()).length;
    expect(done).toEqual({ ...plan, problems: [] });
    expect(done.points.map(({ point }) => point.id).sort()).toEqual(names.map(({ id }) => id));
    expect(done.freesBytes).toBe(before - after + manifests);
    expect(foretold).toBe(before - after + manifests - (packsBefore - packsAfter) * frame);
    // Every byte that is left is a block that somebody needs.
    const { needs, bytesOf } = await slowNeeds(
      store.at,
      repository,
      left.map(({ name }) => name),
    );
    const needed = new Set(needs.flatMap((ids) => [...ids]));
    const blocks = [...needed].reduce((sum, id) => sum + bytesOf(id), 0);
    expect(after).toBe(blocks + packsAfter * frame);
    await wholeAndExact(repository, left);
    // Again there is nothing to do, and whoever opens it anew sees the same.
    const again = await repository.cleanUp(owner, { rewrittenBelow: 1 });
    expect(again).toMatchObject({ points: [], packsDeleted: 0, packsRewritten: 0, freesBytes: 0 });
    await wholeAndExact(await open('other.sqlite'), left);
  });

  it('leaves what can be taken back, what is pinned, and what is from the future', async () => {
    const { repository, points } = await history(4, 5);
    const [one, two, three] = points.map(({ name }) => name);
    if (one === undefined || two === undefined || three === undefined) throw new Error('few');
    await repository.kept.remove(marked(one), 'A person');
    aheadMs = graceMs - dayMs / 2;
    await repository.kept.remove(marked(two), 'A person');
    const pin = join(store.at.path, 'pins', three.machineUuid);
    await repository.kept.remove(marked(three), 'A person');
    await store.at.world.files.makeFolder(pin);
    await writeFile(join(pin, three.id), 'set by somebody else, and torn');
    expect((await repository.cleanUp(owner)).points).toEqual([]);
    await repository.kept.takeBack(one);
    await repository.kept.remove(marked(one), 'A person');
    aheadMs += graceMs - dayMs;
    expect((await repository.cleanUp(owner)).points).toEqual([]);
    aheadMs = -30 * dayMs; // a clock that went wrong
    expect((await repository.cleanUp(owner)).points).toEqual([]);
    for (const name of [one, two]) await repository.kept.takeBack(name);
    await wholeAndExact(repository, points);
  });

  it('keeps packs that are mostly needed, and counts what it leaves', async () => {
    const { repository } = await history(5, 1);
    const name = { id: 'big', machineUuid: '6f9d3f7c-0000-4000-8000-00000000000c' };
    const image = noise('big', 100 * block);
    await writePoint(repository, name, image, 1);
    const next = { ...name, id: 'next' };
    const changed = Buffer.from(image);
    noise('changed', 20 * block).copy(changed);
    await writePoint(repository, next, changed, 2);
    await repository.kept.remove(marked(name), 'A person');
    aheadMs = graceMs + dayMs;
    const before = await packBytes();
    const done = await repository.cleanUp(owner);
    expect(done).toMatchObject({ packsDeleted: 0, packsRewritten: 0 });
    expect(await packBytes()).toBe(before);
    expect((await imageOf(repository, next)).equals(changed)).toBe(true);
  });

  it('makes no block unknown that the next backup would store again', async () => {
    const { repository, points } = await history(6, 6);
    const [first] = points;
    if (first === undefined) throw new Error('few');
    await repository.kept.remove(marked(first.name), 'A person');
    aheadMs = graceMs + dayMs;
    await repository.cleanUp(owner, { rewrittenBelow: 1 });
    const last = points.at(-1);
    if (last === undefined) throw new Error('few');
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(last.image.length, null);
    await disk.write(0, Buffer.from(last.image));
    await disk.finish();
    await writer.release();
    expect(writer.stats().newBlocks).toBe(0);
  });
});

describe('a clean-up deletes nothing', () => {
  it('when a manifest that stays cannot be read', async () => {
    const { repository, points } = await history(7, 5);
    const [one, two] = points.map(({ name }) => name);
    if (one === undefined || two === undefined) throw new Error('few');
    await repository.kept.remove(marked(one), 'A person');
    const path = join(store.at.path, 'points', two.machineUuid, two.id);
    const good = await readFile(path);
    await writeFile(path, good.subarray(0, good.length - 3));
    aheadMs = graceMs + dayMs;
    const before = await packBytes();
    expect(await codeOf(repository.cleanUp(owner))).toBe('refused');
    expect(await codeOf(repository.planCleanUp())).toBe('refused');
    expect(await packBytes()).toBe(before);
    expect((await repository.kept.removed()).map(({ point }) => point.id)).toEqual([one.id]);
    // A removed one that nobody can read does not stand in the way once its grace is over.
    await writeFile(path, good);
    await repository.kept.remove(marked(two), 'A person');
    await writeFile(path, good.subarray(0, good.length - 3));
    expect(await codeOf(repository.cleanUp(owner))).toBe('refused');
    aheadMs += graceMs + dayMs;
    expect((await repository.cleanUp(owner)).points).toHaveLength(2);
    await wholeAndExact(repository, points.slice(2));
  });

  it('when a node of a tree that stays cannot be read', async () => {
    const { repository, points } = await history(8, 4);
    const [one] = points.map(({ name }) => name);
    if (one === undefined) throw new Error('few');
    await repository.kept.remove(marked(one), 'A person');
    aheadMs = graceMs + dayMs;
    const files = await store.packFiles();
    const copies = await Promise.all(files.map((path) => readFile(path)));
    for (const [i, path] of files.entries()) {
      const bytes = Buffer.from(copies[i] ?? []);
      const entries = bytes.readUInt32LE(bytes.length - footerBytes);
      const dataEnd = bytes.length - footerBytes - entries * entryBytes;
      bytes.fill(0, packHeaderBytes, dataEnd); // blocks and nodes alike
      await writeFile(path, bytes);
    }
    const sizes = await packBytes();
    const fresh = await open('fresh.sqlite');
    expect(await codeOf(fresh.cleanUp(owner))).toBe('refused');
    expect(await packBytes()).toBe(sizes);
  });

  it('of a pack in which a needed block is damaged, and says so', async () => {
    const { repository } = await history(9, 1);
    const machineUuid = '6f9d3f7c-0000-4000-8000-00000000000c';
    const image = noise('big', 40 * block);
    await writePoint(repository, { id: 'big', machineUuid }, image, 1);
    const packs = new Set(await store.packFiles());
    const kept = Buffer.alloc(image.length);
    image.copy(kept, 0, 0, 3 * block);
    await writePoint(repository, { id: 'next', machineUuid }, kept, 2);
    await repository.kept.remove(marked({ id: 'big', machineUuid }), 'A person');
    aheadMs = graceMs + dayMs;
    for (const path of packs) {
      const bytes = await readFile(path);
      bytes[packHeaderBytes + 40] = (bytes[packHeaderBytes + 40] ?? 0) ^ 1;
      await writeFile(path, bytes);
    }
    const done = await repository.cleanUp(owner);
    expect(done.problems).toHaveLength(1);
    for (const path of packs) await stat(path);
    expect(await codeOf(imageOf(repository, { id: 'next', machineUuid }))).toBe('block-damaged');
  });

  it('while somebody writes, or once another took its lease over', async () => {
    const { repository } = await history(10, 2);
    const other = await open('other.sqlite');
    const writer = await other.openWriter(owner);
    expect(await codeOf(repository.cleanUp(owner))).toBe('repository-busy');
    await writer.release();
    const abort = new AbortController();
    abort.abort();
    expect(await codeOf(repository.cleanUp(owner, { signal: abort.signal }))).toBe('cancelled');
    await repository.cleanUp(owner); // the lease is free again
  });
});

it('takes its note back when another got the lease just before it', async () => {
  const { repository, points } = await history(14, 4);
  const [one] = points;
  if (one === undefined) throw new Error('few');
  await repository.kept.remove(marked(one.name), 'A person');
  aheadMs = graceMs + dayMs;
  const real = store.at.world.files;
  const createDurable: typeof real.createDurable = async (path, ...rest) => {
    // Asleep between the look at the lease and the note; somebody took over meanwhile.
    const taken = join(store.at.path, 'locks', 'writer-000999');
    const free = JSON.stringify({ state: 'free', pid: 1 });
    if (path.includes('/cleaned/')) await writeFile(taken, free);
    await real.createDurable(path, ...rest);
  };
  const slow = await open('slow.sqlite', { ...world(), files: { ...real, createDurable } });
  expect(await codeOf(slow.cleanUp(owner))).toBe('repository-lease-lost');
  expect(await readdir(join(store.at.path, 'cleaned'))).toEqual([]);
  await repository.kept.takeBack(one.name);
  await wholeAndExact(await open('other.sqlite'), points);
});

describe('beside a clean-up elsewhere', () => {
  it('a reader that knew the old packs finds everything in the new ones', async () => {
    const { repository, points } = await history(11, 8);
    const reader = await open('reader.sqlite');
    await reader.usage(); // its index knows every pack
    const gone = points.slice(0, 5);
    const left = points.slice(5);
    const [first] = left;
    if (first === undefined) throw new Error('few');
    expect((await imageOf(reader, first.name)).equals(first.image)).toBe(true);
    for (const { name } of gone) await repository.kept.remove(marked(name), 'A person');
    aheadMs = graceMs + dayMs;
    const done = await repository.cleanUp(owner, { rewrittenBelow: 1 });
    expect(done.packsRewritten + done.packsDeleted).toBeGreaterThan(1);
    // At once, and twice: the first look for new packs is not the last.
    for (const { name, image } of left) {
      expect((await imageOf(reader, name)).equals(image)).toBe(true);
    }
    expect((await reader.verify('data')).damage).toEqual([]);
    const [root] = (await reader.readPoint(first.name.id, first.name.machineUuid)).disks;
    const lost = [];
    if (root !== undefined)
      for await (const range of reader.damagedRanges(root.root)) lost.push(range);
    expect(lost).toEqual([]);
  });

  it('a backup reuses nothing that a cut-off clean-up had noted', async () => {
    const { repository, points } = await history(12, 6);
    const gone = points.slice(0, 5);
    const last = points[5];
    if (last === undefined) throw new Error('few');
    for (const { name } of gone) await repository.kept.remove(marked(name), 'A person');
    await repository.close();
    aheadMs = graceMs + dayMs;
    // Cut off when the first pack is to be deleted: packs are noted, and all still there.
    const before = await store.packFiles();
    const files = store.at.world.files;
    const stopping = {
      ...files,
      remove: (path: string) =>
        path.includes('/packs/') ? Promise.reject(new Error('cut off')) : files.remove(path),
    };
    const cut = await open('cut.sqlite', mortalWorld({ ...world(), files: stopping }));
    await expect(cut.cleanUp(owner)).rejects.toThrow();
    expect((await store.packFiles()).length).toBeGreaterThanOrEqual(before.length);
    const next = await open('next.sqlite');
    const name = { id: 'again', machineUuid: gone[0]?.name.machineUuid ?? '' };
    const image = gone[0]?.image ?? Buffer.alloc(0);
    await writePoint(next, name, image, 1_770_000_000_000);
    // The first one wakes and goes on deleting: nobody relies on what it noted.
    const noted = await readdir(join(store.at.path, 'cleaned'));
    expect(noted.length).toBeGreaterThan(0);
    const done = await next.cleanUp(owner);
    expect(done.points).toEqual([]);
    await wholeAndExact(await open('last.sqlite'), [last, { name, image }]);
  });
});
