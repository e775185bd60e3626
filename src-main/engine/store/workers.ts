/**
 * The pool of block workers. Batches go to the worker with the fewest in its hands; a worker that
 * dies fails everything in flight with a clear error and the pool for good, because what it was
 * doing cannot be known. Bytes in flight are bounded by the callers, not here.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError } from '#contract/errors.ts';

export const maxWorkers = 4;
/** Small, so that the compressor's short-lived buffers are collected soon: a worker's memory. */
const youngMebibytes = 2;
/** Makes V8 collect buffers held by finished zlib handles long before 64 MiB of them pile up. */
const oldMebibytes = 48;

export interface WorkerSetup {
  readonly masterKey: Uint8Array | null;
  readonly repositoryId: string;
  readonly blockSizeBytes: number;
  readonly compressionLevel: number;
  /** The largest plaintext of any kind of block. */
  readonly maxPlainBytes: number;
}

/**
 * How a block is proven to be what its id names: by computing the id again, or, for bytes whose ids
 * are compared later, by its seal. Where nothing is sealed both are the id.
 */
export type Proof = 'id' | 'seal';

export type ToWorker =
  /** The first `bytes` of `memory`; the sender leaves them alone until the batch is over. */
  | {
      readonly kind: 'hash';
      readonly job: number;
      readonly memory: SharedArrayBuffer;
      readonly bytes: number;
    }
  /** `wanted`: numbers of the blocks in the batch to compress and seal. Follows 'hash'. */
  | { readonly kind: 'encode'; readonly job: number; readonly wanted: Uint32Array }
  | { readonly kind: 'drop'; readonly job: number }
  | {
      readonly kind: 'decode';
      readonly job: number;
      readonly payloads: SharedArrayBuffer;
      readonly ids: Uint8Array;
      /** Three numbers each: offset and length in `payloads`, length of the plaintext. */
      readonly places: Uint32Array;
      /** Where the plaintexts go, one after another; a damaged one's part is zeros. */
      readonly plain: SharedArrayBuffer;
      readonly proof: Proof;
    }
  | {
      readonly kind: 'prove';
      readonly job: number;
      readonly bytes: ArrayBuffer;
      readonly ids: Uint8Array;
      /** Three numbers each: offset and length in `bytes`, kind of block. */
      readonly places: Uint32Array;
    };

export type FromWorker =
  /** `data[i]` is 0 for a block of zeros. */
  | { readonly kind: 'hashed'; readonly job: number; readonly ids: Uint8Array; data: Uint8Array }
  /** The payloads lie one after another in the batch's memory, in place of its plaintexts. */
  | { readonly kind: 'encoded'; readonly job: number; readonly lengths: Uint32Array }
  | {
      readonly kind: 'decoded';
      readonly job: number;
      /** Null for a good block, otherwise why it is damaged. */
      readonly reasons: readonly (string | null)[];
    }
  | { readonly kind: 'proven'; readonly job: number; readonly reasons: readonly (string | null)[] }
  | { readonly kind: 'failed'; readonly job: number; readonly reason: string };

type Answer<Kind extends FromWorker['kind']> = FromWorker & { readonly kind: Kind };

interface Waiting {
  readonly resolve: (answer: FromWorker) => void;
  readonly reject: (error: AppError) => void;
}

interface Seat {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  /** Batches hashed whose encode or drop has not been sent yet count as work too. */
  load: number;
}

/** A batch between its two steps; it lives in one worker. */
export interface HashedBatch {
  readonly ids: Buffer;
  readonly data: Uint8Array;
  /** Puts the payloads where the plaintexts were; resolves with their lengths. */
  encode(wanted: Uint32Array): Promise<Uint32Array>;
  /** Nothing in it is new. */
  drop(): void;
}

export class BlockWorkers {
  readonly #seats: Seat[] = [];
  readonly #setup: WorkerSetup;
  readonly #url: URL;
  readonly #count = Math.min(maxWorkers, Math.max(1, availableParallelism()));
  #nextJob = 1;
  #failure: AppError | null = null;
  #closed = false;

  constructor(setup: WorkerSetup, url?: URL) {
    this.#setup = setup;
    this.#url = url ?? new URL('./block-worker.ts', import.meta.url);
  }

