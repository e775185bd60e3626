/**
 * Reads blocks by id: finds their packs, reads neighbours in one go, has workers open and prove
 * them. A damaged copy is remembered in the index and another copy is tried.
 */
import { AppError } from '#contract/errors.ts';
import { decodeBlock } from './block-codec.ts';
import { blockKind, idBytes, PayloadDamage, type StoreKeys } from './crypto.ts';
import type { BlockIndex, BlockPlace } from './index.ts';
import { packName } from './pack.ts';
import { readFailure } from './pack-reader.ts';
import type { Storage } from './storage.ts';
import { decodeNode, maxNodeBytes, type TreeNode } from './tree-node.ts';
import type { ReadLane } from './read-lane.ts';
import type { BlockWorkers, Proof } from './workers.ts';

/** Bytes between two wanted payloads that are read along rather than sought over. */
const maxGapBytes = 32 * 1024;
const maxCopiesTried = 4;

export interface WantedBlock {
  readonly id: Buffer;
  readonly plainBytes: number;
}

export interface BlockFailure {
  /** Which of the wanted blocks. */
  readonly at: number;
  readonly why: string;
  readonly packId: string | null;
}

export interface ReadBatch {
  /** The plaintexts one after another, in the lane's memory; a failed block's part is zeros. */
  readonly bytes: Buffer;
  readonly failures: readonly BlockFailure[];
}

interface Located {
  readonly at: number;
  readonly place: BlockPlace;
  readonly packId: string;
}

interface Run {
  readonly packId: string;
  readonly offset: number;
  end: number;
  readonly blocks: Located[];
}

export interface BlockReaderParts {
  readonly storage: Storage;
  readonly keys: StoreKeys;
  readonly index: BlockIndex;
  readonly workers: BlockWorkers;
  /** Looks for packs written by others since; called when a block is not known. */
  readonly resync: () => Promise<void>;
  /** Looks for packs at once, because one is gone; false where that may not be done now. */
  readonly packGone: () => Promise<boolean>;
}

export class BlockReader {
  readonly #parts: BlockReaderParts;

  constructor(parts: BlockReaderParts) {
    this.#parts = parts;
  }

