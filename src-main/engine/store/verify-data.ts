/** Reads, opens and hashes blocks: all that are in packs, or all that one point needs. */
import { readCleanedAsFarAsPossible } from './cleaned.ts';
import { idBytes } from './crypto.ts';
import { packName, type PackEntry } from './pack.ts';
import { readFailure, readTrailer } from './pack-reader.ts';
import { StoreTreeReader } from './tree-reader.ts';
import type { Found, PartOfPoint, VerifyParts } from './verify.ts';
import { throwIfAborted, type Progress } from './verify-progress.ts';

/** Payload bytes read and proven as one message. */
const sliceBytes = 4 * 1024 * 1024;
const maxSlicesInFlight = 4;

/** Times the list of packs is read again because some went away meanwhile. */
const maxRounds = 4;

/**
 * Every block of every pack. Packs that a clean-up elsewhere took away meanwhile are no damage:
 * what they held is looked for in the packs it wrote, and proven there.
 */
export async function proveAllPacks(
  parts: VerifyParts,
  found: Found,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const { index } = parts;
  const proven = new Set<string>();
  for (let round = 0; round < maxRounds; round += 1) {
    const packIds = [...index.packIds()].filter((packId) => !proven.has(packId));
    if (packIds.length === 0) return;
    await provePacks(parts, packIds, found, progress, signal);
    for (const packId of packIds) proven.add(packId);
    if (packIds.every((packId) => index.hasPack(packId))) return;
    await parts.resync();
  }
}

/** Pack after pack, in the order of the file. */
async function provePacks(
  parts: VerifyParts,
  packIds: readonly string[],
  found: Found,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const { index, storage, keys } = parts;
  const inFlight = new Set<Promise<void>>();
  let failure: Error | null = null;
  let packsLeft = packIds.length;
  for (const packId of packIds) {
    throwIfAborted(signal);
    const listing = await readTrailer(storage, keys, packId);
    if ('why' in listing) {
      // Everything the index knew to be in it counts as lost: checkTrees finds what that touches.
      index.dropPack(packId);
      if (!(await isCleaned(parts, packId))) index.note('vanished', true);
      continue;
    }
    if (packsLeft === packIds.length) progress.expect(listing.entries.length * packIds.length);
    packsLeft -= 1;
    for (const slice of slices(listing.entries)) {
      throwIfAborted(signal);
      while (inFlight.size >= maxSlicesInFlight) await Promise.race(inFlight);
      if (failure !== null) break;
      const proving: Promise<void> = proveSlice(parts, packId, slice, found)
        .then(() => {
          progress.advance(slice.length);
        })
        .catch((thrown: unknown) => {
          failure ??= thrown instanceof Error ? thrown : new Error('proving failed');
        })
        .finally(() => inFlight.delete(proving));
      inFlight.add(proving);
    }
  }
  await Promise.all(inFlight);
  if (failure !== null) throw failure as Error;
}

async function isCleaned({ storage, keys }: VerifyParts, packId: string): Promise<boolean> {
  const lists = await readCleanedAsFarAsPossible(storage, keys);
  return lists.some(({ packs }) => packs.includes(packId));
}

function* slices(entries: readonly PackEntry[]): Iterable<readonly PackEntry[]> {
  let from = 0;
  let bytes = 0;
  for (const [i, { length }] of entries.entries()) {
    if (bytes > 0 && bytes + length > sliceBytes) {
      yield entries.slice(from, i);
      from = i;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < entries.length) yield entries.slice(from);
}

async function proveSlice(
  parts: VerifyParts,
  packId: string,
  slice: readonly PackEntry[],
  found: Found,
): Promise<void> {
  const { storage, workers, index } = parts;
  const first = slice[0];
  const last = slice.at(-1);
  if (first === undefined || last === undefined) return;
  const bytes = Buffer.allocUnsafeSlow(last.offset + last.length - first.offset);
  const ids = new Uint8Array(slice.length * idBytes);
  const places = new Uint32Array(slice.length * 3);
  for (const [i, { id, kind, offset, length }] of slice.entries()) {
    ids.set(id, i * idBytes);
    places.set([offset - first.offset, length, kind], i * 3);
  }
  let reasons: readonly (string | null)[];
  try {
    await storage.readInto(packName(packId), first.offset, bytes);
    found.bytesRead += bytes.length;
    ({ reasons } = await workers.prove(bytes.buffer, ids, places));
  } catch (thrown) {
    const why = readFailure(thrown);
    await storage.check();
    if (slice.length > 1) {
      for (const entry of slice) await proveSlice(parts, packId, [entry], found);
      return;
    }
    reasons = [why];
  }
  found.blocksChecked += slice.length;
  for (const [i, { id, offset }] of slice.entries()) {
    const why = reasons[i] ?? null;
    if (why === null) {
      index.clearDamaged(id, packId, offset);
      continue;
    }
    index.markDamaged(id, packId, offset);
    if (index.find(id) === null) found.blocks.set(id.toString('hex'), why);
  }
}

/** Every block one part of a point needs, read as a restore would. */
export async function provePoint(
  parts: VerifyParts,
  { root }: PartOfPoint,
  found: Found,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const reader = new StoreTreeReader(parts.reader, root, parts.repository.blockSizeBytes, {
    skipUnreadable: true, // checkTrees names them with what they touch
  });
  progress.expect(Math.ceil(root.sizeBytes / parts.repository.blockSizeBytes));
  for await (const { planned, batch } of reader.readAll({ ...(signal && { signal }) })) {
    found.blocksChecked += planned.length;
    found.bytesRead += batch.bytes.length;
    for (const { at, why } of batch.failures) {
      const id = planned[at]?.id;
      if (id !== undefined) found.blocks.set(id.toString('hex'), why);
    }
    progress.advance(planned.length);
  }
}