  #seat(): Seat {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closed) throw new AppError('internal', 'The repository was closed while in use.');
    while (this.#seats.length < this.#count) this.#seats.push(this.#start());
    return this.#seats.reduce((best, seat) => (seat.load < best.load ? seat : best));
  }

  #start(): Seat {
    const worker = new Worker(this.#url, {
      workerData: this.#setup,
      name: 'waymark-blocks',
      resourceLimits: {
        maxYoungGenerationSizeMb: youngMebibytes,
        maxOldGenerationSizeMb: oldMebibytes,
      },
    });
    const seat: Seat = { worker, waiting: new Map(), load: 0 };
    worker.unref(); // whoever waits for a batch keeps Node alive, not the pool
    worker.on('message', (answer: FromWorker) => {
      const waiting = seat.waiting.get(answer.job);
      seat.waiting.delete(answer.job);
      if (seat.waiting.size === 0) worker.unref();
      if (answer.kind === 'failed') waiting?.reject(crashed(answer.reason));
      else waiting?.resolve(answer);
    });
    worker.on('error', (thrown) => {
      this.#fail(crashed(String(thrown)));
    });
    worker.on('exit', (code) => {
      if (!this.#closed) this.#fail(crashed(`it ended with code ${code}`));
    });
    return seat;
  }

  #fail(error: AppError): void {
    this.#failure ??= error;
    for (const { waiting } of this.#seats) {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
  }

  #ask<Kind extends FromWorker['kind']>(
    seat: Seat,
    message: ToWorker,
    transfer: readonly ArrayBuffer[],
    _kind: Kind,
  ): Promise<Answer<Kind>> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (seat.waiting.size === 0) seat.worker.ref();
      seat.waiting.set(message.job, {
        resolve: resolve as (answer: FromWorker) => void,
        reject,
      });
      seat.worker.postMessage(message, [...transfer]);
    });
  }

  /**
   * Hashes whole blocks (the last may be short). The memory must be left alone until the batch was
   * encoded or dropped, and have room for `maxBatchMemoryBytes`.
   */
  async hash(memory: SharedArrayBuffer, bytes: number): Promise<HashedBatch> {
    const seat = this.#seat();
    const job = this.#nextJob++;
    seat.load += 1;
    const leave = () => {
      seat.load -= 1;
    };
    const message = { kind: 'hash', job, memory, bytes } as const;
    try {
      const { ids, data } = await this.#ask(seat, message, [], 'hashed');
      return {
        ids: Buffer.from(ids.buffer),
        data,
        encode: (wanted) =>
          this.#ask(seat, { kind: 'encode', job, wanted }, [], 'encoded')
            .then(({ lengths }) => lengths)
            .finally(leave),
        drop: () => {
          leave();
          seat.worker.postMessage({ kind: 'drop', job } satisfies ToWorker);
        },
      };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  /** Opens payloads: one answer each, the plaintexts in `plain`. Leave both alone meanwhile. */
  decode(
    payloads: SharedArrayBuffer,
    ids: Uint8Array,
    places: Uint32Array,
    plain: SharedArrayBuffer,
    proof: Proof,
  ): Promise<Answer<'decoded'>> {
    return this.#once(
      (job) => ({ kind: 'decode', job, payloads, ids, places, plain, proof }),
      [],
      'decoded',
    );
  }

  /** Proves payloads: one answer each. Takes the buffer over. */
  prove(bytes: ArrayBuffer, ids: Uint8Array, places: Uint32Array): Promise<Answer<'proven'>> {
    return this.#once((job) => ({ kind: 'prove', job, bytes, ids, places }), [bytes], 'proven');
  }

  async #once<Kind extends FromWorker['kind']>(
    make: (job: number) => ToWorker,
    transfer: readonly ArrayBuffer[],
    kind: Kind,
  ): Promise<Answer<Kind>> {
    const seat = this.#seat();
    seat.load += 1;
    try {
      return await this.#ask(seat, make(this.#nextJob++), transfer, kind);
    } finally {
      seat.load -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new AppError('cancelled', 'The repository was closed.'));
    await Promise.all(this.#seats.map(({ worker }) => worker.terminate()));
  }
}

function crashed(reason: string): AppError {
  return new AppError('internal', `A worker thread of the repository stopped: ${reason}.`, {
    reason,
    unharmed: 'Every restore point listed before is as it was.',
    advice: 'Run it again.',
  });
}
