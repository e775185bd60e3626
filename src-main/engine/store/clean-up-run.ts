/**
 * The clean-up, done, under the lease, in an order that can be cut off anywhere: points noted, then
 * their manifests deleted; packs nobody needs noted, then deleted; the others part by part: what is
 * needed copied as it is and proven on the way, sealed and durable, the old packs noted, then
 * deleted. `cleaned.ts` says what the notes are for.
 */
import { hasCode } from '#contract/errors.ts';
import { readCleaned, writeCleaned, cleanedFolder, keptListsMs } from './cleaned.ts';
import {
  outlineOf,
  type CleanUpOptions,
  type CleanUpOutline,
  type CleanUpParts,
  type PackToGo,
  type PlannedCleanUp,
} from './clean-up.ts';
import { idBytes } from './crypto.ts';
import type { Lease } from './lock.ts';
import { pointName } from './manifest-file.ts';
import { markerName } from './marker.ts';
import { packName, type PackEntry } from './pack.ts';
import { readFailure, readTrailer } from './pack-reader.ts';
import { PackWriter } from './pack-writer.ts';
import type { PlaceTable } from './place-table.ts';
import type { PointName } from './repository.ts';
import { throwIfAborted } from './verify-progress.ts';

/** Needed bytes copied before the packs they come from are deleted: room a full disk must have. */
const copiedAtOnce = 1024 ** 3;
/** Payload bytes read, proven and written as one. */
const sliceBytes = 4 * 1024 * 1024;
/** Of tiny blocks fewer bytes: laying out more would hold the event loop for too long. */
const sliceEntries = 1024;

/** Points or packs in one note: far below what a note may hold. */
const namesInNote = 10_000;

export interface CleanUpRun extends CleanUpParts {
  readonly lease: Lease;
}

export interface CleanUpResult extends CleanUpOutline {
  /** Packs that stay because something needed in them is damaged, with the reason. */
  readonly problems: readonly string[];
}

/** Deletes what an earlier clean-up noted and was cut off from deleting. */
export async function finishEarlier({ storage, keys, world, lease }: CleanUpRun): Promise<void> {
  for (const { name, at, points, packs } of await readCleaned(storage, keys)) {
    for (const point of points) await deletePoint({ storage, lease }, point);
    for (const packId of packs) {
      if ((await storage.size(packName(packId))) === null) continue;
      await lease.check();
      await storage.delete(packName(packId));
    }
    if (world.clock.now() - at < keptListsMs) continue;
    await lease.check();
    await storage.delete(`${cleanedFolder}/${name}`);
  }
}

export async function runCleanUp(
  parts: CleanUpRun,
  plan: PlannedCleanUp,
  table: PlaceTable,
  options: CleanUpOptions,
): Promise<CleanUpResult> {
  const { points, dead, rewritten } = plan;
  for (const some of parted(points.map(({ point }) => point))) {
    await note(parts, { points: some, packs: [] });
    for (const point of some) await deletePoint(parts, point);
  }
  const total = outlineOf(plan).writesBytes;
  await deletePacks(parts, dead, options);
  const writer = new PackWriter(parts);
  const moved: PackToGo[] = [];
  const problems: string[] = [];
  try {
    let written = 0;
    for (const group of groupsOf(rewritten)) {
      const whole: PackToGo[] = [];
      for (const pack of group) {
        throwIfAborted(options.signal);
        options.onProgress?.('Moving what is needed to new packs', written, total);
        const why = await copyNeeded(parts, writer, pack, table);
        if (why === null) whole.push(pack);
        else problems.push(`The pack ${pack.packId} stays as it is: ${why}.`);
        written += pack.liveBytes;
      }
      await writer.flush();
      await deletePacks(parts, whole, options);
      moved.push(...whole);
    }
  } finally {
    await writer.discard();
  }
  const done = outlineOf({ ...plan, rewritten: moved });
  const writesBytes = writer.storedBytes;
  return {
    ...done,
    freesBytes: done.freesBytes + done.writesBytes - writesBytes,
    writesBytes,
    problems,
  };
}

/**
 * A note counts for everybody, so it is taken back when another got the lease just before it was
 * written: that one may rely on what it names.
 */
async function note(
  { storage, keys, world, lease }: CleanUpRun,
  what: { readonly points: readonly PointName[]; readonly packs: readonly string[] },
): Promise<void> {
  await lease.check();
  const name = world.ids.ulid();
  await writeCleaned(storage, keys, name, { at: world.clock.now(), ...what });
  try {
    await lease.check();
  } catch (thrown) {
    if (hasCode(thrown, 'repository-lease-lost')) await storage.delete(`${cleanedFolder}/${name}`);
    throw thrown;
  }
}

