/** What has run, newest first, a page at a time. A job that ends reads the first page again. */
import type { Client } from '#contract/client.ts';
import type { Run } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

const runsPerPage = 100;

export class History {
  readonly #client: Client;
  readonly #runs = new Loading<readonly Run[]>([]);
  #complete = $state(false);
  #asked = false;

  constructor(client: Client) {
    this.#client = client;
    client.on('jobs.changed', (job) => {
      const active = ['queued', 'running', 'cancelling'].includes(job.state.kind);
      if (this.#asked && !active) void this.load();
    });
  }

  get runs(): readonly Run[] {
    return this.#runs.value;
  }

  get loaded(): boolean {
    return this.#runs.loaded;
  }

  /** True when there is nothing older to read. */
  get complete(): boolean {
    return this.#complete;
  }

  get problem(): AppError | null {
    return this.#runs.problem;
  }

  async load(): Promise<void> {
    this.#asked = true;
    await this.#runs.read(async () => this.#page(null));
  }

  /** Reads again what was read before; nothing when no screen asked for it yet. */
  async reload(): Promise<void> {
    if (this.#asked) await this.load();
  }

  async more(): Promise<void> {
    const known = this.runs;
    const before = known.at(-1)?.startedAt ?? null;
    await this.#runs.read(async () => [...known, ...(await this.#page(before))]);
  }

  async #page(before: number | null): Promise<readonly Run[]> {
    const page = await this.#client.call('history.list', { before, limit: runsPerPage });
    this.#complete = page.length < runsPerPage;
    return page;
  }
}
