/**
 * Which parts of a disk hold data and which changed, from block status, a window at a time so that
 * memory does not grow with the disk. Regions come in ascending order and never overlap. "zero" is
 * said only where the server promises zeroes; where it does not know, the answer is "data".
 */
import { AppError } from '#contract/errors.ts';
import type { Extent, NbdDisk } from './client.ts';
import { allocationContext, allocationState, dirtyState } from './constants.ts';
import { optionError } from './errors.ts';

export interface Region {
  readonly offset: number;
  readonly length: number;
  readonly kind: 'data' | 'zero';
}

export type StatusSource = Pick<NbdDisk, 'sizeBytes' | 'contexts' | 'blockStatus'>;

/** Asked about in one go; bounds the extents held at once. A multiple of every block size. */
export const windowBytes = 1024 * 1024 * 1024;

/**
 * The whole disk by base:allocation, neighbours merged; regions are as fine as the server tells,
 * not block-aligned. All of it is data when the server does not offer base:allocation.
 */
export function allocatedRegions(disk: StatusSource, signal?: AbortSignal): AsyncIterable<Region> {
  return merge(
    windows(disk, signal, (status, start, end) =>
      (status.get(allocationContext) ?? [{ offset: start, length: end - start, flags: 0 }]).map(
        ({ offset, length, flags }) => ({ offset, length, kind: kindOf(flags) }),
      ),
    ),
  );
}

/**
 * What the bitmap calls dirty, widened to whole blocks (the disk's last may be short). A block is
 * "zero" only if all of it reads as zeroes. Throws nbd-option when the bitmap's context was not
 * granted: what changed is then unknown.
 */
export async function* dirtyRegions(
  disk: StatusSource,
  bitmapContext: string,
  blockSizeBytes: number,
  signal?: AbortSignal,
): AsyncIterable<Region> {
  if (!disk.contexts.includes(bitmapContext)) {
    throw optionError(`it does not offer ${bitmapContext}`, { context: bitmapContext });
  }
  if (windowBytes % blockSizeBytes !== 0) throw new RangeError('blockSizeBytes');
  const { sizeBytes } = disk;
  yield* merge(
    windows(disk, signal, (status) => {
      const zeroes = wholeBlocks(status.get(allocationContext) ?? [], blockSizeBytes, sizeBytes);
      const dirty = touchedBlocks(status.get(bitmapContext) ?? [], blockSizeBytes, sizeBytes);
      return split(dirty, zeroes);
    }),
  );
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function kindOf(flags: number): Region['kind'] {
  return (flags & allocationState.zero) === 0 ? 'data' : 'zero';
}

async function* windows(
  disk: StatusSource,
  signal: AbortSignal | undefined,
  read: (
    status: ReadonlyMap<string, readonly Extent[]>,
    start: number,
    end: number,
  ) => readonly Region[],
): AsyncIterable<readonly Region[]> {
  for (let start = 0; start < disk.sizeBytes; start += windowBytes) {
    if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
    const end = Math.min(start + windowBytes, disk.sizeBytes);
    yield read(await disk.blockStatus(start, end - start), start, end);
  }
}

/** One list out of many, in which no two neighbours of a kind touch. */
async function* merge(lists: AsyncIterable<readonly Region[]>): AsyncIterable<Region> {
  let last: Region | null = null;
  for await (const list of lists) {
    for (const region of list) {
      if (last !== null && continues(last, region)) {
        last = grown(last, region.length);
      } else {
        if (last !== null) yield last;
        last = region;
      }
    }
  }
  if (last !== null) yield last;
}

function grown({ kind, offset, length }: Region, by: number): Region {
  return { kind, offset, length: length + by };
}

function continues(last: Region, next: Region): boolean {
  return last.kind === next.kind && last.offset + last.length === next.offset;
}

/** Blocks the dirty extents touch, as ranges that do not touch each other. */
function touchedBlocks(extents: readonly Extent[], block: number, sizeBytes: number): Range[] {
  const ranges: { start: number; end: number }[] = [];
  for (const { offset, length, flags } of extents) {
    if ((flags & dirtyState) === 0) continue;
    const start = Math.floor(offset / block) * block;
    const end = Math.min(Math.ceil((offset + length) / block) * block, sizeBytes);
    const last = ranges.at(-1);
    if (last !== undefined && last.end >= start) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  }
  return ranges;
}

/** Blocks that read as zeroes from end to end. Extents that differ only in being holes join. */
function wholeBlocks(extents: readonly Extent[], block: number, sizeBytes: number): Range[] {
  const joined: { start: number; end: number }[] = [];
  for (const { offset, length, flags } of extents) {
    if (kindOf(flags) !== 'zero') continue;
    const last = joined.at(-1);
    if (last?.end === offset) last.end = offset + length;
    else joined.push({ start: offset, end: offset + length });
  }
  return joined
    .map(({ start, end }) => ({
      start: Math.ceil(start / block) * block,
      end: end === sizeBytes ? end : Math.floor(end / block) * block,
    }))
    .filter(({ start, end }) => start < end);
}

/** The dirty ranges, cut where they enter and leave zeroes. Both lists ascend. */
function split(dirty: readonly Range[], zeroes: readonly Range[]): Region[] {
  const regions: Region[] = [];
  const push = (kind: Region['kind'], start: number, end: number) => {
    if (start < end) regions.push({ offset: start, length: end - start, kind });
  };
  let at = 0; // first zero range that may still matter
  for (const { start, end } of dirty) {
    let position = start;
    while ((zeroes[at]?.end ?? Infinity) <= start) at += 1;
    for (let next = at; next < zeroes.length; next += 1) {
      const zero = zeroes[next];
      if (zero === undefined || zero.start >= end) break;
      push('data', position, zero.start);
      push('zero', Math.max(position, zero.start), Math.min(zero.end, end));
      position = Math.min(zero.end, end);
    }
    push('data', position, end);
  }
  return regions;
}
