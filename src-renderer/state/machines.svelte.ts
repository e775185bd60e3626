/** The machines of every host, live: an event replaces one machine, never a field of it. */
import type { Client } from '#contract/client.ts';
import type { Input } from '#contract/contract.ts';
import type { BackupPlan, HostId, JobId, Machine, MachineId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

export interface Picture {
  readonly mime: string;
  readonly base64: string;
}

export class Machines {
  readonly #client: Client;
  readonly #list = new Loading<readonly Machine[]>([]);

  constructor(client: Client) {
    this.#client = client;
    client.on('machines.changed', ({ machine }) => this.#put(machine));
    client.on('machines.removed', ({ machine }) => {
      this.#list.patch(this.all.filter((other) => other.id !== machine));
    });
  }

  #put(machine: Machine): void {
    const known = this.all.some((other) => other.id === machine.id);
    this.#list.patch(
      known
        ? this.all.map((other) => (other.id === machine.id ? machine : other))
        : [...this.all, machine],
    );
  }

  get all(): readonly Machine[] {
    return this.#list.value;
  }

  get loaded(): boolean {
    return this.#list.loaded;
  }

  get problem(): AppError | null {
    return this.#list.problem;
  }

  byId(id: MachineId): Machine | null {
    return this.all.find((machine) => machine.id === id) ?? null;
  }

  ofHost(host: HostId): readonly Machine[] {
    return this.all.filter((machine) => machine.host.id === host);
  }

  load(): Promise<void> {
    return this.#list.read(() => this.#client.call('machines.list', { host: null }));
  }

  async start(machine: MachineId): Promise<void> {
    await this.#client.call('machines.start', { machine });
  }

  /** A picture of its screen now; null when it is off or has none. */
  screenshot(machine: MachineId): Promise<Picture | null> {
    return this.#client.call('machines.screenshot', { machine });
  }

  planBackup(choice: Input<'backup.plan'>): Promise<BackupPlan> {
    return this.#client.call('backup.plan', choice);
  }

  startBackup(choice: Input<'backup.start'>): Promise<JobId> {
    return this.#client.call('backup.start', choice);
  }
}
