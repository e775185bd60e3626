/**
 * What is known of the bitmaps in a disk's images. Pure. Where a machine is off the files say it
 * exactly. Of one that runs they say only which bitmaps there are, as of its start and without
 * those deleted since (facts C6); how each is, libvirt tells for those it knows, and QEMU for all.
 */
import type { BitmapHealth } from '#contract/moments.ts';
import {
  isActive,
  type DiskFacts,
  type ImageFacts,
  type MachineFacts,
} from '#engine/interlock/facts.ts';
import type { QemuBitmaps } from './qemu-bitmaps.ts';

export interface SeenBitmap {
  readonly name: string;
  readonly health: 'healthy' | 'inconsistent' | 'unknown';
}

/** Of one image; null where nobody can say. */
function bitmapsIn(
  image: ImageFacts,
  active: boolean,
  qemu: QemuBitmaps | null,
): readonly SeenBitmap[] | null {
  const told = active ? qemu?.get(image.path) : undefined;
  if (told !== undefined) {
    return told.map(({ name, healthy }) => ({
      name,
      health: healthy ? ('healthy' as const) : ('inconsistent' as const),
    }));
  }
  if (image.exists === false) return [];
  if (image.bitmaps === null) return image.format === 'qcow2' || image.format === '' ? null : [];
  return image.bitmaps.map(({ name, broken }) => ({
    name,
    health: active
      ? ('unknown' as const)
      : broken
        ? ('inconsistent' as const)
        : ('healthy' as const),
  }));
}

/** One entry an image, the active one first. */
export type ChainBitmaps = readonly {
  readonly path: string;
  readonly bitmaps: readonly SeenBitmap[] | null;
}[];

export function chainBitmaps(
  facts: MachineFacts,
  disk: DiskFacts,
  qemu: QemuBitmaps | null,
): ChainBitmaps {
  const active = isActive(facts);
  return disk.chain.map((image) => ({
    path: image.path,
    bitmaps: bitmapsIn(image, active, qemu),
  }));
}

/**
 * libvirt's own rule (facts A8): it is in the active image, in all below it down to one and in none
 * below that, each of them whole. Bitmaps of one name record on their own and are added up, so the
 * rule cannot tell when the lowest is gone; `since`, the image that was active when the record was
 * begun, does: down to that one it must be. An image of another name is another disk.
 */
export function healthInChain(
  chain: ChainBitmaps,
  bitmap: string,
  since: string | null = null,
): BitmapHealth {
  const [top] = chain;
  if (top === undefined || chain.some(({ bitmaps }) => bitmaps === null)) return 'unknown';
  const found = chain.map(({ bitmaps }) => bitmaps?.find(({ name }) => name === bitmap));
  if (found.every((one) => one === undefined)) return 'missing';
  const end = found.indexOf(undefined);
  const run = end < 0 ? found : found.slice(0, end);
  if (run.length === 0) return 'inconsistent'; // only below: nothing records what is written now
  if (end >= 0 && found.slice(end).some((one) => one !== undefined)) return 'inconsistent';
  const lowest = since === null ? 0 : chain.findIndex(({ path }) => path === since);
  if (lowest < 0 || run.length <= lowest) return 'inconsistent';
  if (run.some((one) => one?.health === 'inconsistent')) return 'inconsistent';
  return run.some((one) => one?.health === 'unknown') ? 'unknown' : 'healthy';
}
