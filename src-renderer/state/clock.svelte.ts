/** The time now, for "8 h ago" and the Now line; moves every few seconds, not every frame. */

const tickMilliseconds = 5_000;

export class Clock {
  #now = $state(Date.now());
  readonly #timer: number;

  constructor() {
    this.#timer = window.setInterval(() => (this.#now = Date.now()), tickMilliseconds);
  }

  /** UTC epoch milliseconds. */
  get now(): number {
    return this.#now;
  }

  stop(): void {
    window.clearInterval(this.#timer);
  }
}
