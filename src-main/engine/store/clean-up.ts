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
import type { BlockIndex } from './index.ts';
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
import type { PlaceTable } from './place-table.ts';
import type { PointName } from './repository.ts';
import type { Storage } from './storage.ts';
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
  await markNeeded(parts, table, await readRoots(parts, stay, options.signal), options);
  const { dead, rewritten } = await sortPacks(parts, table, options);
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

async function markNeeded(
  parts: CleanUpParts,
  table: PlaceTable,
  roots: readonly RootsOfPoint[],
  { signal }: CleanUpOptions,
): Promise<void> {
  const { reader, index, blockSizeBytes } = parts;
  const take = (blocks: readonly NeededBlock[]) => {
    const places = index.placesOfAll(blocks.map(({ id }) => id));
    table.together(() => {
      for (const [place] of places) {
        if (place !== undefined) table.put(place, 0, place.length + entryBytes);
      }
    });
  };
  const sets = { numberOf: () => 0 }; // who needs it is all the same here
  try {
    await walkPoints(inOrder(roots), { reader, sets, blockSizeBytes, take, signal });
  } catch (thrown) {
    if (hasCode(thrown, 'block-damaged')) throw damagedTree(thrown);
    throw thrown;
  }
}

async function sortPacks(
  { index }: CleanUpParts,
  table: PlaceTable,
  options: CleanUpOptions,
): Promise<{ dead: readonly PackToGo[]; rewritten: readonly PackToGo[] }> {
  const below = options.rewrittenBelow ?? rewrittenBelow;
  const dead: PackToGo[] = [];
  const rewritten: PackToGo[] = [];
  for (const [i, [number, { id, sizeBytes }]] of [...index.packs()].entries()) {
    const { bytes: liveBytes, places: liveBlocks } = table.totalIn(number);
    const pack = { number, packId: id, sizeBytes, liveBytes, liveBlocks };
    if (liveBytes === 0) dead.push(pack);
    else if (liveBytes < below * (sizeBytes - packHeaderBytes - footerBytes)) rewritten.push(pack);
    if (i % packsAtOnce === 0) await breathe();
  }
  return { dead, rewritten };
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
