/** Who would run a plan while the window is closed: as it was last looked at, never assumed. */
import type { Client } from '#contract/client.ts';
import type { AppError } from '#contract/errors.ts';
import type { Background as Found } from '#contract/news.ts';
import { Loading } from './loading.svelte.ts';

export class Background {
  readonly #client: Client;
  readonly #found = new Loading<Found | null>(null);

  constructor(client: Client) {
    this.#client = client;
  }

  get value(): Found | null {
    return this.#found.value;
  }

  get problem(): AppError | null {
    return this.#found.problem;
  }

  /** Looks again. */
  load(): Promise<void> {
    return this.#found.read(() => this.#client.call('background.get', {}));
  }

  async setService(installed: boolean): Promise<void> {
    this.#found.set(await this.#client.call('background.service', { installed }));
  }

  async setAutostart(installed: boolean): Promise<void> {
    this.#found.set(await this.#client.call('background.autostart', { installed }));
  }
}
