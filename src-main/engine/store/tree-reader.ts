/** Reads a tree: its ranges, a piece of it, or all of it as a stream that reads ahead. */
import { AppError, hasCode } from '#contract/errors.ts';
import { pageMemory } from '#engine/world/page-memory.ts';
import {
  blockDamaged,
  type BlockFailure,
  type BlockReader,
  type ReadBatch,
} from './block-reader.ts';
import { ReadLane } from './read-lane.ts';
import type {
  ByteRange,
  CompareOptions,
  CopyOptions,
  ReadPiece,
  StreamOptions,
  TreeReader,
  TreeRoot,
  WritePiece,
} from './repository.ts';
import { fanOut, type TreeNode } from './tree-node.ts';
import { leaves, type Leaf } from './tree-walk.ts';
import type { Proof } from './workers.ts';

/** Plain bytes read and opened as one batch. */
const batchBytes = 1024 * 1024;
const defaultConcurrency = 6;
export const maxConcurrency = 16;
/** Batches whose writes are under way while others are read ahead. */
const maxBatchesWriting = 4;
/** Batches read from elsewhere and compared at the same time. */
const maxBatchesComparing = 6;
/**
 * Nodes one reader keeps for the next time its tree is walked: about 4.5 MB, the whole tree of a
 * disk with 8 GiB of content. The first ones stay, for walks begin at the beginning. More would let
 * a walk that waits for nothing hold the event loop for too long.
 */
const maxNodesKept = 2048;
export const maxReadBytes = 64 * 1024 * 1024;

