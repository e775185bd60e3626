/** A repository in a temporary folder and bytes that are the same every time. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PointManifest } from '#engine/store/manifest.ts';
import type { StoreRepository, TreeReader, TreeRoot } from '#engine/store/repository.ts';
import { realWorld, type World } from '#engine/world/world.ts';

export const owner = { installation: 'test', what: 'testing' };
export const kib = 1024;

export interface Fixture {
  readonly folder: string;
  readonly path: string;
  readonly indexPath: string;
  readonly world: World;
  remove(): Promise<void>;
}

export async function fixture(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'waymark-store-'));
  return {
    folder,
    path: join(folder, 'repository'),
    indexPath: join(folder, 'index.sqlite'),
    world: realWorld(),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A world that looks like another process, which is dead as soon as anybody asks. */
export function mortalWorld(world: World): World {
  return { ...world, processes: { ...world.processes, pid: 4_194_305 } };
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(seed: string, length: number): Buffer {
  const out = Buffer.allocUnsafeSlow(length);
  for (let at = 0; at < length; at += 32) {
    const digest = createHash('sha256').update(`${seed} ${at}`).digest();
    digest.copy(out, at, 0, Math.min(32, length - at));
  }
  return out;
}

export function manifest(id: string, disks: readonly TreeRoot[]): PointManifest {
  return {
    format: 1,
    id,
    time: 1_760_000_000_000,
    seconds: 1.5,
    machine: { uuid: '6f9d3f7c-0000-4000-8000-000000000001', name: 'web 01' },
    host: { name: 'this computer', uri: 'qemu:///system' },
    installation: 'test',
    definition: null,
    firmware: { kind: 'none' },
    tpm: { kind: 'not-included', reason: 'not readable here' },
    disks: disks.map((root, i) => ({
      target: `vd${'abcdef'.charAt(i)}`,
      format: 'qcow2',
      sizeBytes: root.sizeBytes,
      root,
      mode: 're-read',
      reason: 'first',
      readBytes: root.sizeBytes,
      storedBytes: 1,
      source: '/images/web 01.qcow2',
    })),
    skipped: [{ target: 'sda', reason: 'cdrom' }],
    consistency: { kind: 'crash', why: 'No guest agent answered.' },
    checkpoint: null,
    readBytes: 1,
    storedBytes: 1,
  };
}

export const machineUuid = manifest('x', []).machine.uuid;

/** Writes the whole image and commits it as a point. */
export async function backUp(
  repository: StoreRepository,
  id: string,
  image: Buffer,
  base: TreeRoot | null = null,
): Promise<TreeRoot> {
  const writer = await repository.openWriter(owner);
  try {
    const disk = writer.beginDisk(image.length, base);
    const step = 64 * repository.blockSizeBytes;
    for (let at = 0; at < image.length; at += step) {
      await disk.write(at, Buffer.from(image.subarray(at, at + step)));
    }
    const { root } = await disk.finish();
    await writer.commitPoint(manifest(id, [root]));
    return root;
  } finally {
    await writer.release();
  }
}

export async function readWhole(tree: TreeReader, sizeBytes: number): Promise<Buffer> {
  const image = Buffer.alloc(sizeBytes);
  let last = -1;
  for await (const { offset, bytes } of tree.stream()) {
    if (offset <= last) throw new Error('not in order');
    last = offset;
    bytes.copy(image, offset);
  }
  return image;
}

export async function restorePoint(repository: StoreRepository, id: string): Promise<Buffer> {
  const point = await repository.readPoint(id, machineUuid);
  const disk = point.disks[0];
  if (disk === undefined) throw new Error('no disk');
  return readWhole(repository.openTree(disk.root), disk.sizeBytes);
}
