/** The hosts, as the engine last said. */
import type { Client } from '#contract/client.ts';
import type { Host, HostId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

export class Hosts {
  readonly #client: Client;
  readonly #list = new Loading<readonly Host[]>([]);

  constructor(client: Client) {
    this.#client = client;
    client.on('hosts.changed', (hosts) => this.#list.set(hosts));
  }

  get all(): readonly Host[] {
    return this.#list.value;
  }

  get loaded(): boolean {
    return this.#list.loaded;
  }

  get problem(): AppError | null {
    return this.#list.problem;
  }

  byId(id: HostId): Host | null {
    return this.#list.value.find((host) => host.id === id) ?? null;
  }

  load(): Promise<void> {
    return this.#list.read(() => this.#client.call('hosts.list', {}));
  }

  /** Connects first; throws why it could not. */
  add(uri: string, name: string | null): Promise<Host> {
    return this.#client.call('hosts.add', { name, uri });
  }

  async remove(host: HostId): Promise<void> {
    await this.#client.call('hosts.remove', { host });
  }

  retry(host: HostId): Promise<Host> {
    return this.#client.call('hosts.retry', { host });
  }
}
