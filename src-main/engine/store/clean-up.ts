/**
 * The clean-up, planned: which points are gone for good, which packs nobody needs, which are so
 * little needed that what is needed moves to new packs. A value; clean-up-run.ts does it.
 *
 * Nothing is planned unless every manifest that stays and every node of its trees can be read: what
 * a point needs is known whole or not at all.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { BlockReader } from './block-reader.ts';
import type { StoreKeys } from './crypto.ts';
import { breathe } from './index-sync.ts';
import { keyPrefixBytes, type BlockIndex } from './index.ts';
import { keyOf, removalGraceSeconds, type KeptPoints } from './kept.ts';
import { pointName } from './manifest-file.ts';
import type { PointManifest } from './manifest.ts';
import type { Marker } from './marker.ts';
import {
  entryBytes,
  footerBytes,
  maxPackEntries,
  packHeaderBytes,
  targetPackBytes,
} from './pack.ts';
import { readTrailer } from './pack-reader.ts';
import type { PlaceTable } from './place-table.ts';
import { StoredTwice } from './proven-copies.ts';
import type { PointName } from './repository.ts';
import type { Storage } from './storage.ts';
import { throwIfAborted } from './verify-progress.ts';
import {
  inOrder,
  rootsOf,
  walkPoints,
  type NeededBlock,
  type RootsOfPoint,
} from './walk-points.ts';
import type { BlockWorkers } from './workers.ts';

/** A pack of which less than this part is needed is written anew. */
export const rewrittenBelow = 0.7;
/** Manifests read at the same time. */
const manifestsInFlight = 8;
/** Needed blocks without a place that are looked for in the packs that would go. */
const maxMissing = 65_536;
/** Packs looked at before other work gets its turn. */
const packsAtOnce = 50;

export interface CleanUpParts {
  readonly world: World;
  readonly storage: Storage;
  readonly keys: StoreKeys;
  readonly index: BlockIndex;
  readonly reader: BlockReader;
  readonly workers: BlockWorkers;
  readonly kept: KeptPoints;
  readonly blockSizeBytes: number;
  /** Of every point, removed ones too. */
  readonly listManifests: () => Promise<readonly PointName[]>;
  readonly readPoint: (id: string, machineUuid: string) => Promise<PointManifest>;
}

export interface CleanUpOptions {
  readonly signal?: AbortSignal | undefined;
  /** What is being done, in words; `done` of `total` are bytes, 0 of 0 while that is not known. */
  readonly onProgress?: ((activity: string, done: number, total: number) => void) | undefined;
  /** Frees no point that was removed later than this, epoch ms, also when its grace is over. */
  readonly removedBefore?: number | undefined;
  /** For tests: 1 rewrites every pack that holds anything nobody needs. */
  readonly rewrittenBelow?: number;
}

/** What a clean-up would do, or did. */
export interface CleanUpOutline {
  /** Their grace is over: they go for good. */
  readonly points: readonly Marker[];
  readonly packsDeleted: number;
  readonly packsRewritten: number;
  /** Bytes the repository's files are fewer by in the end; planned to within 68 bytes a pack. */
  readonly freesBytes: number;
  /** Bytes written to new packs before the old ones go. */
  readonly writesBytes: number;
}

export interface PackToGo {
  readonly number: number;
  readonly packId: string;
  readonly sizeBytes: number;
  /** Of payloads that are needed and their lines in the trailer. */
  readonly liveBytes: number;
  readonly liveBlocks: number;
}

export interface PlannedCleanUp {
  readonly points: readonly Marker[];
  readonly manifestBytes: number;
  readonly dead: readonly PackToGo[];
  readonly rewritten: readonly PackToGo[];
}

/** Fills `table` with the place of every block that is needed. Throws refused. */
export async function planCleanUp(
  parts: CleanUpParts,
  table: PlaceTable,
  options: CleanUpOptions,
): Promise<PlannedCleanUp> {
  const graceOver = parts.world.clock.now() - removalGraceSeconds * 1000;
  const goneBefore = Math.min(graceOver, options.removedBefore ?? graceOver);
  const points = (await parts.kept.removed()).filter(({ at }) => at <= goneBefore);
  const gone = new Set(points.map(({ point }) => keyOf(point)));
  const stay = (await parts.listManifests()).filter((point) => !gone.has(keyOf(point)));
  options.onProgress?.('Reading what every restore point needs', 0, 0);
  const roots = await readRoots(parts, stay, options.signal);
  const missing = await markNeeded(parts, table, roots, options);
  const { dead, rewritten } = await sortPacks(parts, table, missing, options);
  let manifestBytes = 0;
  for (const { point } of points) {
    manifestBytes += (await parts.storage.size(pointName(point.machineUuid, point.id))) ?? 0;
  }
  return { points, manifestBytes, dead, rewritten };
}

export function outlineOf(plan: PlannedCleanUp): CleanUpOutline {
  const { points, manifestBytes, dead, rewritten } = plan;
  const sum = (packs: readonly PackToGo[], key: 'sizeBytes' | 'liveBytes' | 'liveBlocks') =>
    packs.reduce((total, pack) => total + pack[key], 0);
  const live = sum(rewritten, 'liveBytes');
  const blocks = sum(rewritten, 'liveBlocks');
  const packs = Math.max(Math.ceil(live / targetPackBytes), Math.ceil(blocks / maxPackEntries));
  const writesBytes = live + packs * (packHeaderBytes + footerBytes);
  return {
    points,
    packsDeleted: dead.length,
    packsRewritten: rewritten.length,
    freesBytes: manifestBytes + sum(dead, 'sizeBytes') + sum(rewritten, 'sizeBytes') - writesBytes,
    writesBytes,
  };
}

