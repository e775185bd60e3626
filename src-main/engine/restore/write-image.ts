/**
 * Writes one disk of a restore point into a new image file and proves it: after fdatasync the image
 * is read back past the page cache and compared, and only then does it get its name. Zeroes are not
 * written, so the image is sparse. An existing file is never touched.
 */
import { dirname, join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import { createImage } from '#engine/nbd/image.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import type { ImageProgress, ImageSpec } from './image-spec.ts';
import { fillRaw } from './raw-image.ts';
import { fillServed } from './served-image.ts';

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

/** Raw images are written straight into the file; only QEMU knows how to write the others. */
async function fill(
  world: World,
  store: StoreRepository,
  spec: ImageSpec,
  partial: string,
  progress: ImageProgress,
): Promise<number> {
  const fillAndProve = spec.format === 'raw' ? fillRaw : fillServed;
  try {
    return await fillAndProve(world, store.openTree(spec.root), spec, partial, progress);
  } catch (thrown) {
    if (progress.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
    throw writeFailure(thrown, spec);
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
