/**
 * What is kept beside what rules say: pins, and removals that can be taken back. They are in the
 * repository itself, so that it means the same to whoever opens it. Nothing here deletes a manifest
 * or a block; only the clean-up does (clean-up.ts), and it needs the lease.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { readCleaned } from './cleaned.ts';
import type { StoreKeys } from './crypto.ts';
import type { Lease } from './lock.ts';
import { pointName } from './manifest-file.ts';
import { isFileName } from './manifest.ts';
import {
  decodeMarker,
  encodeMarker,
  markerName,
  maxMarkerBytes,
  type Marker,
  type MarkerKind,
} from './marker.ts';
import type { PointName } from './repository.ts';
import type { Storage } from './storage.ts';

/** How long a removed point can always be taken back; from then on a clean-up may free it. */
export const removalGraceSeconds = 7 * 24 * 3600;
/** With more grace left than this, by a clock that may be wrong, no clean-up touches the point. */
const clockMarginMs = 24 * 3600 * 1000;
/** Markers read at the same time. */
const maxReadsInFlight = 16;

/** What a marker says of a point beside its name. */
export interface MarkedPoint extends PointName {
  readonly machineName: string;
  /** UTC epoch milliseconds. */
  readonly time: number;
}

export interface KeptPoints {
  /** Every point with a pin, also with one that cannot be read. */
  pins(): Promise<readonly PointName[]>;
  /** Throws point-not-found for one that is not listed. */
  pin(point: MarkedPoint, by: string): Promise<void>;
  /** One that is not pinned is fine. */
  unpin(point: PointName): Promise<void>;
  /** Points that are removed and still whole; a pinned one counts as not removed. */
  removed(): Promise<readonly Marker[]>;
  /**
   * Hides it until a clean-up. `notBefore`: the time of the newest point, in epoch ms, from which
   * the grace runs where this computer's clock is behind it. Throws point-not-found, or refused for
   * a pinned one.
   */
  remove(point: MarkedPoint, by: string, notBefore?: number): Promise<void>;
  /**
   * Lists it again. Throws point-not-found when it was not removed or is gone, and repository-busy
   * when its grace ends within a day and somebody writes: that may be the clean-up that frees it.
   */
  takeBack(point: PointName): Promise<void>;
}

export interface KeptParts {
  readonly world: World;
  readonly storage: Storage;
  readonly keys: StoreKeys;
  /** Throws read-only. */
  readonly requireWritable: () => void;
  readonly lease: (what: string) => Promise<Lease>;
}

export function createKept(parts: KeptParts): KeptPoints {
  const { world, storage, keys, requireWritable } = parts;
  const exists = async (name: string) => (await storage.size(name)) !== null;
  const put = async (kind: MarkerKind, point: MarkedPoint, by: string, notBefore = 0) => {
    const { id, machineUuid, machineName, time } = point;
    const at = Math.max(world.clock.now(), notBefore);
    const marker = { point: { id, machineUuid }, machineName, time, at, by };
    const name = markerName(kind, point);
    const bytes = encodeMarker(keys, kind, marker);
    if (await storage.putIfAbsent(name, bytes)) return;
    if ((await readMarker(parts, kind, point)) !== null) return;
    // What is there under this name is no marker: one that is takes its place.
    await storage.put(name, bytes);
  };
  const requirePoint = async (point: PointName) => {
    if (await exists(pointName(point.machineUuid, point.id))) return;
    await storage.check();
    throw noSuchPoint(point.id);
  };
  const requireListed = async (point: PointName) => {
    await requirePoint(point);
    const isPinned = await exists(markerName('pins', point));
    if (isPinned || (await readMarker(parts, 'removed', point)) === null) return isPinned;
    throw noSuchPoint(point.id);
  };
  return {
    pins: () => markedNames(storage, 'pins'),
    pin: async (point, by) => {
      requireWritable();
      await requireListed(point);
      await put('pins', point, by);
    },
    unpin: async (point) => {
      requireWritable();
      if (!(await exists(markerName('pins', point)))) return;
      // A pin outranks a removal made in the same moment; without the pin that one would count
      // again, perhaps with its grace long over.
      await storage.delete(markerName('removed', point));
      await storage.delete(markerName('pins', point));
    },
    removed: () => removedOf(parts),
    remove: async (point, by, notBefore) => {
      requireWritable();
      if (await requireListed(point)) throw pinned(point);
      await put('removed', point, by, notBefore);
    },
    takeBack: async (point) => {
      requireWritable();
      const marker = await readMarker(parts, 'removed', point);
      if (marker === null) throw noSuchPoint(point.id);
      const lease = await leaseToTakeBack(parts, marker);
      try {
        await requirePoint(point);
        const noted = (await readCleaned(storage, keys)).flatMap(({ points }) => points);
        if (noted.some((one) => keyOf(one) === keyOf(point))) throw noSuchPoint(point.id);
        await storage.delete(markerName('removed', point));
      } finally {
        await lease?.release();
      }
    },
  };
}

