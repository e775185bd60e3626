/**
 * An image behind qemu-nbd: how images that only QEMU can write are filled and read back, and how
 * QEMU is asked where an image has data.
 */
import { join } from 'node:path';
import { openNbdPool, type NbdPool } from '#engine/nbd/pool.ts';
import { serveImage } from '#engine/nbd/qemu-nbd.ts';
import type { TreeReader } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';
import { firstDifference, mismatch } from './compare-image.ts';
import type { ImageProgress, ImageSpec } from './image-spec.ts';

const connectionsPerImage = 2;

/**
 * Fills the image at `path` and, once that is on the disk, reads it back and compares. Returns the
 * bytes written. Throws `verify-mismatch`, and what the tree and NBD throw.
 */
export async function fillServed(
  world: World,
  tree: TreeReader,
  spec: ImageSpec,
  path: string,
  { signal, onWritten, onChecked }: ImageProgress,
): Promise<number> {
  let total = 0;
  await withImage(world, spec, path, 'write', signal, async (pool) => {
    const write = async (offset: number, bytes: Buffer) => {
      await pool.write(offset, bytes);
      total += bytes.length;
      onWritten(bytes.length);
    };
    await tree.copyTo(write, { signal });
    await pool.flush();
  });
  // Another server: this one knows of the image only what is on the disk.
  await withImage(world, spec, path, 'read', signal, async (pool) => {
    const bad = await firstDifference(tree, pool, signal, onChecked);
    if (bad !== null) throw mismatch(spec.path, bad);
  });
  return total;
}

/** Serves the image at `path` while `use` runs, past the page cache where the file system can. */
export async function withImage<T>(
  world: World,
  spec: ImageSpec,
  path: string,
  how: 'read' | 'write',
  signal: AbortSignal,
  use: (pool: NbdPool) => Promise<T>,
): Promise<T> {
  const server = await serveImage(world, {
    imagePath: path,
    format: spec.format,
    socketPath: join(spec.socketFolder, `r-${world.ids.ulid().slice(-10)}`),
    readOnly: how === 'read',
    cache: 'none',
  });
  try {
    const options = {
      socketPath: server.socketPath,
      exportName: '',
      contexts: how === 'read' ? ['base:allocation'] : [],
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
