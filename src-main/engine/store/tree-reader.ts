/** Reads a tree: its ranges, a piece of it, or all of it as a stream that reads ahead. */
import { AppError, hasCode } from '#contract/errors.ts';
import {
  blockDamaged,
  type BlockFailure,
  type BlockReader,
  type ReadBatch,
} from './block-reader.ts';
import { freeNow } from './free-now.ts';
import type { ByteRange, StreamOptions, TreeReader, TreeRoot } from './repository.ts';
import { fanOut } from './tree-node.ts';
import { leaves, type Leaf } from './tree-walk.ts';

/** Plain bytes read and opened as one batch. */
const batchBytes = 1024 * 1024;
const defaultConcurrency = 6;
export const maxConcurrency = 16;
export const maxReadBytes = 64 * 1024 * 1024;

interface PlannedBlock {
  readonly id: Buffer;
  readonly block: number;
  readonly plainBytes: number;
}

export class StoreTreeReader implements TreeReader {
  readonly #reader: BlockReader;
  readonly #root: TreeRoot;
  readonly #blockSize: number;
  readonly #blocks: number;
  readonly #skipUnreadable: boolean;

  constructor(
    reader: BlockReader,
    root: TreeRoot,
    blockSizeBytes: number,
    options: { readonly skipUnreadable?: boolean } = {},
  ) {
    this.#skipUnreadable = options.skipUnreadable ?? false;
    this.#reader = reader;
    this.#root = root;
    this.#blockSize = blockSizeBytes;
    this.#blocks = Math.ceil(root.sizeBytes / blockSizeBytes);
  }

  #leaves(first = 0, end = this.#blocks): AsyncIterable<Leaf> {
    const rootId = this.#root.id === '' ? null : Buffer.from(this.#root.id, 'hex');
    const load = (id: Buffer, level: number) => this.#reader.readNode(id, level);
    const skip = (thrown: unknown) => {
      if (!hasCode(thrown, 'block-damaged')) throw thrown;
    };
    const options = { first, end, ...(this.#skipUnreadable && { onUnreadable: skip }) };
    return leaves(load, rootId, this.#blocks, options);
  }

  #plainBytes(block: number): number {
    return Math.min(this.#blockSize, this.#root.sizeBytes - block * this.#blockSize);
  }

  async *ranges(): AsyncIterable<ByteRange> {
    let open: { offset: number; length: number } | null = null;
    for await (const { block, plainBytes } of this.#planned(0, this.#blocks)) {
      const offset = block * this.#blockSize;
      if (open !== null && open.offset + open.length === offset) {
        open.length += plainBytes;
        continue;
      }
      if (open !== null) yield open;
      open = { offset, length: plainBytes };
    }
    if (open !== null) yield open;
  }

  async *#planned(first: number, end: number): AsyncIterable<PlannedBlock> {
    for await (const { firstBlock, node } of this.#leaves(first, end)) {
      for (let child = 0; child < fanOut; child += 1) {
        const block = firstBlock + child;
        const id = node.get(child);
        if (id === null || block < first || block >= end) continue;
        yield { id, block, plainBytes: this.#plainBytes(block) };
      }
    }
  }

  /** Batches of blocks in disk order. */
  async *#batches(first: number, end: number): AsyncIterable<PlannedBlock[]> {
    let batch: PlannedBlock[] = [];
    let bytes = 0;
    for await (const { firstBlock, node } of this.#leaves(first, end)) {
      for (let child = 0; child < fanOut; child += 1) {
        const block = firstBlock + child;
        const id = node.get(child);
        if (id === null || block < first || block >= end) continue;
        const plainBytes = this.#plainBytes(block);
        batch.push({ id, block, plainBytes });
        bytes += plainBytes;
        if (bytes < batchBytes) continue;
        yield batch;
        batch = [];
        bytes = 0;
      }
    }
    if (batch.length > 0) yield batch;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const end = offset + length;
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!whole || offset < 0 || length < 0 || end > this.#root.sizeBytes) {
      throw new AppError('invalid-input', 'A read is outside the disk.', { offset, length });
    }
    if (length > maxReadBytes) {
      throw new AppError('invalid-input', 'A read is larger than 64 MiB.', { length });
    }
    const out = Buffer.alloc(length);
    const range = { offset, length };
    for await (const piece of this.stream({ range, recycle: true })) {
      const from = Math.max(piece.offset, offset);
      const to = Math.min(piece.offset + piece.bytes.length, end);
      piece.bytes.copy(out, from - offset, from - piece.offset, to - piece.offset);
    }
    return out;
  }

  async *stream(options: StreamOptions = {}): AsyncIterable<{ offset: number; bytes: Buffer }> {
    for await (const { planned, batch } of this.readAll(options)) {
      const failure = batch.failures[0];
      if (failure !== undefined) throw this.#damaged(planned, failure);
      yield* this.#pieces(planned, batch.bytes);
      if (options.recycle === true) freeNow(batch.bytes.buffer);
    }
  }

  #damaged(planned: readonly PlannedBlock[], { at, why }: BlockFailure): AppError {
    const { id, block } = planned[at] ?? { id: Buffer.alloc(0), block: 0 };
    const error = blockDamaged(id, why);
    return new AppError(error.code, error.message, {
      ...error.data,
      offset: block * this.#blockSize,
      length: this.#plainBytes(block),
    });
  }

  /** Batches in order with their failures, read ahead: the core of `stream` and of verify. */
  async *readAll(
    options: StreamOptions = {},
  ): AsyncIterable<{ planned: readonly PlannedBlock[]; batch: ReadBatch }> {
    const { signal, concurrency = defaultConcurrency, range } = options;
    const first = Math.floor((range?.offset ?? 0) / this.#blockSize);
    const endByte = range === undefined ? this.#root.sizeBytes : range.offset + range.length;
    const end = Math.min(this.#blocks, Math.ceil(endByte / this.#blockSize));
    const ahead: { planned: PlannedBlock[]; batch: Promise<ReadBatch> }[] = [];
    const most = Math.min(maxConcurrency, Math.max(1, concurrency));
    try {
      for await (const planned of this.#batches(first, end)) {
        if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
        const batch = this.#reader.readBlocks(planned);
        batch.catch(() => undefined); // awaited in order below
        ahead.push({ planned, batch });
        while (ahead.length >= most) yield* this.#next(ahead);
      }
      while (ahead.length > 0) {
        if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
        yield* this.#next(ahead);
      }
    } finally {
      await Promise.allSettled(ahead.map(({ batch }) => batch));
    }
  }

  async *#next(
    ahead: { planned: PlannedBlock[]; batch: Promise<ReadBatch> }[],
  ): AsyncIterable<{ planned: readonly PlannedBlock[]; batch: ReadBatch }> {
    const oldest = ahead.shift();
    if (oldest !== undefined) yield { planned: oldest.planned, batch: await oldest.batch };
  }

  /** A batch cut where the disk has zeros in between. */
  *#pieces(
    planned: readonly PlannedBlock[],
    bytes: Buffer,
  ): Iterable<{ offset: number; bytes: Buffer }> {
    let from = 0;
    let at = 0;
    for (const [i, { block, plainBytes }] of planned.entries()) {
      at += plainBytes;
      if (planned[i + 1]?.block === block + 1) continue;
      const length = at - from;
      const end = block * this.#blockSize + plainBytes;
      yield { offset: end - length, bytes: bytes.subarray(from, at) };
      from = at;
    }
  }
}
