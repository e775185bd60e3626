/**
 * One thing read from the engine: its value, whether it was read at all, and why not. A reply that
 * was overtaken by a newer request or by an event is thrown away, so a slow answer never covers a
 * fresh one. A part changed by an event while a list is being read makes the read begin again.
 */
import { AppError } from '#contract/errors.ts';

/** Reads begun again because events came meanwhile; after that the next event corrects the rest. */
const maxReadAttempts = 3;

export class Loading<Value> {
  #value = $state.raw<Value>() as Value;
  #loaded = $state(false);
  #problem = $state.raw<AppError | null>(null);
  #generation = 0;
  #patched = false;

  constructor(initial: Value) {
    this.#value = initial;
  }

  get value(): Value {
    return this.#value;
  }

  /** True once a value came, by reply or by event. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the last read failed; null after one that worked. */
  get problem(): AppError | null {
    return this.#problem;
  }

  set(value: Value): void {
    this.#generation += 1;
    this.#value = value;
    this.#loaded = true;
    this.#problem = null;
  }

  /** Changes a part of it because an event said so. */
  patch(value: Value): void {
    this.#value = value;
    this.#patched = true;
  }

  /** Empties it, as before the first read. */
  clear(initial: Value): void {
    this.#generation += 1;
    this.#value = initial;
    this.#loaded = false;
    this.#problem = null;
  }

  /** Reads; never rejects: a failure becomes `problem`, and the old value stays. */
  async read(ask: () => Promise<Value>): Promise<void> {
    this.#generation += 1;
    const mine = this.#generation;
    try {
      for (let attempt = 1; attempt <= maxReadAttempts; attempt += 1) {
        this.#patched = false;
        const value = await ask();
        if (mine !== this.#generation) return;
        if (this.#patched && attempt < maxReadAttempts) continue;
        this.set(value);
        return;
      }
    } catch (error) {
      if (mine === this.#generation) this.#problem = asAppError(error);
    }
  }
}

/** Any thrown value as an AppError, so that screens have one kind of trouble to show. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'The window met an error it did not expect.', {}, error);
}
