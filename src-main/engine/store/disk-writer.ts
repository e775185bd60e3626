/**
 * Writes one disk: batches go to the workers, come back as ids, are put into the tree in the order
 * they were written, and only blocks nobody has yet are compressed and stored. On the main thread a
 * block costs a look-up and 32 bytes copied.
 */
import { AppError } from '#contract/errors.ts';
import type { ByteBudget } from './byte-budget.ts';
import { blockKind, idBytes } from './crypto.ts';
import { freeNow } from './free-now.ts';
import type { BlockIndex } from './index.ts';
import { maxDiskBytes } from './manifest.ts';
import type { PackWriter } from './pack-writer.ts';
import type { DiskWriter, TreeRoot } from './repository.ts';
import { TreeWriter, type NodeStore } from './tree-writer.ts';
import type { BlockWorkers, HashedBatch } from './workers.ts';

/** Plain bytes hashed and compressed as one message when a write has to be cut up. */
export const batchBytes = 1024 * 1024;
/** A write up to this that fills its memory is handed over whole, without a copy. */
export const maxBatchBytes = 4 * 1024 * 1024;

/** What the disks of one run share. */
export interface WriteSession {
  readonly blockSizeBytes: number;
  readonly workers: BlockWorkers;
  readonly packs: PackWriter;
  readonly index: BlockIndex;
  readonly nodes: NodeStore;
  readonly budget: ByteBudget;
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

  async write(offset: number, bytes: Buffer): Promise<void> {
    this.#checkRange(offset, bytes.length);
    const whole = fillsItsMemory(bytes);
    const handOver = whole && bytes.length <= maxBatchBytes;
    const step = handOver ? bytes.length : Math.max(batchBytes, this.#session.blockSizeBytes);
    const { length: total } = bytes;
    for (let at = 0; at < total; at += step) {
      const length = Math.min(step, total - at);
      this.#session.throwIfFailed();
      await this.#session.budget.take(length);
      this.#submit((offset + at) / this.#session.blockSizeBytes, own(bytes, at, length));
    }
    if (whole && !handOver) freeNow(bytes.buffer); // it was copied, and it is ours
  }

  #submit(firstBlock: number, bytes: ArrayBuffer): void {
    const { workers, budget } = this.#session;
    const length = bytes.byteLength;
    const hashing = workers.hash(bytes);
    hashing.catch(() => undefined); // awaited in order below
    this.#inOrder = this.#inOrder.then(async () => {
      try {
        const batch = await hashing;
        this.#session.throwIfFailed();
        const wanted = await this.#place(firstBlock, batch);
        this.#encode(batch, wanted, length);
      } catch (thrown) {
        budget.give(length);
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

  #encode(batch: HashedBatch, wanted: readonly number[], length: number): void {
    const { packs, budget } = this.#session;
    if (wanted.length === 0) {
      batch.drop();
      budget.give(length);
      return;
    }
    const storing = batch
      .encode(Uint32Array.from(wanted))
      .then(async ({ bytes, lengths }) => {
        const ids = wanted.map((i) => batch.ids.subarray(i * idBytes, (i + 1) * idBytes));
        await packs.append({ kind: blockKind.data, ids, lengths, bytes: new Uint8Array(bytes) });
        freeNow(bytes);
      })
      .catch((thrown: unknown) => {
        this.#session.fail(thrown);
      })
      .finally(() => {
        budget.give(length);
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

/** False for a part of something larger, such as Node's pool of small buffers. */
function fillsItsMemory({ byteOffset, length, buffer }: Buffer): boolean {
  if (!(buffer instanceof ArrayBuffer) || length <= Buffer.poolSize) return false;
  return byteOffset === 0 && length === buffer.byteLength;
}

/** The bytes as a buffer that can be handed over: without a copy when they fill their memory. */
function own(bytes: Buffer, at: number, length: number): ArrayBuffer {
  const memory = bytes.buffer;
  const whole = at === 0 && length === bytes.length && fillsItsMemory(bytes);
  if (whole && memory instanceof ArrayBuffer) return memory;
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(at, at + length));
  return copy.buffer;
}
