/**
 * What clean-ups delete, noted before they delete it (`cleaned/<ULID>`). From then on whoever opens
 * the repository takes these packs for gone and these points for lost, whether or not their files
 * are still there. So a clean-up that was cut off, or slept while another took its lease over and
 * goes on when it wakes, deletes only what nobody has relied on since.
 */
import { hasCode } from '#contract/errors.ts';
import type { StoreKeys } from './crypto.ts';
import { isFileName } from './manifest.ts';
import { decodeNote, encodeNote, fieldsOf, isTime } from './note-file.ts';
import { isPackId } from './pack.ts';
import type { PointName } from './repository.ts';
import type { Storage } from './storage.ts';

export const cleanedFolder = 'cleaned';
/** How long a list stays: others learn from it that packs did not vanish by accident. */
export const keptListsMs = 30 * 86_400_000;
const maxListBytes = 16 * 1024 * 1024;
const listsInFlight = 16;

export interface CleanedList {
  /** '' for one that is about to be written. */
  readonly name: string;
  /** UTC epoch milliseconds. */
  readonly at: number;
  readonly points: readonly PointName[];
  readonly packs: readonly string[];
}

/** Durable when it resolves. */
export async function writeCleaned(
  storage: Storage,
  keys: StoreKeys,
  ulid: string,
  list: Omit<CleanedList, 'name'>,
): Promise<void> {
  const bytes = encodeNote(keys, { what: cleanedFolder, ...list });
  await storage.putIfAbsent(`${cleanedFolder}/${ulid}`, bytes);
}

/**
 * Every list that is one: what another names stays. Throws file-failed for one the disk does not
 * give now, because whoever writes may not take what it names for present.
 */
export async function readCleaned(
  storage: Storage,
  keys: StoreKeys,
): Promise<readonly CleanedList[]> {
  return readLists(storage, (name) => readOne(storage, keys, name));
}

/**
 * For reading only, which must not end where a note is unreadable for good: a reader takes what
 * such a note names for present, and looks again when it is not.
 */
export async function readCleanedAsFarAsPossible(
  storage: Storage,
  keys: StoreKeys,
): Promise<readonly CleanedList[]> {
  return readLists(storage, async (name) => {
    try {
      return await readOne(storage, keys, name);
    } catch (thrown) {
      if (!hasCode(thrown, 'file-failed')) throw thrown;
      await storage.check();
      return null;
    }
  });
}

async function readLists(
  storage: Storage,
  read: (name: string) => Promise<CleanedList | null>,
): Promise<readonly CleanedList[]> {
  const names = (await storage.list(cleanedFolder)).filter(isFileName);
  const lists: CleanedList[] = [];
  for (let at = 0; at < names.length; at += listsInFlight) {
    const group = await Promise.all(names.slice(at, at + listsInFlight).map(read));
    lists.push(...group.filter((list) => list !== null));
  }
  return lists;
}

async function readOne(
  storage: Storage,
  keys: StoreKeys,
  name: string,
): Promise<CleanedList | null> {
  let bytes: Buffer;
  try {
    bytes = await storage.get(`${cleanedFolder}/${name}`, maxListBytes);
  } catch (thrown) {
    if (!hasCode(thrown, 'path-not-found', 'path-invalid')) throw thrown;
    await storage.check(); // gone meanwhile, or no list at all
    return null;
  }
  const fields = decodeNote(keys, bytes, maxListBytes);
  if (fields?.['what'] !== cleanedFolder) return null;
  const { at, points, packs } = fields;
  if (!isTime(at) || !Array.isArray(points) || !Array.isArray(packs)) return null;
  const isPack = (one: unknown): one is string => typeof one === 'string' && isPackId(one);
  return { name, at, points: points.flatMap(pointOf), packs: packs.filter(isPack) };
}

function pointOf(value: unknown): PointName[] {
  const { id, machineUuid } = fieldsOf(value);
  if (typeof id !== 'string' || typeof machineUuid !== 'string') return [];
  return isFileName(id) && isFileName(machineUuid) ? [{ id, machineUuid }] : [];
}
