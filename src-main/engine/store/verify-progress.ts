/** How far a verification is, told at most four times a second. */
import { AppError } from '#contract/errors.ts';
import type { Clock } from '#engine/world/clock.ts';

const minGapMs = 250;

export class Progress {
  readonly #clock: Clock;
  readonly #tell: ((done: number, total: number) => void) | undefined;
  #done = 0;
  #total = 0;
  #lastMs = -Infinity;

  constructor(clock: Clock, tell: ((done: number, total: number) => void) | undefined) {
    this.#clock = clock;
    this.#tell = tell;
  }

  expect(total: number): void {
    this.#total += total;
  }

  advance(done: number): void {
    this.#done += done;
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#lastMs < minGapMs) return;
    this.#lastMs = nowMs;
    this.#tell?.(this.#done, Math.max(this.#done, this.#total));
  }

  finish(): void {
    this.#tell?.(this.#done, this.#done);
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled.');
}
