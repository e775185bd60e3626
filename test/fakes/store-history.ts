/**
 * Random histories of a repository: machines whose disks change, grow and share blocks, removed
 * points, and what must be left of them, found the slow way: block by block from the packs.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBlock } from '#engine/store/block-codec.ts';
import { blockKind, deriveKeys } from '#engine/store/crypto.ts';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { entryBytes, packName } from '#engine/store/pack.ts';
import { readTrailer } from '#engine/store/pack-reader.ts';
import type { PointManifest } from '#engine/store/manifest.ts';
import type { PointName, StoreRepository, TreeRoot } from '#engine/store/repository.ts';
import { decodeNode, fanOut, levelsFor, maxNodeBytes } from '#engine/store/tree-node.ts';
import { manifest, noise, owner, readWhole, type Fixture } from './store-fixture.ts';

export interface WrittenPoint {
  readonly name: PointName;
  readonly image: Buffer;
}

export interface Dice {
  /** A whole number from 0 to before `below`. */
  next(below: number): number;
}

/** The same numbers for the same seed (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed;
  return {
    next: (below) => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) % below;
    },
  };
}

const uuids = ['6f9d3f7c-0000-4000-8000-00000000000a', '6f9d3f7c-0000-4000-8000-00000000000b'];

/** Commits one point of a machine from a whole image. */
export async function writePoint(
  repository: StoreRepository,
  name: PointName,
  image: Buffer,
  time: number,
): Promise<void> {
  const writer = await repository.openWriter(owner);
  try {
    const disk = writer.beginDisk(image.length, null);
    await disk.write(0, Buffer.from(image));
    const { root } = await disk.finish();
    const definition = await writer.putBlob(noise(`xml ${name.machineUuid}`, 500));
    const point = manifest(name.id, [root]);
    const machine = { uuid: name.machineUuid, name: 'web 01' };
    await writer.commitPoint({ ...point, machine, time, definition });
  } finally {
    await writer.release();
  }
}

/**
 * Two machines with `count` points in all. Blocks come from a small stock, so that machines,
 * positions and points share them; disks grow past a level of their tree.
 */
export async function writeHistory(
  repository: StoreRepository,
  random: Dice,
  count: number,
): Promise<readonly WrittenPoint[]> {
  const block = repository.blockSizeBytes;
  const images = uuids.map(() => Buffer.alloc((50 + random.next(40)) * block));
  const points: WrittenPoint[] = [];
  for (let i = 0; i < count; i += 1) {
    const which = random.next(uuids.length);
    let image = Buffer.from(images[which] ?? Buffer.alloc(block));
    if (random.next(4) === 0) image = Buffer.concat([image, Buffer.alloc(9 * block)]);
    for (let changes = random.next(20) + 1; changes > 0; changes -= 1) {
      const at = random.next(image.length / block) * block;
      if (random.next(5) === 0) image.fill(0, at, at + block);
      else noise(`block ${random.next(60)}`, block).copy(image, at);
    }
    images[which] = image;
    const name = { id: `p${String(i).padStart(3, '0')}`, machineUuid: uuids[which] ?? '' };
    await writePoint(repository, name, image, 1_760_000_000_000 + i * 3_600_000);
    points.push({ name, image });
  }
  return points;
}

export async function imageOf(repository: StoreRepository, name: PointName): Promise<Buffer> {
  const { disks } = await repository.readPoint(name.id, name.machineUuid);
  const root = disks[0]?.root ?? { id: '', sizeBytes: 0 };
  return readWhole(repository.openTree(root), root.sizeBytes);
}

interface Stored {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}

/** Every block in the packs by id, wherever it is stored. */
async function storedBlocks(storage: FolderStorage, path: string): Promise<Map<string, Stored[]>> {
  const found = new Map<string, Stored[]>();
  const names = await readdir(join(path, 'packs'), { recursive: true });
  for (const pack of names.flatMap((name) => /[0-9a-f]{32}$/.exec(name) ?? [])) {
    const listing = await readTrailer(storage, { sealed: false }, pack);
    if ('why' in listing) throw new Error(listing.why);
    for (const { id, offset, length } of listing.entries) {
      const key = id.toString('hex');
      found.set(key, [...(found.get(key) ?? []), { pack, offset, length }]);
    }
  }
  return found;
}

/** For each point, the ids of all it needs: each tree walked from its root to every block. */
export async function slowNeeds(
  at: Fixture,
  repository: StoreRepository,
  points: readonly PointName[],
): Promise<{ needs: readonly Set<string>[]; bytesOf: (id: string) => number }> {
  const storage = new FolderStorage(at.world, at.path);
  await storage.attach();
  const blocks = await storedBlocks(storage, at.path);
  const walk = async (id: string, level: number, into: Set<string>): Promise<void> => {
    into.add(id);
    const place = blocks.get(id)?.[0];
    if (level < 0) return;
    if (place === undefined) throw new Error(`${id} is missing`);
    const payload = Buffer.alloc(place.length);
    await storage.readInto(packName(place.pack), place.offset, payload);
    const keys = deriveKeys(null, '');
    const key = Buffer.from(id, 'hex');
    const node = decodeNode(decodeBlock(keys, blockKind.node, key, payload, maxNodeBytes), level);
    if ('why' in node) throw new Error(node.why);
    for (let child = 0; child < fanOut; child += 1) {
      const below = node.get(child);
      if (below !== null) await walk(below.toString('hex'), level - 1, into);
    }
  };
  const needs: Set<string>[] = [];
  for (const { id, machineUuid } of points) {
    const all = new Set<string>();
    for (const root of rootsIn(await repository.readPoint(id, machineUuid))) {
      if (root.id === '') continue;
      const leaves = Math.ceil(root.sizeBytes / repository.blockSizeBytes);
      await walk(root.id, levelsFor(leaves) - 1, all);
    }
    needs.push(all);
  }
  await storage.close();
  const bytesOf = (id: string) =>
    (blocks.get(id) ?? []).reduce((sum, { length }) => sum + length + entryBytes, 0);
  return { needs, bytesOf };
}

function rootsIn({ disks, definition }: PointManifest): TreeRoot[] {
  return [...disks.map(({ root }) => root), ...(definition === null ? [] : [definition])];
}
