/**
 * Remembers what was written to an image as digests of stretches, so that reading it back can be
 * compared without holding the data or decrypting it twice. Memory: 32 bytes for each 64 MiB.
 */
import { createHash, type Hash } from 'node:crypto';
import { AppError } from '#contract/errors.ts';
import { allocatedRegions } from '#engine/nbd/extents.ts';
import type { NbdPool } from '#engine/nbd/pool.ts';

/** A digest covers what was written within one such stretch of the disk, in bytes. */
export const stretchBytes = 64 * 1024 * 1024;
const readBytes = 2 * 1024 * 1024;
const maxReadsInFlight = 4;

interface Range {
  readonly offset: number;
  readonly length: number;
}

interface Stretch {
  readonly ranges: Range[]; // ascending, merged
  readonly digest: Buffer;
}

export interface DigestList {
  /** Adds what is written next; offsets only rise. */
  add(offset: number, bytes: Uint8Array): void;
  totalBytes(): number;
  /** Offset of the first stretch that differs, or of stray data between; null when all is equal. */
  firstDifference(
    image: NbdPool,
    signal: AbortSignal,
    onChecked: (bytes: number) => void,
  ): Promise<number | null>;
}

export function createDigestList(): DigestList {
  const stretches: Stretch[] = [];
  let ranges: Range[] = [];
  let hash: Hash = createHash('sha256');
  let current = -1;
  let total = 0;

  const close = () => {
    if (ranges.length > 0) stretches.push({ ranges, digest: hash.digest() });
    ranges = [];
    hash = createHash('sha256');
  };

  const addPiece = (offset: number, bytes: Uint8Array) => {
    const stretch = Math.floor(offset / stretchBytes);
    if (stretch !== current) close();
    current = stretch;
    hash.update(bytes);
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) {
      ranges[ranges.length - 1] = { offset: last.offset, length: last.length + bytes.length };
    } else {
      ranges.push({ offset, length: bytes.length });
    }
  };

  return {
    add: (offset, bytes) => {
      total += bytes.length;
      let done = 0;
      while (done < bytes.length) {
        const room = stretchBytes - ((offset + done) % stretchBytes);
        const piece = bytes.subarray(done, done + room);
        addPiece(offset + done, piece);
        done += piece.length;
      }
    },
    totalBytes: () => total,
    firstDifference: async (image, signal, onChecked) => {
      close();
      for (const stretch of stretches) {
        const read = createHash('sha256');
        for await (const bytes of readRanges(image, stretch.ranges, signal)) {
          read.update(bytes);
          onChecked(bytes.length);
        }
        if (!read.digest().equals(stretch.digest)) return stretch.ranges[0]?.offset ?? 0;
      }
      return strayData(image, stretches, signal);
    },
  };
}

async function* readRanges(
  image: NbdPool,
  ranges: readonly Range[],
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const inFlight: Promise<Buffer>[] = [];
  try {
    for (const { offset, length } of ranges) {
      for (let done = 0; done < length; done += readBytes) {
        if (signal.aborted) throw new AppError('cancelled', 'Cancelled.');
        const next = image.read(offset + done, Math.min(readBytes, length - done));
        next.catch(() => undefined); // awaited in order
        inFlight.push(next);
        const oldest = inFlight.length >= maxReadsInFlight ? inFlight.shift() : undefined;
        if (oldest !== undefined) yield await oldest;
      }
    }
    for (const rest of inFlight) yield await rest;
  } finally {
    await Promise.allSettled(inFlight);
  }
}

/** Offset of data that is not zero where nothing was written, or null. */
async function strayData(
  image: NbdPool,
  stretches: readonly Stretch[],
  signal: AbortSignal,
): Promise<number | null> {
  const written = stretches.flatMap((stretch) => stretch.ranges);
  let next = 0;
  for await (const region of allocatedRegions(image, signal)) {
    if (region.kind === 'zero') continue;
    const end = region.offset + region.length;
    let at = region.offset;
    while (at < end) {
      while (next < written.length && endOf(written[next]) <= at) next += 1;
      const range = written[next];
      if (range !== undefined && range.offset <= at) {
        at = endOf(range);
        continue;
      }
      const gapEnd = Math.min(end, range?.offset ?? end);
      const bad = await firstNonZero(image, at, gapEnd, signal);
      if (bad !== null) return bad;
      at = gapEnd;
    }
  }
  return null;
}

function endOf(range: Range | undefined): number {
  return range === undefined ? 0 : range.offset + range.length;
}

async function firstNonZero(
  image: NbdPool,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<number | null> {
  let at = start;
  for await (const bytes of readRanges(image, [{ offset: start, length: end - start }], signal)) {
    const index = bytes.findIndex((byte) => byte !== 0);
    if (index >= 0) return at + index;
    at += bytes.length;
  }
  return null;
}