/** Null beside somebody who writes, where so much grace is left that it frees nothing of this. */
async function leaseToTakeBack({ world, lease }: KeptParts, { at }: Marker): Promise<Lease | null> {
  try {
    return await lease('taking a restore point back');
  } catch (thrown) {
    if (!hasCode(thrown, 'repository-busy')) throw thrown;
    const leftMs = at + removalGraceSeconds * 1000 - world.clock.now();
    if (leftMs > clockMarginMs) return null;
    throw thrown;
  }
}

async function removedOf(parts: KeptParts): Promise<readonly Marker[]> {
  const { storage, world } = parts;
  const names = await markedNames(storage, 'removed');
  if (names.length === 0) return [];
  const pins = new Set((await markedNames(storage, 'pins')).map(keyOf));
  const found: Marker[] = [];
  for (let at = 0; at < names.length; at += maxReadsInFlight) {
    const group = names.slice(at, at + maxReadsInFlight);
    const read = await Promise.all(group.map((name) => readMarker(parts, 'removed', name)));
    for (const [i, point] of group.entries()) {
      const marker = read[i] ?? null;
      if (marker === null) {
        world.log.warn('A removal could not be read, so its restore point stays.', { ...point });
      } else if (!pins.has(keyOf(point))) found.push(marker);
    }
  }
  return found;
}

async function readMarker(
  { storage, keys }: KeptParts,
  kind: MarkerKind,
  point: PointName,
): Promise<Marker | null> {
  try {
    const bytes = await storage.get(markerName(kind, point), maxMarkerBytes);
    return decodeMarker(keys, kind, point, bytes);
  } catch (thrown) {
    if (hasCode(thrown, 'path-not-found', 'path-invalid', 'file-failed')) return null;
    throw thrown;
  }
}

async function markedNames(storage: Storage, kind: MarkerKind): Promise<readonly PointName[]> {
  const names: PointName[] = [];
  for (const machineUuid of await storage.list(kind)) {
    if (!isFileName(machineUuid)) continue;
    for (const id of await storage.list(`${kind}/${machineUuid}`)) {
      if (isFileName(id)) names.push({ id, machineUuid });
    }
  }
  return names;
}

/** One text that names a point: neither of its parts has a slash. */
export function keyOf({ machineUuid, id }: PointName): string {
  return `${machineUuid}/${id}`;
}

export function noSuchPoint(id: string): AppError {
  return new AppError('point-not-found', 'This restore point is not in the repository.', {
    point: id,
  });
}

function pinned({ id, machineName }: MarkedPoint): AppError {
  return new AppError('refused', `This restore point of ${machineName} is pinned.`, {
    point: id,
    reasons: ['A pinned restore point is not removed.'],
    unharmed: 'Nothing was removed.',
    advice: 'Unpin it first, then remove it.',
  });
}
