/**
 * Moves the bytes of one disk from NBD into the repository: block-aligned, in order, with several
 * reads in flight and never more than a fixed amount of memory.
 */
import { AppError } from '#contract/errors.ts';
import type { Region } from '#engine/nbd/extents.ts';
import type { DiskWriter } from '#engine/store/repository.ts';
import type { Pace } from './pace.ts';

/**
 * Reads in flight for one disk, each into one `room` of the writer (1 MiB). Fewer than the writer
 * lends (`maxBatchesInFlight` of the store), so that what was read can always move on.
 */
export const maxReadsInFlight = 8;

export interface CopySource {
  readInto(offset: number, target: Uint8Array): Promise<void>;
}

export interface CopyOptions {
  readonly blockSizeBytes: number;
  readonly diskSizeBytes: number;
  readonly signal: AbortSignal;
  readonly pace: Pace;
  /** Called with the number of bytes each read brought. */
  readonly onRead: (bytes: number) => void;
}

/**
 * Copies `regions` (ascending, not overlapping) into `writer`. Zero regions are written as zeroes
 * without being read. Returns the bytes read. Throws `cancelled` soon after the signal fires.
 */
export async function copyRegions(
  source: CopySource,
  regions: AsyncIterable<Region>,
  writer: DiskWriter,
  options: CopyOptions,
): Promise<number> {
  const inFlight: Reading[] = [];
  let readBytes = 0;
  const writeOldest = async () => {
    const next = inFlight[0];
    if (next === undefined) return;
    await next.done;
    inFlight.shift();
    readBytes += next.bytes.length;
    options.onRead(next.bytes.length);
    await writer.write(next.offset, next.bytes);
  };
  try {
    for await (const region of alignRegions(regions, options)) {
      if (region.kind === 'zero') {
        while (inFlight.length > 0) await writeOldest();
        await writer.zero(region.offset, region.length);
        continue;
      }
      const end = region.offset + region.length;
      for (let offset = region.offset; offset < end; offset += writer.roomBytes) {
        if (options.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
        if (inFlight.length >= maxReadsInFlight) await writeOldest();
        const length = Math.min(writer.roomBytes, end - offset);
        await options.pace.take(length, options.signal);
        const room = await writer.room();
        const bytes = room.subarray(0, length);
        const done = source.readInto(offset, bytes);
        done.catch(() => undefined); // awaited in order; an early failure is not unhandled
        inFlight.push({ offset, bytes, done });
      }
    }
    while (inFlight.length > 0) await writeOldest();
  } catch (thrown) {
    await Promise.allSettled(inFlight.map(({ done }) => done));
    for (const { bytes } of inFlight) writer.giveBack(bytes);
    throw options.signal.aborted ? new AppError('cancelled', 'Cancelled.') : thrown;
  }
  return readBytes;
}

interface Reading {
  readonly offset: number;
  readonly bytes: Buffer;
  readonly done: Promise<void>;
}

interface Grid {
  readonly blockSizeBytes: number;
  readonly diskSizeBytes: number;
}

/**
 * The same regions on block bounds, ascending and merged. A block with any data in it is data; one
 * that is only touched by zeroes is widened to data too unless the zeroes cover it whole, because
 * the rest of it is not known to be zero.
 */
export async function* alignRegions(
  regions: AsyncIterable<Region>,
  { blockSizeBytes, diskSizeBytes }: Grid,
): AsyncIterable<Region> {
  let pending: Region | null = null;
  for await (const region of regions) {
    for (const piece of onBlocks(region, blockSizeBytes, diskSizeBytes)) {
      const merged: Region[] | null = pending === null ? null : join(pending, piece);
      if (merged === null) {
        if (pending !== null) yield pending;
        pending = piece;
      } else {
        for (const done of merged.slice(0, -1)) yield done;
        pending = merged.at(-1) ?? null;
      }
    }
  }
  if (pending !== null) yield pending;
}

/** One region cut into its block-aligned pieces: whole zero blocks stay zero, edges become data. */
function onBlocks(region: Region, block: number, diskSize: number): Region[] {
  const end = region.offset + region.length;
  const outerStart = Math.floor(region.offset / block) * block;
  const outerEnd = Math.min(Math.ceil(end / block) * block, diskSize);
  if (region.kind === 'data') return [piece('data', outerStart, outerEnd)];
  const innerStart = Math.ceil(region.offset / block) * block;
  const innerEnd = end === diskSize ? diskSize : Math.floor(end / block) * block;
  if (innerStart >= innerEnd) return [piece('data', outerStart, outerEnd)];
  return [
    piece('data', outerStart, innerStart),
    piece('zero', innerStart, innerEnd),
    piece('data', innerEnd, outerEnd),
  ].filter(({ length }) => length > 0);
}

function piece(kind: Region['kind'], start: number, end: number): Region {
  return { kind, offset: start, length: end - start };
}

/**
 * Two neighbours that touch or overlap, as one or more regions; null when they are apart or only
 * meet with different kinds. Where data overlaps zero the data wins.
 */
function join(first: Region, second: Region): Region[] | null {
  const firstEnd = first.offset + first.length;
  const secondEnd = second.offset + second.length;
  if (second.offset > firstEnd) return null;
  if (first.kind === second.kind) {
    return [piece(first.kind, first.offset, Math.max(firstEnd, secondEnd))];
  }
  if (second.offset === firstEnd) return null;
  if (first.kind === 'data') {
    if (secondEnd <= firstEnd) return [first];
    return [first, piece('zero', firstEnd, secondEnd)];
  }
  return [piece('zero', first.offset, second.offset), second].filter(({ length }) => length > 0);
}
