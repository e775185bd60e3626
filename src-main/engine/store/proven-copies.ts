/**
 * Needed blocks that are stored more than once. A clean-up may give up all copies but one, and
 * which one is good is only known by reading it: until then every copy counts as needed.
 */
import type { BlockKind } from './crypto.ts';
import { idBytes } from './crypto.ts';
import type { BlockIndex, BlockPlace } from './index.ts';
import { packName } from './pack.ts';
import { readFailure } from './pack-reader.ts';
import type { PlaceTable } from './place-table.ts';
import type { Storage } from './storage.ts';
import { throwIfAborted } from './verify-progress.ts';
import type { BlockWorkers } from './workers.ts';

/**
 * Blocks of which a copy is chosen in one clean-up, about what one that was cut off leaves twice;
 * of more, every copy stays until the next.
 */
const maxBlocks = 65_536;
const maxCopiesTried = 4;
/** Payload bytes read and proven as one. */
const sliceBytes = 4 * 1024 * 1024;

interface Several {
  readonly id: Buffer;
  readonly kind: BlockKind;
  readonly places: readonly BlockPlace[];
}

export interface ProofParts {
  readonly storage: Storage;
  readonly index: BlockIndex;
  readonly workers: BlockWorkers;
}

export class StoredTwice {
  readonly #blocks = new Map<string, Several>();

  add(block: Several): void {
    if (this.#blocks.size >= maxBlocks) return;
    // A copy of the id: the one handed in may be part of a whole node's memory.
    this.#blocks.set(block.id.toString('hex'), { ...block, id: Buffer.from(block.id) });
  }

  /** Takes all copies but a proven one out of `table`; of a block without one all stay. */
  async keepOneEach(parts: ProofParts, table: PlaceTable, signal?: AbortSignal): Promise<void> {
    let open: readonly Several[] = [...this.#blocks.values()];
    for (let copy = 0; copy < maxCopiesTried && open.length > 0; copy += 1) {
      const unproven: Several[] = [];
      for (const slice of slices(open, copy)) {
        throwIfAborted(signal);
        const good = await proveSlice(parts, slice, copy);
        table.together(() => {
          for (const [i, block] of slice.entries()) {
            if (good[i] !== true) unproven.push(block);
            else for (const place of others(block, copy)) table.remove(place);
          }
        });
      }
      open = unproven;
    }
  }
}

function others({ places }: Several, copy: number): readonly BlockPlace[] {
  return places.filter((_, at) => at !== copy);
}

/** Of blocks that have so many copies, neighbours together: they were found in that order. */
function* slices(blocks: readonly Several[], copy: number): Iterable<readonly Several[]> {
  let slice: Several[] = [];
  let bytes = 0;
  for (const block of blocks) {
    const place = block.places[copy];
    if (place === undefined) continue;
    if (slice.length > 0 && bytes + place.length > sliceBytes) {
      yield slice;
      slice = [];
      bytes = 0;
    }
    slice.push(block);
    bytes += place.length;
  }
  if (slice.length > 0) yield slice;
}

/** Whether this copy of each is good. Throws only when the repository cannot be reached. */
async function proveSlice(
  { storage, index, workers }: ProofParts,
  slice: readonly Several[],
  copy: number,
): Promise<readonly boolean[]> {
  const total = slice.reduce((sum, { places }) => sum + (places[copy]?.length ?? 0), 0);
  const bytes = Buffer.from(new ArrayBuffer(total));
  const ids = new Uint8Array(slice.length * idBytes);
  const wanted = new Uint32Array(slice.length * 3);
  const unread = new Set<number>();
  let at = 0;
  for (const [i, { id, kind, places }] of slice.entries()) {
    const place = places[copy];
    if (place === undefined) continue;
    ids.set(id, i * idBytes);
    wanted.set([at, place.length, kind], i * 3);
    const name = packName(index.packOf(place));
    try {
      await storage.readInto(name, place.offset, bytes.subarray(at, at + place.length));
    } catch (thrown) {
      readFailure(thrown);
      await storage.check(); // a vanished folder is no damage
      unread.add(i);
    }
    at += place.length;
  }
  const { reasons } = await workers.prove(bytes.buffer, ids, wanted);
  return slice.map((_, i) => !unread.has(i) && reasons[i] === null);
}