interface Batch {
  readonly planned: readonly PlannedBlock[];
  readonly batch: ReadBatch;
}

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
  readonly #nodes = new Map<string, TreeNode>();
  /** Memory for comparing that is not in use; a restore compares stretch by stretch. */
  readonly #idle: SharedArrayBuffer[] = [];

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
    const load = (id: Buffer, level: number) => this.#node(id, level);
    const skip = (thrown: unknown) => {
      if (!hasCode(thrown, 'block-damaged')) throw thrown;
    };
    const options = { first, end, ...(this.#skipUnreadable && { onUnreadable: skip }) };
    return leaves(load, rootId, this.#blocks, options);
  }

  async #node(id: Buffer, level: number): Promise<TreeNode> {
    const key = id.toString('latin1');
    const kept = this.#nodes.get(key);
    if (kept !== undefined) return kept;
    const node = await this.#reader.readNode(id, level);
    if (this.#nodes.size < maxNodesKept) this.#nodes.set(key, node);
    return node;
  }

  #plainBytes(block: number): number {
    return Math.min(this.#blockSize, this.#root.sizeBytes - block * this.#blockSize);
  }

  async *ranges(): AsyncIterable<ByteRange> {
    let open: { offset: number; length: number } | null = null;
    for await (const leaf of this.#leaves()) {
      for (const { block, plainBytes } of this.#blocksOf(leaf)) {
        const offset = block * this.#blockSize;
        if (open !== null && open.offset + open.length === offset) {
          open.length += plainBytes;
          continue;
        }
        if (open !== null) yield open;
        open = { offset, length: plainBytes };
      }
    }
    if (open !== null) yield open;
  }

  /** The blocks of a leaf that are not zero. Not async: there are very many. */
  *#blocksOf({ firstBlock, node }: Leaf): Iterable<PlannedBlock> {
    for (let child = 0; child < fanOut; child += 1) {
      const id = node.get(child);
      if (id === null) continue;
      const block = firstBlock + child;
      yield { id, block, plainBytes: this.#plainBytes(block) };
    }
  }

  /** Batches of blocks in disk order. */
  async *#batches(first: number, end: number): AsyncIterable<PlannedBlock[]> {
    let batch: PlannedBlock[] = [];
    let bytes = 0;
    for await (const leaf of this.#leaves(first, end)) {
      for (const planned of this.#blocksOf(leaf)) {
        if (planned.block < first || planned.block >= end) continue;
        batch.push(planned);
        bytes += planned.plainBytes;
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
      for (const { offset, bytes } of this.#pieces(planned, batch.bytes)) {
        yield { offset, bytes: options.recycle === true ? bytes : Buffer.from(bytes) };
      }
    }
  }

  async copyTo(write: WritePiece, options: CopyOptions = {}): Promise<void> {
    const { signal, onWritten } = options;
    const writing: Promise<number>[] = [];
    const oldest = async () => {
      const end = await writing.shift();
      if (end !== undefined) await onWritten?.(end);
    };
    try {
      const batches = this.#flow({ ...(signal && { signal }) }, 'seal');
      for await (const { planned, batch, release } of batches) {
        const failure = batch.failures[0];
        if (failure !== undefined) throw this.#damaged(planned, failure);
        const pieces = [...this.#pieces(planned, batch.bytes)];
        const writes = pieces.map(({ offset, bytes }) => write(offset, bytes));
        const written = allSettledWell(writes).then(() => {
          release();
          return this.#endOf(planned);
        });
        written.catch(() => undefined); // awaited in order
        writing.push(written);
        if (writing.length >= maxBatchesWriting) await oldest();
      }
      while (writing.length > 0) await oldest();
    } finally {
      await Promise.allSettled(writing);
    }
  }

  async firstDifference(
    read: ReadPiece,
    onCompared: (bytes: number) => void,
    options: CompareOptions = {},
  ): Promise<number | null> {
    const { signal, range = { offset: 0, length: this.#root.sizeBytes } } = options;
    const first = Math.floor(range.offset / this.#blockSize);
    const end = Math.ceil((range.offset + range.length) / this.#blockSize);
    const ahead: Promise<number | null>[] = [];
    const oldest = async () => {
      const block = (await ahead.shift()) ?? null;
      return block === null ? null : this.#provenDifference(block);
    };
    try {
      for await (const planned of this.#batches(first, end)) {
        if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
        const comparing = this.#compare(planned, read, onCompared);
        comparing.catch(() => undefined); // awaited in order
        ahead.push(comparing);
        const bad = ahead.length >= maxBatchesComparing ? await oldest() : null;
        if (bad !== null) return bad;
      }
      while (ahead.length > 0) {
        const bad = await oldest();
        if (bad !== null) return bad;
      }
      return null;
    } finally {
      await Promise.allSettled(ahead);
    }
  }

  /**
   * Where a block is that differs. Throws block-damaged when the fault is the repository's: copyTo
   * may have been handed something else than the id says, properly sealed.
   */
  async #provenDifference(block: number): Promise<number> {
    const offset = block * this.#blockSize;
    await this.read(offset, this.#plainBytes(block));
    return offset;
  }

  /** Where a batch ends on the disk. */
  #endOf(planned: readonly PlannedBlock[]): number {
    const last = planned.at(-1);
    return last === undefined ? 0 : last.block * this.#blockSize + last.plainBytes;
  }

  /** The first block of a batch that is not what was planned. */
  async #compare(
    planned: readonly PlannedBlock[],
    read: ReadPiece,
    onCompared: (bytes: number) => void,
  ): Promise<number | null> {
    const memory = this.#idle.pop() ?? pageMemory(Math.max(batchBytes, this.#blockSize));
    try {
      const plainBytes = planned.reduce((sum, block) => sum + block.plainBytes, 0);
      const pieces = [...this.#pieces(planned, Buffer.from(memory, 0, plainBytes))];
      await allSettledWell(pieces.map(({ offset, bytes }) => read(offset, bytes)));
      const bad = await this.#reader.firstDifference(planned, memory);
      onCompared(plainBytes);
      return bad === null ? null : (planned[bad]?.block ?? 0);
    } finally {
      this.#idle.push(memory);
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

  /** Batches in order with their failures, read ahead; their bytes last until the next. */
  async *readAll(options: StreamOptions = {}): AsyncIterable<Batch> {
    for await (const { planned, batch, release } of this.#flow(options)) {
      yield { planned, batch };
      release();
    }
  }

  /** The core of all reading: whoever gets a batch lends its memory back with `release`. */
  async *#flow(
    options: StreamOptions,
    proof: Proof = 'id',
  ): AsyncIterable<Batch & { release: () => void }> {
    const { signal, concurrency = defaultConcurrency, range } = options;
    const first = Math.floor((range?.offset ?? 0) / this.#blockSize);
    const endByte = range === undefined ? this.#root.sizeBytes : range.offset + range.length;
    const end = Math.min(this.#blocks, Math.ceil(endByte / this.#blockSize));
    const most = Math.min(maxConcurrency, Math.max(1, concurrency));
    const idle: ReadLane[] = [];
    const ahead: { planned: PlannedBlock[]; batch: Promise<ReadBatch>; lane: ReadLane }[] = [];
    const next = async () => {
      if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
      const oldest = ahead.shift();
      if (oldest === undefined) throw new AppError('internal', 'Nothing was read ahead.');
      const { planned, batch, lane } = oldest;
      return { planned, batch: await batch, release: () => void idle.push(lane) };
    };
    try {
      for await (const planned of this.#batches(first, end)) {
        const lane = idle.pop() ?? new ReadLane();
        const batch = this.#reader.readBlocks(planned, lane, proof);
        batch.catch(() => undefined); // awaited in order
        ahead.push({ planned, batch, lane });
        while (ahead.length >= most) yield await next();
      }
      while (ahead.length > 0) yield await next();
    } finally {
      await Promise.allSettled(ahead.map(({ batch }) => batch));
    }
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

/** Like Promise.all, but only once none is under way: their memory is used again after this. */
async function allSettledWell(all: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(all);
  await Promise.all(all);
}
