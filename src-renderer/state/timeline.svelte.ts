/**
 * The timeline of the machine that is open now. Opening another one drops the first; an event
 * about the open one reads it again.
 */
import type { Client } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import type { Timeline } from '#contract/moments.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

export class OpenTimeline {
  readonly #client: Client;
  readonly #timeline = new Loading<Timeline | null>(null);
  #machine: MachineId | null = null;

  constructor(client: Client) {
    this.#client = client;
    client.on('timeline.changed', ({ machine }) => {
      if (machine === this.#machine) void this.load();
    });
  }

  get value(): Timeline | null {
    return this.#timeline.value;
  }

  get problem(): AppError | null {
    return this.#timeline.problem;
  }

  open(machine: MachineId): void {
    if (machine === this.#machine) return;
    this.#machine = machine;
    this.#timeline.clear(null);
    void this.load();
  }

  close(): void {
    this.#machine = null;
    this.#timeline.clear(null);
  }

  async load(): Promise<void> {
    const machine = this.#machine;
    if (machine === null) return;
    await this.#timeline.read(() => this.#client.call('machines.timeline', { machine }));
  }
}
