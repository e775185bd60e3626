/**
 * Disk images without bytes: a disk is a few numbered blocks, each holding one number. What stands
 * on what, internal snapshots, bitmaps and commits behave as QEMU's do, its harm included: writing
 * into an image changes everything that stands on it.
 */
export type Blocks = Map<number, number>;

export interface PretendImage {
  format: string;
  base: string | null;
  blocks: Blocks;
  /** Internal snapshots by name. */
  moments: Map<string, { readonly blocks: Blocks; readonly memory: number | null }>;
  bitmaps: Set<string>;
  mode: number;
}

/** Plain data, so that a whole world can be copied with structuredClone. */
export type PretendImages = Map<string, PretendImage>;

export function imageAt(images: PretendImages, path: string): PretendImage {
  const image = images.get(path);
  if (image === undefined) throw new Error(`no such image: ${path}`);
  return image;
}

export function addImage(
  images: PretendImages,
  path: string,
  base: string | null,
  format = 'qcow2',
): void {
  if (images.has(path)) throw new Error(`there is already a file at ${path}`);
  if (base !== null) imageAt(images, base);
  const empty = { blocks: new Map(), moments: new Map(), bitmaps: new Set<string>() };
  images.set(path, { format, base, ...empty, mode: 0o644 });
}

/** The image and all below it, topmost first. */
export function chainOf(images: PretendImages, path: string): readonly string[] {
  const chain: string[] = [];
  for (let next: string | null = path; next !== null; next = imageAt(images, next).base) {
    if (chain.includes(next)) throw new Error(`${next} stands on itself`);
    chain.push(next);
  }
  return chain;
}

/** What a guest would read; blocks never written are left out. */
export function readImage(images: PretendImages, path: string): Record<number, number> {
  const content: Record<number, number> = {};
  for (const one of [...chainOf(images, path)].reverse()) {
    for (const [block, value] of imageAt(images, one).blocks) content[block] = value;
  }
  return content;
}

/**
 * Writes an overlay into what it stands on and takes it away. Only the next image of the same chain
 * is told: another that stood on it stands on nothing then.
 */
export function commitImage(
  images: PretendImages,
  overlay: string,
  above: string | undefined,
): void {
  const { base, blocks, bitmaps } = imageAt(images, overlay);
  if (base === null) throw new Error(`${overlay} stands on nothing`);
  const below = imageAt(images, base);
  for (const [block, value] of blocks) below.blocks.set(block, value);
  for (const bitmap of bitmaps) below.bitmaps.add(bitmap);
  images.delete(overlay);
  const next = above === undefined ? undefined : images.get(above);
  if (next?.base === overlay) next.base = base;
}