  async #find(id: Buffer): Promise<BlockPlace | null> {
    const found = this.#parts.index.find(id);
    if (found !== null) return found;
    await this.#parts.resync();
    return this.#parts.index.find(id);
  }

  /** A tree node, opened here: it is small. Throws block-damaged. */
  async readNode(id: Buffer, level: number): Promise<TreeNode> {
    const { index, storage } = this.#parts;
    let why = 'it is missing';
    for (let tries = 0; tries < maxCopiesTried; tries += 1) {
      const place = await this.#find(id);
      if (place === null) break;
      const packId = index.packOf(place);
      try {
        const payload = Buffer.allocUnsafe(place.length);
        await storage.readInto(packName(packId), place.offset, payload);
        return this.openNode(id, level, payload);
      } catch (thrown) {
        why = thrown instanceof PayloadDamage ? thrown.message : readFailure(thrown);
        await storage.check(); // a vanished folder is no damage
        if (!(await this.#wentAway(packId))) index.markDamaged(id, packId, place.offset);
      }
    }
    throw blockDamaged(id, why, 'A part of the list of blocks');
  }

  /**
   * True when the pack is gone and the index knows that now: a clean-up elsewhere moved its blocks,
   * so they are looked for again. No damage is noted then.
   */
  async #wentAway(packId: string): Promise<boolean> {
    const { index, storage, packGone } = this.#parts;
    if (!index.hasPack(packId)) return true;
    return (await storage.size(packName(packId))) === null && (await packGone());
  }

  /** Throws PayloadDamage. */
  openNode(id: Buffer, level: number, payload: Uint8Array): TreeNode {
    const plain = decodeBlock(this.#parts.keys, blockKind.node, id, payload, maxNodeBytes);
    const node = decodeNode(plain, level);
    if ('why' in node) throw new PayloadDamage(node.why);
    return node;
  }

  /**
   * Reads and proves a batch of data blocks in the memory of `lane`, which belongs to it until its
   * bytes were used. Throws only when the repository cannot be reached.
   */
  async readBlocks(
    wanted: readonly WantedBlock[],
    lane: ReadLane,
    proof: Proof = 'id',
  ): Promise<ReadBatch> {
    const located: Located[] = [];
    const failures: BlockFailure[] = [];
    const { index } = this.#parts;
    const known = index.findAll(wanted.map(({ id }) => id));
    for (const [at, { id }] of wanted.entries()) {
      const place = known[at] ?? (await this.#find(id));
      if (place === null) failures.push({ at, why: 'it is missing', packId: null });
      else located.push({ at, place, packId: index.packOf(place) });
    }
    const { bytes, damaged } = await this.#readLocated(wanted, located, lane, proof);
    for (const one of damaged) {
      const why = await this.#tryCopies(wanted, one, bytes);
      if (why !== null) failures.push({ at: one.at, why, packId: one.packId });
    }
    return { bytes, failures };
  }

  /**
   * Compares plaintexts, laid one after another in `memory`, with the ids of `wanted`: which is the
   * first that differs, or null. The memory is used until this resolves.
   */
  async firstDifference(
    wanted: readonly WantedBlock[],
    memory: SharedArrayBuffer,
  ): Promise<number | null> {
    const plainBytes = wanted.reduce((sum, block) => sum + block.plainBytes, 0);
    const batch = await this.#parts.workers.hash(memory, plainBytes);
    batch.drop();
    const differs = wanted.findIndex(({ id }, i) => {
      const found = batch.ids.subarray(i * idBytes, (i + 1) * idBytes);
      return batch.data[i] !== 1 || !found.equals(id);
    });
    return differs < 0 ? null : differs;
  }

  async #readLocated(
    wanted: readonly WantedBlock[],
    located: readonly Located[],
    lane: ReadLane,
    proof: Proof,
  ): Promise<{ bytes: Buffer; damaged: (Located & { why: string })[] }> {
    const runs = coalesce(located);
    const total = runs.reduce((sum, run) => sum + run.end - run.offset, 0);
    const plainBytes = wanted.reduce((sum, block) => sum + block.plainBytes, 0);
    const payloads = Buffer.from(lane.payloads(total), 0, total);
    const plain = lane.plain(plainBytes);
    const places = new Uint32Array(wanted.length * 3);
    const unread = new Map<number, string>();
    let at = 0;
    const reads = runs.map((run) => {
      const start = at;
      at += run.end - run.offset;
      for (const { at: block, place } of run.blocks) {
        places[block * 3] = start + place.offset - run.offset;
        places[block * 3 + 1] = place.length;
      }
      return this.#readRun(run, payloads.subarray(start, at), unread);
    });
    await Promise.all(reads);
    const ids = new Uint8Array(wanted.length * idBytes);
    for (const [i, { id, plainBytes: plain }] of wanted.entries()) {
      ids.set(id, i * idBytes);
      places[i * 3 + 2] = plain;
    }
    const { workers } = this.#parts;
    const answer = await workers.decode(lane.payloads(total), ids, places, plain, proof);
    const damaged = located.flatMap((one) => {
      const why = unread.get(one.at) ?? answer.reasons[one.at] ?? null;
      return why === null ? [] : [{ ...one, why }];
    });
    return { bytes: Buffer.from(plain, 0, plainBytes), damaged };
  }

  /** Reads a run; if that fails, each of its blocks alone, so that only the bad ones are lost. */
  async #readRun(run: Run, into: Buffer, unread: Map<number, string>): Promise<void> {
    const { storage } = this.#parts;
    const name = packName(run.packId);
    try {
      await storage.readInto(name, run.offset, into);
      return;
    } catch (thrown) {
      readFailure(thrown);
      await storage.check();
    }
    for (const { at, place } of run.blocks) {
      const start = place.offset - run.offset;
      try {
        await storage.readInto(name, place.offset, into.subarray(start, start + place.length));
      } catch (thrown) {
        unread.set(at, readFailure(thrown));
      }
    }
  }

  /** Null when another copy was good and is now in `bytes`; otherwise why the block is lost. */
  async #tryCopies(
    wanted: readonly WantedBlock[],
    first: Located & { why: string },
    bytes: Buffer,
  ): Promise<string | null> {
    const { index, storage, keys } = this.#parts;
    const block = wanted[first.at];
    if (block === undefined) return first.why;
    const { id, plainBytes } = block;
    if (!(await this.#wentAway(first.packId))) {
      index.markDamaged(id, first.packId, first.place.offset);
    }
    const start = wanted.slice(0, first.at).reduce((sum, one) => sum + one.plainBytes, 0);
    for (let tries = 0; tries < maxCopiesTried; tries += 1) {
      const place = await this.#find(id);
      if (place === null) return first.why;
      const packId = index.packOf(place);
      try {
        const payload = Buffer.allocUnsafe(place.length);
        await storage.readInto(packName(packId), place.offset, payload);
        bytes.set(decodeBlock(keys, blockKind.data, id, payload, plainBytes), start);
        return null;
      } catch (thrown) {
        if (!(thrown instanceof PayloadDamage)) readFailure(thrown);
        if (!(await this.#wentAway(packId))) index.markDamaged(id, packId, place.offset);
      }
    }
    return first.why;
  }
}

/** Places sorted into runs of neighbours in the same pack. */
function coalesce(located: readonly Located[]): Run[] {
  const sorted = [...located].sort((a, b) =>
    a.place.pack === b.place.pack ? a.place.offset - b.place.offset : a.place.pack - b.place.pack,
  );
  const runs: Run[] = [];
  for (const one of sorted) {
    const { offset, length } = one.place;
    const last = runs.at(-1);
    if (last?.packId === one.packId && offset - last.end <= maxGapBytes) {
      last.end = Math.max(last.end, offset + length);
      last.blocks.push(one);
    } else {
      runs.push({ packId: one.packId, offset, end: offset + length, blocks: [one] });
    }
  }
  return runs;
}

export function blockDamaged(id: Uint8Array, why: string, what = 'A block'): AppError {
  return new AppError('block-damaged', `${what} in the repository is damaged: ${why}.`, {
    block: Buffer.from(id).toString('hex'),
    why,
    unharmed: 'What does not use this block can still be restored.',
    advice: 'Verify the repository to see every restore point it touches, then back up again.',
  });
}
