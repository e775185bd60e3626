/**
 * What is asked about one machine's snapshots and checkpoints: which dialog is open, and the
 * changes that were cut off and wait for a person. At most one dialog is open at a time.
 */
import type { MachineAction } from '#contract/actions.ts';
import type { Client } from '#contract/client.ts';
import type { JobId, MachineId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import type { DoctorReport, Unfinished, UnfinishedId } from '#contract/moments.ts';
import { Loading } from './loading.svelte.ts';
import { Preflight } from './preflight.svelte.ts';

/** The dialog that is open. */
export type Asked =
  | { readonly kind: 'preflight'; readonly machine: MachineId; readonly action: MachineAction }
  | { readonly kind: 'create'; readonly machine: MachineId }
  | { readonly kind: 'doctor'; readonly machine: MachineId };

export class Actions {
  readonly #client: Client;
  readonly #unfinished = new Loading<readonly Unfinished[]>([]);
  #asked = $state.raw<Asked | null>(null);
  /** The job that finishes or undoes a change, while the change is still in the list. */
  #resolving = $state.raw<ReadonlyMap<UnfinishedId, JobId>>(new Map());

  constructor(client: Client) {
    this.#client = client;
    client.on('unfinished.changed', (changes) => {
      this.#unfinished.set(changes);
      const left = new Set(changes.map(({ id }) => id));
      this.#resolving = new Map([...this.#resolving].filter(([id]) => left.has(id)));
    });
  }

  /** Null while no dialog is open. */
  get asked(): Asked | null {
    return this.#asked;
  }

  /** Plans the action and opens the pre-flight with it; nothing runs before it is pressed there. */
  ask(machine: MachineId, action: MachineAction): void {
    this.#asked = { kind: 'preflight', machine, action };
  }

  /** Opens the dialog that asks what a new snapshot should be good for. */
  create(machine: MachineId): void {
    this.#asked = { kind: 'create', machine };
  }

  /** Opens the doctor, who looks at once. */
  doctor(machine: MachineId): void {
    this.#asked = { kind: 'doctor', machine };
  }

  close(): void {
    this.#asked = null;
  }

  /** The conversation with the planner that a dialog holds. */
  preflight(machine: MachineId, action: MachineAction): Preflight {
    return new Preflight(this.#client, machine, action);
  }

  examine(machine: MachineId, details: boolean): Promise<DoctorReport> {
    return this.#client.call('doctor.examine', { machine, details });
  }

  /** Changes that stopped half way, of every machine. */
  get unfinished(): readonly Unfinished[] {
    return this.#unfinished.value;
  }

  get problem(): AppError | null {
    return this.#unfinished.problem;
  }

  unfinishedOf(machine: MachineId): readonly Unfinished[] {
    return this.unfinished.filter((change) => change.machine.id === machine);
  }

  load(): Promise<void> {
    return this.#unfinished.read(() => this.#client.call('unfinished.list', {}));
  }

  /** Finishes or undoes a change that was cut off. Throws AppError when it is refused. */
  async resolve(id: UnfinishedId, how: 'finish' | 'undo' | 'leave'): Promise<JobId> {
    const job = await this.#client.call('unfinished.resolve', { id, how });
    this.#resolving = new Map([...this.#resolving, [id, job]]);
    return job;
  }

  /** The job that works on it now, or that tried last. */
  resolvingJob(id: UnfinishedId): JobId | null {
    return this.#resolving.get(id) ?? null;
  }
}
