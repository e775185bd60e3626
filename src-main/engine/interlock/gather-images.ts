/** The images of a disk, from the files where we may look and from libvirt's words where not. */
import { AppError } from '#contract/errors.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';
import { imageChain, imageHead, isRecording, type ImageInfo } from '#engine/nbd/image.ts';
import type { World } from '#engine/world/world.ts';
import type { ImageFacts } from './facts.ts';

/** A chain longer than this is not followed by hand; libvirt itself takes 200. */
const maxImages = 250;

/** How qcow2 calls its version 2, which cannot hold bitmaps. */
const oldCompat = '0.10';

/**
 * The active image first. Closed ones are not locked for it either: somebody who starts the machine
 * in that moment must not be refused.
 */
export async function gatherChain(
  world: World,
  disk: DomainDisk,
  path: string,
): Promise<readonly ImageFacts[]> {
  // Never probed: a guest could write the header of another format to the beginning of its disk.
  if (disk.format === 'raw') return [await rawFacts(world, path)];
  const images = await readChain(world, path);
  if (images === null) return toldChain(world, disk, path);
  const facts: ImageFacts[] = [];
  for (const image of images) {
    if (image.info === null) facts.push(await unread(world, image.path, ''));
    else facts.push(await factsOf(world, image.info));
  }
  return facts;
}

interface ReadImage {
  readonly path: string;
  /** Null for one that cannot be read: the chain is broken there. */
  readonly info: ImageInfo | null;
}

/** Null where not even the first image can be read. */
async function readChain(world: World, path: string): Promise<readonly ReadImage[] | null> {
  try {
    const chain = await imageChain(world, path, { share: true });
    return chain.map((info) => ({ path: info.path, info }));
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
  }
  const found: ReadImage[] = [];
  let next: string | null = path;
  while (next !== null && found.length < maxImages) {
    const at: string = next;
    const head = await readHead(world, at);
    found.push({ path: at, info: head?.info ?? null });
    next = head?.below ?? null;
  }
  return found[0]?.info === null ? null : found;
}

/** The image alone and what it stands on; null when it cannot be read. */
export async function readHead(
  world: World,
  path: string,
): Promise<{ readonly info: ImageInfo; readonly below: string | null } | null> {
  try {
    return await imageHead(world, path, { share: true });
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}

async function factsOf(world: World, info: ImageInfo): Promise<ImageFacts> {
  const stat = await statOf(world, info.path);
  return {
    path: info.path,
    format: info.format,
    sizeBytes: info.sizeBytes,
    usedBytes: info.allocatedBytes,
    mode: stat === null ? null : stat.mode,
    exists: true,
    writable: await world.files.may(info.path, 'write').catch(() => false),
    snapshots: info.snapshots.map(({ name }) => name),
    bitmaps: info.bitmaps.map((one) => ({ name: one.name, broken: !isRecording(one) })),
    oldFormat: info.format === 'qcow2' && info.compat === oldCompat,
  };
}

async function rawFacts(world: World, path: string): Promise<ImageFacts> {
  const stat = await statOf(world, path);
  const image = await unread(world, path, 'raw');
  if (stat === null) return image;
  return {
    ...image,
    sizeBytes: stat.kind === 'file' ? stat.sizeBytes : null, // of a device libvirt knows better
    usedBytes: stat.kind === 'file' ? stat.allocatedBytes : null,
    mode: stat.mode,
    writable: await world.files.may(path, 'write').catch(() => false),
    snapshots: [],
    bitmaps: [],
  };
}

/** What libvirt says of a chain we may not read; only the first image where it says no more. */
async function toldChain(
  world: World,
  { format, chain }: DomainDisk,
  path: string,
): Promise<readonly ImageFacts[]> {
  const top = await unread(world, path, format);
  const below = (chain ?? []).flatMap((image) =>
    image.source === null ? [] : [{ path: image.source, format: image.format }],
  );
  const rest = await Promise.all(below.map((image) => unread(world, image.path, image.format)));
  return [top, ...rest];
}

async function unread(world: World, path: string, format: string): Promise<ImageFacts> {
  return {
    path,
    format,
    sizeBytes: null,
    usedBytes: null,
    mode: null,
    exists: await existsOf(world, path),
    writable: false,
    snapshots: null,
    bitmaps: null,
    oldFormat: false,
  };
}

async function statOf(world: World, path: string) {
  return world.files.stat(path).catch(() => null);
}

/** Null where we may not look. */
export async function existsOf(world: World, path: string): Promise<boolean | null> {
  try {
    return (await world.files.stat(path)) !== null;
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}
