/** Brings the index in step with the packs in the repository, reading trailers only. */
import { AppError } from '#contract/errors.ts';
import { readCleaned, readCleanedAsFarAsPossible } from './cleaned.ts';
import type { StoreKeys } from './crypto.ts';
import type { BlockIndex } from './index.ts';
import { isPackId, packName } from './pack.ts';
import { readTrailer } from './pack-reader.ts';
import type { Storage } from './storage.ts';

/** Trailers read at the same time. */
const maxTrailersInFlight = 8;

export interface SyncResult {
  readonly added: number;
  readonly vanished: readonly string[];
  /** Packs whose trailer could not be used, with the reason. */
  readonly damaged: readonly { readonly packId: string; readonly why: string }[];
}

export interface SyncOptions {
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The lease is held: throws file-failed when what clean-ups noted cannot be read whole. */
  readonly writing?: boolean;
}

/** Every pack in the repository. */
export async function listPacks(storage: Storage): Promise<Set<string>> {
  const found = new Set<string>();
  for (const folder of await storage.list('packs')) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of await storage.list(`packs/${folder}`)) {
      if (isPackId(name) && name.startsWith(folder)) found.add(name);
    }
  }
  return found;
}

export async function syncIndex(
  index: BlockIndex,
  storage: Storage,
  keys: StoreKeys,
  options: SyncOptions = {},
): Promise<SyncResult> {
  const present = await listPacks(storage);
  // What a clean-up noted counts as gone, also while its file is still there.
  const read = options.writing === true ? readCleaned : readCleanedAsFarAsPossible;
  const cleaned = new Set((await read(storage, keys)).flatMap(({ packs }) => packs));
  for (const packId of cleaned) present.delete(packId);
  const vanished = [...index.packIds()].filter((packId) => !present.has(packId));
  if (vanished.length > 0) {
    await storage.check(); // an unmounted folder looks empty: then nothing is forgotten
    for (const packId of vanished) index.dropPack(packId);
    if (vanished.some((packId) => !cleaned.has(packId))) index.note('vanished', true);
  }
  const fresh = [...present].filter((packId) => !index.hasPack(packId));
  const damaged: { packId: string; why: string }[] = [];
  let done = 0;
  let added = 0;
  for (let at = 0; at < fresh.length; at += maxTrailersInFlight) {
    if (options.signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
    const group = fresh.slice(at, at + maxTrailersInFlight);
    const listings = await Promise.all(group.map((packId) => readTrailer(storage, keys, packId)));
    for (const [i, packId] of group.entries()) {
      const listing = listings[i];
      if (listing === undefined) continue;
      done += 1;
      if (!('why' in listing)) {
        await index.addPack(packId, listing.sizeBytes, listing.entries, breathe);
        added += 1;
      } else if (await isThere(storage, packId)) damaged.push({ packId, why: listing.why });
    }
    options.onProgress?.(done, fresh.length);
  }
  return { added, vanished, damaged };
}

/** A pack deleted since it was listed is gone, not damaged; a vanished folder throws. */
async function isThere(storage: Storage, packId: string): Promise<boolean> {
  if ((await storage.size(packName(packId))) !== null) return true;
  await storage.check();
  return false;
}

/** Lets everything that waits run once, so that long work never holds the event loop. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
