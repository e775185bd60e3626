/** A bound on bytes in flight: whoever wants more waits, first come first served. */
import type { AppError } from '#contract/errors.ts';

interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

export class ByteBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;
  #waiters: Waiter[] = [];
  #failure: AppError | null = null;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** A piece larger than the whole budget is let through alone. */
  async take(bytes: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#waiters.length === 0 && this.#fits(bytes)) {
      this.#usedBytes += bytes;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ bytes, resolve, reject });
    });
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#limitBytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    for (;;) {
      const next = this.#waiters[0];
      if (next === undefined || !this.#fits(next.bytes)) return;
      this.#waiters.shift();
      this.#usedBytes += next.bytes;
      next.resolve();
    }
  }

  /** Everyone who waits or comes later gets this error. */
  fail(error: AppError): void {
    this.#failure ??= error;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(this.#failure);
  }
}
