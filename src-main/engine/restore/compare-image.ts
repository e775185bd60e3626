/**
 * Compares an image with the restore point it was made from: every block that is not zero by its
 * id, hashed in the repository's workers, and all else by being zero. Memory does not grow with the
 * disk.
 */
import { AppError } from '#contract/errors.ts';
import { allocatedRegions } from '#engine/nbd/extents.ts';
import type { NbdDisk } from '#engine/nbd/client.ts';
import type { ByteRange, TreeReader } from '#engine/store/repository.ts';

export type ComparedImage = Pick<NbdDisk, 'sizeBytes' | 'contexts' | 'blockStatus' | 'readInto'>;

/** Bytes read at once where all should be zero. */
const zeroChunkBytes = 1024 * 1024;
const zeroes = Buffer.alloc(zeroChunkBytes);

/**
 * Offset of the first block that differs, or of stray data between; null when all is equal. Throws
 * `cancelled` and what reading throws.
 */
export async function firstDifference(
  tree: TreeReader,
  image: ComparedImage,
  signal: AbortSignal,
  onChecked: (bytes: number) => void,
): Promise<number | null> {
  const read = (offset: number, into: Buffer) => image.readInto(offset, into);
  const bad = await tree.firstDifference(read, onChecked, { signal });
  return bad ?? strayData(tree.ranges(), image, signal);
}

/** The `verify-mismatch` of an image that shall be at `path`. */
export function mismatch(path: string, offset: number): AppError {
  return new AppError(
    'verify-mismatch',
    `What was read back from ${path} at byte ${offset} is not what was written.`,
    {
      path,
      offset,
      unharmed: 'The restore point is not affected; the image was removed again.',
      advice: 'Check this disk (smartctl, the kernel log) or restore to another one.',
    },
  );
}

/** Offset of data that is not zero where nothing was written, or null. */
export async function strayData(
  written: AsyncIterable<ByteRange>,
  image: ComparedImage,
  signal: AbortSignal,
): Promise<number | null> {
  const ranges = written[Symbol.asyncIterator]();
  const next = async () => {
    const found = await ranges.next();
    return found.done === true ? null : found.value;
  };
  let range = await next();
  for await (const region of allocatedRegions(image, signal)) {
    if (region.kind === 'zero') continue;
    const end = region.offset + region.length;
    let at = region.offset;
    while (at < end) {
      while (range !== null && range.offset + range.length <= at) range = await next();
      if (range !== null && range.offset <= at) {
        at = range.offset + range.length;
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

async function firstNonZero(
  image: ComparedImage,
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<number | null> {
  const room = Buffer.allocUnsafeSlow(Math.min(zeroChunkBytes, end - start));
  for (let at = start; at < end; at += room.length) {
    if (signal.aborted) throw new AppError('cancelled', 'Cancelled.');
    const bytes = room.subarray(0, Math.min(room.length, end - at));
    await image.readInto(at, bytes);
    if (bytes.equals(zeroes.subarray(0, bytes.length))) continue;
    return at + bytes.findIndex((byte) => byte !== 0);
  }
  return null;
}
