import type { JobContext } from '#engine/jobs/job-types.ts';
import { allocatedRegions, dirtyRegions, type Region } from '#engine/nbd/extents.ts';
import type { NbdPool } from '#engine/nbd/pool.ts';
import type { ManifestDisk } from '#engine/store/manifest.ts';
import type { ByteRange, StoreRepository, StoreWriter } from '#engine/store/repository.ts';
import { copyRegions } from './copy-disk.ts';
import type { BackupDecision, DecidedDisk } from './decide.ts';
import type { Pace } from './pace.ts';
import type { Source } from './routes.ts';

/** A disk larger than this is not scanned ahead for its total: the scan itself would take long. */
export const maxScannedDiskBytes = 4 * 1024 ** 4;

export interface CopyAllOptions {
  readonly store: Pick<StoreRepository, 'damagedRanges'>;
  readonly blockSizeBytes: number;
  readonly signal: AbortSignal;
  readonly pace: Pace;
}

export interface CopiedDisks {
  readonly disks: readonly ManifestDisk[];
  readonly readBytes: number;
}

/** Copies every decided disk, one after the other, telling the job how far it is. */
export async function copyAll(
  source: Source,
  decision: BackupDecision,
  writer: StoreWriter,
  context: JobContext,
  options: CopyAllOptions,
): Promise<CopiedDisks> {
  const totalBytes = await scanAll(source, decision, options);
  const disks: ManifestDisk[] = [];
  let readBytes = 0;
  const onRead = (bytes: number) => {
    readBytes += bytes;
    const storedBytes = writer.stats().storedBytes;
    context.progress({ doneBytes: readBytes, totalBytes, readBytes, storedBytes });
  };
  for (const [index, disk] of decision.disks.entries()) {
    context.setActivity(`Reading ${disk.target} (${index + 1} of ${decision.disks.length})`);
    const opened = await source.openDisk(disk.target, options.signal);
    const before = readBytes;
    try {
      const stored = await copyOne(opened.pool, opened.bitmap, disk, writer, {
        ...options,
        onRead,
      });
      disks.push({ ...stored, readBytes: readBytes - before });
    } finally {
      await opened.close();
    }
  }
  return { disks, readBytes };
}

/** Bytes that will be read, or null where finding out would take long itself. */
async function scanAll(
  source: Source,
  decision: BackupDecision,
  options: CopyAllOptions,
): Promise<number | null> {
  let total = 0;
  for (const disk of decision.disks) {
    const opened = await source.openDisk(disk.target, options.signal);
    try {
      if (opened.pool.sizeBytes > maxScannedDiskBytes) return null;
      for await (const region of regionsOf(opened.pool, opened.bitmap, options)) {
        if (region.kind === 'data') total += region.length;
      }
    } finally {
      await opened.close();
    }
  }
  return total;
}

function regionsOf(
  pool: NbdPool,
  bitmap: string | null,
  { blockSizeBytes, signal }: CopyAllOptions,
): AsyncIterable<Region> {
  return bitmap === null
    ? allocatedRegions(pool, signal)
    : dirtyRegions(pool, bitmap, blockSizeBytes, signal);
}

async function copyOne(
  pool: NbdPool,
  bitmap: string | null,
  disk: DecidedDisk,
  writer: StoreWriter,
  options: CopyAllOptions & { readonly onRead: (bytes: number) => void },
): Promise<Omit<ManifestDisk, 'readBytes'>> {
  // What changed goes on top of the tree of the point that set the reference, and of no newer one:
  // the bitmap covers exactly what changed since then, also in an image that was put back.
  const target = writer.beginDisk(pool.sizeBytes, bitmap === null ? null : disk.base);
  const regions = regionsOf(pool, bitmap, options);
  const onlyData = bitmap === null ? dataOnly(regions) : regions;
  const copying = { ...options, diskSizeBytes: pool.sizeBytes };
  await copyRegions(pool, onlyData, target, copying);
  if (bitmap !== null && disk.base !== null) {
    // Blocks of the older point that are known to be damaged are read anew, which heals them.
    await copyRegions(pool, asData(options.store.damagedRanges(disk.base)), target, copying);
  }
  const { root, storedBytes } = await target.finish();
  return {
    target: disk.target,
    format: disk.format,
    sizeBytes: pool.sizeBytes,
    root,
    mode: disk.mode,
    ...(disk.reason === undefined ? {} : { reason: disk.reason }),
    storedBytes,
    source: disk.path,
  };
}

async function* asData(ranges: AsyncIterable<ByteRange>): AsyncIterable<Region> {
  for await (const { offset, length } of ranges) yield { kind: 'data', offset, length };
}

/** A tree that starts empty is zero already, so zeroes need no writing. */
async function* dataOnly(regions: AsyncIterable<Region>): AsyncIterable<Region> {
  for await (const region of regions) if (region.kind === 'data') yield region;
}