/** Throws refused when one of them cannot be read: what it needs is not known then. */
export async function readRoots(
  parts: Pick<CleanUpParts, 'readPoint'>,
  points: readonly PointName[],
  signal?: AbortSignal,
): Promise<readonly RootsOfPoint[]> {
  const roots: RootsOfPoint[] = [];
  for (let at = 0; at < points.length; at += manifestsInFlight) {
    if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
    const group = points.slice(at, at + manifestsInFlight);
    const read = group.map(async (point) => {
      try {
        return rootsOf(point, await parts.readPoint(point.id, point.machineUuid));
      } catch (thrown) {
        if (hasCode(thrown, 'manifest-damaged', 'manifest-refused', 'repository-too-new')) {
          throw unreadable(point, thrown);
        }
        throw thrown;
      }
    });
    roots.push(...(await Promise.all(read)));
  }
  return roots;
}

/** Resolves with the ids, in hex and cut to what the index knows, that have no place. */
async function markNeeded(
  parts: CleanUpParts,
  table: PlaceTable,
  roots: readonly RootsOfPoint[],
  { signal }: CleanUpOptions,
): Promise<ReadonlySet<string>> {
  const { reader, index, blockSizeBytes } = parts;
  const missing = new Set<string>();
  const twice = new StoredTwice();
  const take = (blocks: readonly NeededBlock[]) => {
    const found = index.placesOfAll(blocks.map(({ id }) => id));
    table.together(() => {
      for (const [i, { id, kind }] of blocks.entries()) {
        const places = found[i] ?? [];
        // Each of them, because which one is good is not known.
        for (const place of places) table.put(place, 0, place.length + entryBytes);
        if (places.length > 1) twice.add({ id, kind, places });
        else if (places.length === 0) missing.add(prefixOf(id));
      }
    });
    if (missing.size > maxMissing) throw tooMuchMissing();
  };
  const sets = { numberOf: () => 0 }; // who needs it is all the same here
  try {
    await walkPoints(inOrder(roots), { reader, sets, blockSizeBytes, take, signal });
  } catch (thrown) {
    if (hasCode(thrown, 'block-damaged')) throw damagedTree(thrown);
    throw thrown;
  }
  await twice.keepOneEach(parts, table, signal);
  return missing;
}

async function sortPacks(
  { index, storage, keys }: CleanUpParts,
  table: PlaceTable,
  missing: ReadonlySet<string>,
  options: CleanUpOptions,
): Promise<{ dead: readonly PackToGo[]; rewritten: readonly PackToGo[] }> {
  const below = options.rewrittenBelow ?? rewrittenBelow;
  const dead: PackToGo[] = [];
  const rewritten: PackToGo[] = [];
  // The index may have lost the line of a block that a pack does list.
  const mayHold = async (packId: string) => {
    if (missing.size === 0) return false;
    const listing = await readTrailer(storage, keys, packId);
    return 'why' in listing || listing.entries.some(({ id }) => missing.has(prefixOf(id)));
  };
  for (const [i, [number, { id, sizeBytes }]] of [...index.packs()].entries()) {
    throwIfAborted(options.signal);
    if (i % packsAtOnce === 0) await breathe();
    const { bytes: liveBytes, places: liveBlocks } = table.totalIn(number);
    const pack = { number, packId: id, sizeBytes, liveBytes, liveBlocks };
    const filled = sizeBytes - packHeaderBytes - footerBytes;
    if (liveBytes > 0 && liveBytes >= below * filled) continue;
    if (await mayHold(id)) continue;
    (liveBytes === 0 ? dead : rewritten).push(pack);
  }
  return { dead, rewritten };
}

function prefixOf(id: Buffer): string {
  return id.toString('hex', 0, keyPrefixBytes);
}

const unharmed = 'Nothing was deleted; every restore point is as it was.';

function unreadable({ id, machineUuid }: PointName, cause: AppError): AppError {
  const tooNew = cause.code === 'repository-too-new';
  return new AppError(
    'refused',
    `What the restore point ${id} needs is not known: its manifest cannot be read.`,
    {
      point: id,
      machine: machineUuid,
      reasons: [cause.message],
      unharmed,
      advice: tooNew
        ? 'Clean up with the newer version of Waymark.'
        : `Bring points/${machineUuid}/${id} back from a copy of the repository, or move it away.`,
    },
    cause,
  );
}

function damagedTree(cause: AppError): AppError {
  return new AppError(
    'refused',
    'What some restore points need is not known: a part of their list of blocks is damaged.',
    {
      ...cause.data,
      reasons: [cause.message],
      unharmed,
      advice: 'Verify the repository to see which; back those machines up again or remove them.',
    },
    cause,
  );
}

function tooMuchMissing(): AppError {
  return new AppError('refused', 'Many blocks that restore points need are missing.', {
    reasons: [`More than ${maxMissing} blocks are in no pack.`],
    unharmed,
    advice: 'Verify the repository to see whose they are; bring its packs back, or remove those.',
  });
}
