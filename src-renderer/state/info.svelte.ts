/** The application itself: version, data folder, the practice machine, folders on this computer. */
import type { Client } from '#contract/client.ts';
import type { AppInfo, FolderCheck, PracticeState } from '#contract/app.ts';
import type { JobId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

export class Info {
  readonly #client: Client;
  readonly #info = new Loading<AppInfo | null>(null);

  constructor(client: Client) {
    this.#client = client;
    client.on('app.changed', (info) => this.#info.set(info));
  }

  get value(): AppInfo | null {
    return this.#info.value;
  }

  get loaded(): boolean {
    return this.#info.loaded;
  }

  get problem(): AppError | null {
    return this.#info.problem;
  }

  get practice(): PracticeState {
    return this.#info.value?.practice ?? { kind: 'absent' };
  }

  load(): Promise<void> {
    return this.#info.read(() => this.#client.call('app.info', {}));
  }

  /** Makes and starts the practice machine; the job ends when it runs. */
  createPractice(repository: boolean): Promise<JobId> {
    return this.#client.call('practice.create', { repository });
  }

  async startPractice(): Promise<void> {
    await this.#client.call('practice.start', {});
  }

  async stopPractice(): Promise<void> {
    await this.#client.call('practice.stop', {});
  }

  async removePractice(): Promise<void> {
    await this.#client.call('practice.remove', {});
  }

  checkFolder(path: string): Promise<FolderCheck> {
    return this.#client.call('folders.check', { path });
  }
}
