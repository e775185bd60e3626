/**
 * Writes one disk: batches go to the workers, come back as ids, are put into the tree in the order
 * they were written, and only blocks nobody has yet are compressed and stored. On the main thread a
 * block costs a look-up and 32 bytes copied.
 */
import { AppError } from '#contract/errors.ts';
import { BufferRing } from './buffer-ring.ts';
import { maxPayloadBytes } from './block-codec.ts';
import { blockKind, idBytes, type StoreKeys } from './crypto.ts';
import type { BlockIndex } from './index.ts';
import { maxDiskBytes } from './manifest.ts';
import type { PackWriter } from './pack-writer.ts';
import type { DiskWriter, TreeRoot } from './repository.ts';
import { TreeWriter, type NodeStore } from './tree-writer.ts';
import type { BlockWorkers, HashedBatch } from './workers.ts';

/** Plain bytes hashed and compressed as one message; one block where blocks are larger. */
const batchBytes = 1024 * 1024;
/** Pieces of memory lent at once: being filled, hashed, compressed, written to a pack. */
export const maxBatchesInFlight = 20;

/** The ring a run of writing lends from: room for a batch, and for its payloads if none shrinks. */
export function batchRing(keys: StoreKeys, blockSizeBytes: number): BufferRing {
  const plain = Math.max(batchBytes, blockSizeBytes);
  const blocks = plain / blockSizeBytes;
  return new BufferRing(maxBatchesInFlight, maxPayloadBytes(keys, blockSizeBytes) * blocks);
}

/** What the disks of one run share. */
export interface WriteSession {
  readonly blockSizeBytes: number;
  readonly workers: BlockWorkers;
  readonly packs: PackWriter;
  readonly index: BlockIndex;
  readonly nodes: NodeStore;
  readonly ring: BufferRing;
  readonly counts: { newBlocks: number; reusedBlocks: number };
  /** The first failure ends the whole run. */
  fail(thrown: unknown): void;
  throwIfFailed(): void;
}

export class StoreDiskWriter implements DiskWriter {
  readonly #session: WriteSession;
  readonly #sizeBytes: number;
  readonly #tree: TreeWriter;
  readonly #storedBefore: number;
  #inOrder: Promise<void> = Promise.resolve();
  readonly #encoding = new Set<Promise<void>>();
  #finished = false;

