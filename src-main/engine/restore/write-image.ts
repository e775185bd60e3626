/**
 * Writes one disk of a restore point into a new image file and proves it: after fdatasync the image
 * is read back past the page cache and compared, and only then does it get its name. Zeroes are not
 * written, so the image is sparse. An existing file is never touched.
 */
import { dirname, join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import { createImage } from '#engine/nbd/image.ts';
import { openNbdPool, type NbdPool } from '#engine/nbd/pool.ts';
import { serveImage } from '#engine/nbd/qemu-nbd.ts';
import type { StoreRepository, TreeRoot } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import { firstDifference } from './compare-image.ts';

export const connectionsPerImage = 2;
/** A raw image is sent on its way to the disk each time this much was written, in bytes. */
export const flushEveryBytes = 256 * 1024 * 1024;

export interface ImageSpec {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly root: TreeRoot;
  /** Who the file shall belong to; null leaves it ours. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** A folder for the NBD socket, short enough for one. */
  readonly socketFolder: string;
}

export interface ImageProgress {
  readonly signal: AbortSignal;
  readonly onWritten: (bytes: number) => void;
  readonly onChecked: (bytes: number) => void;
}

/**
 * Returns the bytes written. Errors: `path-exists`, `no-space` (data.where 'target'),
 * `block-damaged`, `verify-mismatch`, `cancelled`; after any of them the path does not exist.
 */
export async function writeImage(
  world: World,
  store: StoreRepository,
  spec: ImageSpec,
  progress: ImageProgress,
): Promise<number> {
  await refuseExisting(world, spec.path);
  const partial = partialPath(world, spec.path);
  try {
    await createImage(world, partial, spec.format, spec.root.sizeBytes);
    const writtenBytes = await fill(world, store, spec, partial, progress);
    await readBack(world, store, spec, partial, progress);
    if (spec.owner !== null) await world.files.chown(partial, spec.owner.uid, spec.owner.gid);
    await world.files.publish(partial, spec.path);
    return writtenBytes;
  } catch (thrown) {
    await world.files.remove(partial).catch(() => undefined);
    throw thrown;
  }
}

/** Names that begin like this are left-overs of a restore that was cut off. */
export const partialPrefix = '.waymark-partial-';

function partialPath(world: World, path: string): string {
  return join(dirname(path), partialPrefix + world.ids.ulid());
}

/** Throws `path-exists` when something is at `path`. */
async function refuseExisting(world: World, path: string): Promise<void> {
  if ((await world.files.stat(path)) === null) return;
  throw new AppError('path-exists', `There is already something at ${path}.`, {
    path,
    unharmed: 'It was not touched, and nothing was written.',
    advice: 'Choose another name or folder.',
  });
}

async function withImage<T>(
  world: World,
  spec: ImageSpec,
  partial: string,
  how: { readonly readOnly: boolean; readonly cache: 'none' | 'writeback' },
  signal: AbortSignal,
  use: (pool: NbdPool) => Promise<T>,
): Promise<T> {
  const server = await serveImage(world, {
    imagePath: partial,
    format: spec.format,
    socketPath: join(spec.socketFolder, `r-${world.ids.ulid().slice(-10)}`),
    ...how,
  });
  try {
    const options = {
      socketPath: server.socketPath,
      exportName: '',
      contexts: how.readOnly ? ['base:allocation'] : [],
      signal,
    };
    const pool = await openNbdPool(options, connectionsPerImage);
    try {
      return await use(pool);
    } finally {
      await pool.close();
    }
  } finally {
    await server.stop();
  }
}

/** Raw images are written straight into the file; only QEMU knows how to write the others. */
async function fill(
  world: World,
  store: StoreRepository,
  spec: ImageSpec,
  partial: string,
  { signal, onWritten }: ImageProgress,
): Promise<number> {
  let total = 0;
  const copy = async (write: (offset: number, bytes: Buffer) => Promise<void>) => {
    await store.openTree(spec.root).copyTo(async (offset, bytes) => {
      await write(offset, bytes);
      total += bytes.length;
      onWritten(bytes.length);
    }, signal);
  };
  try {
    if (spec.format === 'raw') {
      await intoFile(world, partial, copy);
    } else {
      const how = { readOnly: false, cache: 'writeback' } as const;
      await withImage(world, spec, partial, how, signal, async (pool) => {
        await copy((offset, bytes) => pool.write(offset, bytes));
        await pool.flush();
      });
    }
  } catch (thrown) {
    throw signal.aborted ? new AppError('cancelled', 'Cancelled.') : writeFailure(thrown, spec);
  }
  return total;
}

type Copy = (write: (offset: number, bytes: Buffer) => Promise<void>) => Promise<void>;

/** What was written is on the disk when it resolves. It goes there while the rest is written. */
async function intoFile(world: World, path: string, copy: Copy): Promise<void> {
  const file = await world.files.open(path, 'write');
  let flushing: Promise<void> = Promise.resolve();
  let unflushed = 0;
  try {
    await copy(async (offset, bytes) => {
      await file.write(bytes, offset);
      unflushed += bytes.length;
      if (unflushed < flushEveryBytes) return;
      unflushed = 0;
      const before = flushing;
      flushing = before.then(() => file.dataSync());
      flushing.catch(() => undefined); // thrown where it is awaited
      await before; // one flush behind the writing, never a queue of them; it throws here
    });
    await flushing;
    await file.dataSync();
  } finally {
    await flushing.catch(() => undefined); // reported above, or less telling than what was thrown
    await file.close();
  }
}

function writeFailure(thrown: unknown, spec: ImageSpec): unknown {
  const noSpace = 28; // NBD_ENOSPC, doc/proto.md "Error values"
  const full = hasCode(thrown, 'no-space', 'nbd-request');
  if (full && (thrown.code === 'no-space' || thrown.data['error'] === noSpace)) {
    return new AppError(
      'no-space',
      `There is no space left for ${spec.path}.`,
      {
        where: 'target',
        path: spec.path,
        unharmed: 'The restore point is complete, and what was written here was removed again.',
        advice: 'Free some space there or choose another folder, then restore again.',
      },
      thrown,
    );
  }
  return thrown;
}

async function readBack(
  world: World,
  store: StoreRepository,
  spec: ImageSpec,
  partial: string,
  { signal, onChecked }: ImageProgress,
): Promise<void> {
  const how = { readOnly: true, cache: 'none' } as const;
  await withImage(world, spec, partial, how, signal, async (pool) => {
    const tree = store.openTree(spec.root);
    const bad = await firstDifference(tree, pool, signal, onChecked);
    if (bad === null) return;
    throw new AppError(
      'verify-mismatch',
      `What was read back from ${spec.path} at byte ${bad} is not what was written.`,
      {
        path: spec.path,
        offset: bad,
        unharmed: 'The restore point is not affected; the image was removed again.',
        advice: 'Check this disk (smartctl, the kernel log) or restore to another one.',
      },
    );
  });
}
