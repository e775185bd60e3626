/** Reads a pack's trailer without its payloads. */
import { AppError, hasCode } from '#contract/errors.ts';
import type { StoreKeys } from './crypto.ts';
import {
  decodeFooter,
  decodeTrailer,
  entryBytes,
  footerBytes,
  maxPackBytes,
  packName,
  type PackEntry,
} from './pack.ts';
import type { Storage } from './storage.ts';

/** Read in one go from the end; holds the whole trailer of most packs. */
const firstReadBytes = 128 * 1024;

export interface PackListing {
  readonly sizeBytes: number;
  readonly entries: readonly PackEntry[];
}

/** The listing, or why the pack is damaged. Throws only when the storage itself fails. */
export async function readTrailer(
  storage: Storage,
  keys: StoreKeys,
  packId: string,
): Promise<PackListing | { why: string }> {
  const name = packName(packId);
  const sizeBytes = await storage.size(name);
  if (sizeBytes === null) return { why: 'it is missing' };
  if (sizeBytes > maxPackBytes) return { why: 'it is larger than a pack may be' };
  if (sizeBytes < footerBytes) return { why: 'it is too short' };
  try {
    const tailBytes = Math.min(sizeBytes, firstReadBytes);
    let tail = await readTail(storage, name, sizeBytes, tailBytes);
    const count = decodeFooter(tail.subarray(tail.length - footerBytes), sizeBytes);
    if (typeof count !== 'number') return count;
    const trailerBytes = count * entryBytes + footerBytes;
    if (trailerBytes > tail.length) {
      tail = await readTail(storage, name, sizeBytes, trailerBytes);
    }
    const trailer = tail.subarray(tail.length - trailerBytes);
    const entries = decodeTrailer(keys, packId, trailer, sizeBytes);
    return 'why' in entries ? entries : { sizeBytes, entries };
  } catch (thrown) {
    return { why: readFailure(thrown) };
  }
}

async function readTail(
  storage: Storage,
  name: string,
  sizeBytes: number,
  length: number,
): Promise<Buffer> {
  const tail = Buffer.allocUnsafe(length);
  await storage.readInto(name, sizeBytes - length, tail);
  return tail;
}

/** Words for a read that failed because of the medium; anything else is thrown on. */
export function readFailure(thrown: unknown): string {
  if (hasCode(thrown, 'path-not-found')) return 'it is missing';
  if (hasCode(thrown, 'file-failed')) return 'it could not be read from the disk';
  throw thrown instanceof AppError ? thrown : new AppError('internal', String(thrown), {}, thrown);
}