function* parted<T>(all: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < all.length; at += namesInNote) yield all.slice(at, at + namesInNote);
}

/**
 * Its manifest, then the marker: what is removed is never listed in between. Without a marker it is
 * deleted already, or was taken back after all.
 */
async function deletePoint(
  { storage, lease }: Pick<CleanUpRun, 'storage' | 'lease'>,
  point: PointName,
): Promise<void> {
  const marker = markerName('removed', point);
  if ((await storage.size(marker)) === null) return;
  for (const name of [pointName(point.machineUuid, point.id), marker]) {
    await lease.check();
    await storage.delete(name);
  }
}

async function deletePacks(
  parts: CleanUpRun,
  packs: readonly PackToGo[],
  { signal, onProgress }: CleanUpOptions,
): Promise<void> {
  let deleted = 0;
  for (const some of parted(packs.map(({ packId }) => packId))) {
    throwIfAborted(signal);
    await note(parts, { points: [], packs: some });
    // Noted packs count as gone from here on, so a cancel waits until all of them are.
    for (const packId of some) parts.index.dropPack(packId);
    for (const packId of some) {
      onProgress?.('Deleting packs', deleted, packs.length);
      await parts.lease.check();
      await parts.storage.delete(packName(packId));
      deleted += 1;
    }
  }
}

function* groupsOf(packs: readonly PackToGo[]): Iterable<readonly PackToGo[]> {
  let group: PackToGo[] = [];
  let bytes = 0;
  for (const pack of packs) {
    group.push(pack);
    bytes += pack.liveBytes;
    if (bytes < copiedAtOnce) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/** Null when everything needed is in new packs; else why the pack has to stay. */
async function copyNeeded(
  parts: CleanUpRun,
  writer: PackWriter,
  pack: PackToGo,
  table: PlaceTable,
): Promise<string | null> {
  const listing = await readTrailer(parts.storage, parts.keys, pack.packId);
  if ('why' in listing) return listing.why;
  const needed = table.inPack(pack.number);
  const live = listing.entries.filter(({ offset }) => needed.has(offset));
  // Its list is what the index was made from; if they differ, the index is not believed.
  if (live.length !== needed.size) return 'its list is not what it was';
  for (const slice of slices(live)) {
    const why = await copySlice(parts, writer, pack.packId, slice);
    if (why !== null) return why;
  }
  return null;
}

/** Entries of one kind, at most `sliceBytes` of payload and `sliceEntries` together. */
function* slices(entries: readonly PackEntry[]): Iterable<readonly PackEntry[]> {
  let slice: PackEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const first = slice[0];
    const full = bytes + entry.length > sliceBytes || slice.length >= sliceEntries;
    if (first !== undefined && (full || first.kind !== entry.kind)) {
      yield slice;
      slice = [];
      bytes = 0;
    }
    slice.push(entry);
    bytes += entry.length;
  }
  if (slice.length > 0) yield slice;
}

async function copySlice(
  { storage, workers }: CleanUpRun,
  writer: PackWriter,
  packId: string,
  slice: readonly PackEntry[],
): Promise<string | null> {
  const first = slice[0];
  if (first === undefined) return null;
  const total = slice.reduce((sum, { length }) => sum + length, 0);
  const bytes = Buffer.allocUnsafeSlow(total);
  const ids = new Uint8Array(slice.length * idBytes);
  const places = new Uint32Array(slice.length * 3);
  let at = 0;
  for (const [i, { id, kind, length }] of slice.entries()) {
    ids.set(id, i * idBytes);
    places.set([at, length, kind], i * 3);
    at += length;
  }
  try {
    await readEach(storage, packId, slice, bytes);
  } catch (thrown) {
    if (hasCode(thrown, 'path-not-found')) await storage.check();
    return readFailure(thrown);
  }
  // The workers keep what they are given.
  const { reasons } = await workers.prove(bytes.buffer.slice(0, total), ids, places);
  const why = reasons.find((reason) => reason !== null) ?? null;
  if (why !== null) return `a block in it that is needed is damaged: ${why}`;
  await writer.append({
    kind: first.kind,
    ids: slice.map(({ id }) => id),
    lengths: slice.map(({ length }) => length),
    bytes,
  });
  return null;
}

/** Neighbours are read in one go. */
async function readEach(
  storage: CleanUpRun['storage'],
  packId: string,
  slice: readonly PackEntry[],
  into: Buffer,
): Promise<void> {
  let from = 0;
  let at = 0;
  for (const [i, { offset, length }] of slice.entries()) {
    at += length;
    if (slice[i + 1]?.offset === offset + length) continue;
    await storage.readInto(
      packName(packId),
      offset + length - (at - from),
      into.subarray(from, at),
    );
    from = at;
  }
}
