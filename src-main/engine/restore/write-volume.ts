/**
 * Puts a finished file into a storage pool of a host whose folders we may not write to: libvirt
 * takes the bytes, and gives them back for comparing. Used by an ordinary user of a system host.
 */
import { basename, dirname } from 'node:path';
import { AppError } from '#contract/errors.ts';
import type { Hypervisor, PoolRecord } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import { element } from '#engine/hypervisor/xml.ts';

/** Bytes moved at once, up and down. */
export const volumeChunkBytes = 8 * 1024 * 1024;

export interface VolumeOptions {
  readonly signal: AbortSignal;
  readonly onChecked: (bytes: number) => void;
}

/**
 * Uploads the file `from` as a new volume at `path`, reads it back and compares. The volume is
 * raw to libvirt whatever is in it: the machine's definition names the format. After an error it
 * is gone. Throws `verify-mismatch`, `cancelled`, `libvirt-error`.
 */
export async function writeVolume(
  world: World,
  hypervisor: Hypervisor,
  pool: PoolRecord,
  from: string,
  path: string,
  options: VolumeOptions,
): Promise<void> {
  if (dirname(path) !== pool.path)
    throw new AppError('internal', `${path} is not in ${pool.name}.`);
  const file = await world.files.open(from, 'read');
  try {
    const { sizeBytes } = await file.stat();
    const xml = element('volume', {}, [
      element('name', {}, basename(path)),
      element('capacity', { unit: 'bytes' }, String(sizeBytes)),
      element('target', {}, [element('format', { type: 'raw' })]),
    ]);
    await hypervisor.createVolume(pool.name, xml);
    try {
      await hypervisor.uploadVolume(path, pieces(file, sizeBytes, options.signal));
      for (let offset = 0; offset < sizeBytes; offset += volumeChunkBytes) {
        const expected = await pieceAt(file, offset, sizeBytes);
        const range = { offset, length: expected.length };
        const found = await hypervisor.downloadVolume(path, volumeChunkBytes, range);
        if (!found.equals(expected)) throw mismatch(path, offset);
        if (options.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
        options.onChecked(expected.length);
      }
    } catch (thrown) {
      await hypervisor.deleteVolume(path).catch(() => undefined);
      throw thrown;
    }
  } finally {
    await file.close();
  }
}

/** What makes the pool that libvirt's own tools would make. */
const makePool =
  'virsh -c qemu:///system pool-define-as default dir --target /var/lib/libvirt/images && ' +
  'virsh -c qemu:///system pool-start default';

type Readable = Awaited<ReturnType<World['files']['open']>>;

async function pieceAt(file: Readable, offset: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(volumeChunkBytes, size - offset));
  await file.read(bytes, offset);
  return bytes;
}

async function* pieces(file: Readable, size: number, signal: AbortSignal): AsyncIterable<Buffer> {
  for (let offset = 0; offset < size; offset += volumeChunkBytes) {
    if (signal.aborted) throw new AppError('cancelled', 'Cancelled.');
    yield await pieceAt(file, offset, size);
  }
}

function mismatch(path: string, offset: number): AppError {
  return new AppError(
    'verify-mismatch',
    `What libvirt gave back from ${path} after byte ${offset} is not what was written.`,
    {
      path,
      offset,
      unharmed: 'The restore point is not affected; the volume was removed again.',
      advice: 'Check the disk of that storage pool, or restore to another one.',
    },
  );
}

/**
 * The pool that new disks go to: the one at `folder`, or the one called default, or the first that
 * can be used. Throws `path-invalid` with what would help.
 */
export async function choosePool(
  hypervisor: Hypervisor,
  folder: string | null,
): Promise<PoolRecord> {
  const pools = (await hypervisor.listPools()).filter(
    ({ active, type, path }) => active && type === 'dir' && path !== null,
  );
  const found =
    folder === null
      ? (pools.find(({ name }) => name === 'default') ?? pools[0])
      : pools.find(({ path }) => path === folder);
  if (found !== undefined) return found;
  const places = pools.map(({ path }) => path).join(', ');
  throw new AppError(
    'path-invalid',
    folder === null
      ? 'This host has no storage pool that new disks could go to.'
      : `This user may write to this host only through a storage pool, and ${folder} is none.`,
    {
      unharmed: 'Nothing was written.',
      advice: places === '' ? `Run: ${makePool}` : `Choose one of: ${places}.`,
    },
  );
}
