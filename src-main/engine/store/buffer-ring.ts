/**
 * Pieces of memory that are lent, given back and lent again. What is not allocated need not be
 * collected, and how many there are bounds the memory of a backup. They are shared with the
 * workers, so nothing is copied or handed over between threads: whoever is told of a piece uses it
 * alone.
 */
import type { AppError } from '#contract/errors.ts';

interface Waiter {
  readonly resolve: (memory: SharedArrayBuffer) => void;
  readonly reject: (error: AppError) => void;
}

export class BufferRing {
  readonly #bytesEach: number;
  readonly #lent = new Set<ArrayBufferLike>();
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiters: Waiter[] = [];
  #toMake: number;
  #failure: AppError | null = null;

  constructor(count: number, bytesEach: number) {
    this.#toMake = count;
    this.#bytesEach = bytesEach;
  }

  /** A piece nobody else has; when all are lent, waits until one comes back, first come first. */
  async take(): Promise<SharedArrayBuffer> {
    if (this.#failure !== null) throw this.#failure;
    const memory = this.#free.pop() ?? this.#make();
    if (memory === null) {
      return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
    this.#lent.add(memory);
    return memory;
  }

  #make(): SharedArrayBuffer | null {
    if (this.#toMake === 0) return null;
    this.#toMake -= 1;
    return new SharedArrayBuffer(this.#bytesEach);
  }

  /** Whether this is a piece of the ring that is lent now. */
  isLent(memory: ArrayBufferLike): memory is SharedArrayBuffer {
    return this.#lent.has(memory);
  }

  /** Ends a loan. Giving back twice does nothing. */
  give(memory: SharedArrayBuffer): void {
    if (!this.#lent.has(memory)) return;
    const next = this.#waiters.shift();
    if (next !== undefined) {
      next.resolve(memory); // it stays lent
      return;
    }
    this.#lent.delete(memory);
    this.#free.push(memory);
  }

  /** Everyone who waits or comes later gets this error. */
  fail(error: AppError): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiters.splice(0)) reject(this.#failure);
  }
}