  constructor(session: WriteSession, sizeBytes: number, base: TreeRoot | null) {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > maxDiskBytes) {
      throw new AppError('invalid-input', 'A disk is larger than 64 TiB.', { sizeBytes });
    }
    if (base !== null && base.sizeBytes !== sizeBytes) {
      throw new AppError('invalid-input', 'A disk of another size cannot be the base.', {});
    }
    this.#session = session;
    this.#sizeBytes = sizeBytes;
    const rootId = base === null || base.id === '' ? null : Buffer.from(base.id, 'hex');
    const blocks = Math.ceil(sizeBytes / session.blockSizeBytes);
    this.#tree = new TreeWriter(session.nodes, blocks, rootId);
    this.#storedBefore = session.packs.storedBytes;
  }

  get roomBytes(): number {
    return Math.max(batchBytes, this.#session.blockSizeBytes);
  }

  async room(): Promise<Buffer> {
    this.#session.throwIfFailed();
    return Buffer.from(await this.#session.ring.take(), 0, this.roomBytes);
  }

  giveBack({ buffer }: Buffer): void {
    const { ring } = this.#session;
    if (ring.isLent(buffer)) ring.give(buffer);
  }

  async write(offset: number, bytes: Buffer): Promise<void> {
    this.#checkRange(offset, bytes.length);
    const { ring, blockSizeBytes } = this.#session;
    if (ring.isLent(bytes.buffer)) {
      this.#session.throwIfFailed();
      this.#submit(offset / blockSizeBytes, bytes.buffer, bytes.length);
      return;
    }
    const step = this.roomBytes;
    for (let at = 0; at < bytes.length; at += step) {
      const room = await this.room();
      const copied = bytes.copy(room, 0, at, at + step);
      this.#submit((offset + at) / blockSizeBytes, room.buffer as SharedArrayBuffer, copied);
    }
  }

  #submit(firstBlock: number, memory: SharedArrayBuffer, length: number): void {
    const { workers, ring } = this.#session;
    const hashing = workers.hash(memory, length);
    hashing.catch(() => undefined); // awaited in order below
    this.#inOrder = this.#inOrder.then(async () => {
      try {
        const batch = await hashing;
        this.#session.throwIfFailed();
        const wanted = await this.#place(firstBlock, batch);
        this.#encode(batch, wanted, memory);
      } catch (thrown) {
        ring.give(memory);
        this.#session.fail(thrown);
      }
    });
  }

  /** Puts the ids into the tree and says which blocks have to be stored. */
  async #place(firstBlock: number, { ids, data }: HashedBatch): Promise<number[]> {
    const { packs, counts, index } = this.#session;
    const each: (Buffer | null)[] = [];
    for (let i = 0; i < data.length; i += 1) {
      each.push(data[i] === 0 ? null : ids.subarray(i * idBytes, (i + 1) * idBytes));
    }
    const changed = await this.#tree.set(firstBlock, each);
    // A block the base has at the same place is stored already, unless damage is known of.
    const trusted = !index.hasDamage && !index.noted('vanished');
    const wanted: number[] = [];
    for (const [i, id] of each.entries()) {
      if (id === null) continue;
      const isKnown = (trusted && changed[i] === false) || !packs.claim(id);
      if (isKnown) counts.reusedBlocks += 1;
      else wanted.push(i);
    }
    counts.newBlocks += wanted.length;
    return wanted;
  }

  #encode(batch: HashedBatch, wanted: readonly number[], memory: SharedArrayBuffer): void {
    const { packs, ring } = this.#session;
    if (wanted.length === 0) {
      batch.drop();
      ring.give(memory);
      return;
    }
    const storing = batch
      .encode(Uint32Array.from(wanted))
      .then(async (lengths) => {
        const ids = wanted.map((i) => batch.ids.subarray(i * idBytes, (i + 1) * idBytes));
        const total = lengths.reduce((sum, one) => sum + one, 0);
        const bytes = new Uint8Array(memory, 0, total);
        await packs.append({ kind: blockKind.data, ids, lengths, bytes });
      })
      .catch((thrown: unknown) => {
        this.#session.fail(thrown);
      })
      .finally(() => {
        ring.give(memory);
        this.#encoding.delete(storing);
      });
    this.#encoding.add(storing);
  }

  async zero(offset: number, length: number): Promise<void> {
    this.#checkRange(offset, length);
    this.#session.throwIfFailed();
    const block = this.#session.blockSizeBytes;
    const first = offset / block;
    const end = Math.ceil((offset + length) / block);
    this.#inOrder = this.#inOrder.then(async () => {
      try {
        this.#session.throwIfFailed();
        await this.#tree.clear(first, end);
      } catch (thrown) {
        this.#session.fail(thrown);
      }
    });
    await this.#inOrder; // cheap, and it keeps the chain of waiting calls short
  }

  #checkRange(offset: number, length: number): void {
    const block = this.#session.blockSizeBytes;
    const end = offset + length;
    const aligned = offset % block === 0 && (length % block === 0 || end === this.#sizeBytes);
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (this.#finished) throw new AppError('internal', 'This disk was finished already.');
    if (whole && aligned && offset >= 0 && length >= 0 && end <= this.#sizeBytes) return;
    throw new AppError('invalid-input', 'A write is not on whole blocks of the disk.', {
      offset,
      length,
      blockSizeBytes: block,
      diskSizeBytes: this.#sizeBytes,
    });
  }

  async finish(): Promise<{ root: TreeRoot; storedBytes: number; changedBytes: number }> {
    this.#finished = true;
    await this.#inOrder;
    while (this.#encoding.size > 0) await Promise.all(this.#encoding);
    this.#session.throwIfFailed();
    try {
      const rootId = await this.#tree.finish();
      const changed = this.#tree.changedBlocks * this.#session.blockSizeBytes;
      return {
        root: { id: rootId?.toString('hex') ?? '', sizeBytes: this.#sizeBytes },
        storedBytes: this.#session.packs.storedBytes - this.#storedBefore,
        changedBytes: Math.min(changed, this.#sizeBytes),
      };
    } catch (thrown) {
      this.#session.fail(thrown);
      throw thrown;
    }
  }
}
