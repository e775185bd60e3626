/**
 * Verification: `structure` proves that every point's trees are whole and every block they name is
 * listed in a pack; `data` also reads, opens and hashes every block. What is damaged is reported
 * with every point and disk range it touches, and remembered, so that a later backup heals it.
 */
import { hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { BlockReader } from './block-reader.ts';
import type { StoreKeys } from './crypto.ts';
import type { BlockIndex } from './index.ts';
import { breathe } from './index-sync.ts';
import type { PointManifest } from './manifest.ts';
import type { ByteRange, PointName, StoreRepository, TreeRoot } from './repository.ts';
import type { Storage } from './storage.ts';
import { fanOut } from './tree-node.ts';
import { leaves } from './tree-walk.ts';
import { Progress, throwIfAborted } from './verify-progress.ts';
import type { StoreDamage, TouchedRange, VerifyOptions, VerifyResult } from './verify-result.ts';
import { proveAllPacks, provePoint } from './verify-data.ts';
import type { BlockWorkers } from './workers.ts';

/** Ranges reported of one part of one point; more are counted in the detail's words only. */
export const maxReportedRanges = 100;
/** Damaged things reported one by one. */
export const maxReportedDamage = 1_000;

export interface VerifyParts {
  readonly world: World;
  readonly repository: StoreRepository;
  readonly storage: Storage;
  readonly keys: StoreKeys;
  readonly index: BlockIndex;
  readonly reader: BlockReader;
  readonly workers: BlockWorkers;
  /** Brings the index up to date again. */
  readonly resync: () => Promise<unknown>;
  readonly damagedPacks: readonly { readonly packId: string; readonly why: string }[];
}

export interface PartOfPoint {
  readonly point: PointName;
  readonly part: string;
  readonly root: TreeRoot;
}

/** What was found so far, by block. */
export interface Found {
  readonly blocks: Map<string, string>; // block id in hex → why
  blocksChecked: number;
  bytesRead: number;
}

export async function verifyRepository(
  parts: VerifyParts,
  depth: 'structure' | 'data',
  options: VerifyOptions,
): Promise<VerifyResult> {
  const { clock } = parts.world;
  const startMs = clock.monotonic();
  const found: Found = { blocks: new Map(), blocksChecked: 0, bytesRead: 0 };
  const damage: StoreDamage[] = parts.damagedPacks.map(({ packId, why }) => ({
    what: 'pack',
    id: packId,
    detail: `The list at the end of a pack cannot be used: ${why}.`,
    touches: [],
  }));
  const names = options.point === undefined ? await parts.repository.listPoints() : [options.point];
  const whole: PartOfPoint[] = [];
  for (const name of names) whole.push(...(await readParts(parts, name, damage)));
  const progress = new Progress(clock, options.onProgress);
  if (depth === 'data' && options.point === undefined) {
    await proveAllPacks(parts, found, progress, options.signal);
  }
  if (depth === 'data' && options.point !== undefined) {
    for (const part of whole) await provePoint(parts, part, found, progress, options.signal);
  }
  const touched = await checkTrees(parts, whole, found, options.signal);
  damage.push(...describe(found, touched));
  if (depth === 'structure') found.blocksChecked = touched.seenBlocks;
  if (options.point === undefined && damage.length === 0) parts.index.note('vanished', false);
  progress.finish();
  return {
    depth,
    pointsChecked: names.length,
    blocksChecked: found.blocksChecked,
    bytesRead: found.bytesRead,
    seconds: (clock.monotonic() - startMs) / 1000,
    damage: damage.slice(0, maxReportedDamage),
  };
}

async function readParts(
  parts: VerifyParts,
  point: PointName,
  damage: StoreDamage[],
): Promise<PartOfPoint[]> {
  let manifest: PointManifest;
  try {
    manifest = await parts.repository.readPoint(point.id, point.machineUuid);
  } catch (thrown) {
    const ours = ['manifest-damaged', 'manifest-refused', 'repository-too-new'] as const;
    if (!hasCode(thrown, ...ours)) throw thrown;
    const touches = [{ point, part: '', ranges: [] }];
    damage.push({ what: 'manifest', id: point.id, detail: thrown.message, touches });
    return [];
  }
  return partsOf(point, manifest);
}

function partsOf(point: PointName, manifest: PointManifest): PartOfPoint[] {
  const { definition, firmware, tpm, disks } = manifest;
  const found: PartOfPoint[] = disks.map(({ target, root }) => ({ point, part: target, root }));
  if (definition !== null) found.push({ point, part: 'definition', root: definition });
  if (firmware.kind === 'included') found.push({ point, part: 'firmware', root: firmware.root });
  if (tpm.kind === 'included') found.push({ point, part: 'tpm', root: tpm.root });
  return found;
}

interface Touched {
  readonly byBlock: Map<string, Map<PartOfPoint, ByteRange[]>>;
  seenBlocks: number;
}

/**
 * Walks every tree. A subtree is entered once while nothing is damaged; when something is, trees
 * are walked again in full, because each range a bad block touches has to be named.
 */
async function checkTrees(
  parts: VerifyParts,
  whole: readonly PartOfPoint[],
  found: Found,
  signal?: AbortSignal,
): Promise<Touched> {
  const seen = new Set<string>();
  const quick: Touched = { byBlock: new Map(), seenBlocks: 0 };
  for (const part of whole) await walk(parts, part, found, quick, { seen, signal });
  if (found.blocks.size === 0) return quick;
  const full: Touched = { byBlock: new Map(), seenBlocks: 0 };
  for (const part of whole) await walk(parts, part, found, full, { seen: null, signal });
  return { byBlock: full.byBlock, seenBlocks: quick.seenBlocks };
}

async function walk(
  parts: VerifyParts,
  part: PartOfPoint,
  found: Found,
  touched: Touched,
  { seen, signal }: { seen: Set<string> | null; signal: AbortSignal | undefined },
): Promise<void> {
  const { reader, index, repository } = parts;
  const { root } = part;
  const blockSize = repository.blockSizeBytes;
  const blocks = Math.ceil(root.sizeBytes / blockSize);
  const touch = (id: string, first: number, count: number) => {
    const offset = first * blockSize;
    const length = Math.min(count * blockSize, root.sizeBytes - offset);
    const byPart = touched.byBlock.get(id) ?? new Map<PartOfPoint, ByteRange[]>();
    touched.byBlock.set(id, byPart);
    const ranges = byPart.get(part) ?? [];
    byPart.set(part, ranges);
    if (ranges.length < maxReportedRanges) ranges.push({ offset, length });
  };
  const walkOptions = {
    enter: (id: Buffer, level: number) => {
      if (seen === null) return true;
      const key = `${level} ${id.toString('hex')}`; // the same bytes prove nothing on another level
      return seen.has(key) ? false : (seen.add(key), true);
    },
    onUnreadable: (thrown: unknown, first: number, count: number, id: Buffer) => {
      if (!hasCode(thrown, 'block-damaged')) throw thrown;
      const name = id.toString('hex');
      const { why } = thrown.data;
      found.blocks.set(name, typeof why === 'string' ? why : thrown.message);
      touch(name, first, count);
    },
  };
  const rootId = root.id === '' ? null : Buffer.from(root.id, 'hex');
  const load = (id: Buffer, level: number) => reader.readNode(id, level);
  for await (const { firstBlock, node } of leaves(load, rootId, blocks, walkOptions)) {
    throwIfAborted(signal);
    for (let child = 0; child < fanOut; child += 1) {
      const id = node.get(child);
      if (id === null) continue;
      touched.seenBlocks += 1;
      const known = index.find(id) !== null;
      if (known && found.blocks.size === 0) continue;
      const name = id.toString('hex');
      if (!known && !found.blocks.has(name)) found.blocks.set(name, 'it is missing');
      if (found.blocks.has(name)) touch(name, firstBlock + child, 1);
    }
    await breathe();
  }
}

function describe(found: Found, { byBlock }: Touched): StoreDamage[] {
  return [...found.blocks].map(([id, why]) => {
    const touches: TouchedRange[] = [...(byBlock.get(id) ?? [])].map(([part, ranges]) => ({
      point: part.point,
      part: part.part,
      ranges: mergeRanges(ranges),
    }));
    return { what: 'block', id, detail: `A block is damaged: ${why}.`, touches };
  });
}

function mergeRanges(ranges: readonly ByteRange[]): ByteRange[] {
  const merged: { offset: number; length: number }[] = [];
  for (const { offset, length } of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else merged.push({ offset, length });
  }
  return merged;
}

/** Ranges of a tree whose blocks have no good copy that is known of. */
export async function* lostRanges(
  reader: BlockReader,
  index: BlockIndex,
  root: TreeRoot,
  blockSizeBytes: number,
): AsyncIterable<ByteRange> {
  const blocks = Math.ceil(root.sizeBytes / blockSizeBytes);
  const rootId = root.id === '' ? null : Buffer.from(root.id, 'hex');
  const lost: { first: number; count: number }[] = [];
  const toRange = ({ first, count }: { first: number; count: number }): ByteRange => {
    const offset = first * blockSizeBytes;
    return { offset, length: Math.min(count * blockSizeBytes, root.sizeBytes - offset) };
  };
  const load = (id: Buffer, level: number) => reader.readNode(id, level);
  const options = {
    onUnreadable: (thrown: unknown, first: number, count: number) => {
      if (!hasCode(thrown, 'block-damaged')) throw thrown;
      lost.push({ first, count });
    },
  };
  for await (const { firstBlock, node } of leaves(load, rootId, blocks, options)) {
    for (let child = 0; child < fanOut; child += 1) {
      const id = node.get(child);
      if (id !== null && index.find(id) === null)
        lost.push({ first: firstBlock + child, count: 1 });
    }
    yield* lost.splice(0).map(toRange);
    await breathe();
  }
  yield* lost.map(toRange);
}
