/**
 * How the checkpoints of the open machine are now: bitmap health and bytes changed since. Each
 * answer may cost libvirt a job, so it is asked for one at a time, with a pause after each answer,
 * and only while the window is looked at.
 */
import type { Client } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import type { CheckpointState, CheckpointStates } from '#contract/moments.ts';
import { asAppError } from './loading.svelte.ts';

const pauseMilliseconds = 5_000;
/** After a failure it asks less often: the same trouble is likely to last. */
const pauseAfterFailureMilliseconds = 30_000;

export class LiveCheckpoints {
  readonly #client: Client;
  #machine: MachineId | null = null;
  #value = $state.raw<CheckpointStates | null>(null);
  #problem = $state.raw<AppError | null>(null);
  /** Made anew by every `open`, so that a late answer about the one before is thrown away. */
  #watch: object | null = null;
  #timer: number | undefined;
  readonly #onVisible = (): void => {
    // A pause that ended while nobody looked left no timer: this is where it goes on.
    if (!document.hidden && this.#timer === undefined && this.#watch !== null) {
      void this.#ask(this.#watch);
    }
  };

  constructor(client: Client) {
    this.#client = client;
  }

  /** The newest answer; stays while newer ones fail. */
  get value(): CheckpointStates | null {
    return this.#value;
  }

  /** Why the last question had no answer; null after one that had. */
  get problem(): AppError | null {
    return this.#problem;
  }

  byName(name: string): CheckpointState | null {
    return this.#value?.checkpoints.find((one) => one.name === name) ?? null;
  }

  open(machine: MachineId): void {
    if (machine === this.#machine) return;
    this.close();
    this.#machine = machine;
    this.#watch = {};
    document.addEventListener('visibilitychange', this.#onVisible);
    void this.#ask(this.#watch);
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#onVisible);
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#machine = null;
    this.#watch = null;
    this.#value = null;
    this.#problem = null;
  }

  async #ask(watch: object): Promise<void> {
    const machine = this.#machine;
    if (machine === null) return;
    // Holds the place of the timer, so that becoming visible does not ask beside this.
    this.#timer = 0;
    let pause = pauseMilliseconds;
    try {
      const value = await this.#client.call('checkpoints.states', { machine });
      if (watch !== this.#watch) return;
      this.#value = value;
      this.#problem = null;
    } catch (error) {
      if (watch !== this.#watch) return;
      this.#problem = asAppError(error);
      pause = pauseAfterFailureMilliseconds;
    }
    this.#timer = window.setTimeout(() => {
      this.#timer = undefined;
      if (!document.hidden) void this.#ask(watch);
    }, pause);
  }
}
