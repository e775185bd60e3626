/**
 * What a person has chosen in the backup wizard, with safe defaults (ux.md W7), and the plan the
 * engine makes of it. Any choice that changes what would run throws the old plan away.
 */
import type {
  BackupPlan,
  Disk,
  JobId,
  Machine,
  MachineId,
  Repository,
  RepositoryId,
} from '#contract/domain.ts';
import type { App } from '../../state/context.ts';
import { Loading } from '../../state/loading.svelte.ts';

/** The repository of the last point if it answers, else the only ready one, else none. */
function usualRepository(app: App, machine: Machine | null): RepositoryId | null {
  const ready = app.repositories.all.filter((one) => one.state.kind === 'ready');
  const last = ready.find((one) => one.id === machine?.lastPoint?.repository.id);
  if (last !== undefined) return last.id;
  const fitting = ready.filter((one) => one.practice === (machine?.practice ?? false));
  const only = fitting.length > 0 ? fitting : ready;
  return only.length === 1 ? (only[0]?.id ?? null) : null;
}

export function copied(disk: Disk): boolean {
  return disk.tracking.kind !== 'skipped';
}

export class BackupChoices {
  readonly #app: App;
  #machine = $state<MachineId | null>(null);
  #repository = $state<RepositoryId | null>(null);
  #chosenRepository = $state(false);
  #excluded = $state.raw<ReadonlySet<string>>(new Set());
  #reread = $state(false);
  #accepted = $state.raw<ReadonlySet<string>>(new Set());
  /** True once the person changed anything: leaving then asks. */
  #touched = $state(false);
  readonly plan = new Loading<BackupPlan | null>(null);
  #planning = $state(false);

  constructor(app: App, machine: MachineId | null) {
    this.#app = app;
    this.#machine = machine;
  }

  get machine(): Machine | null {
    return this.#machine === null ? null : this.#app.machines.byId(this.#machine);
  }

  get repository(): Repository | null {
    const id = this.#chosenRepository ? this.#repository : usualRepository(this.#app, this.machine);
    return id === null ? null : this.#app.repositories.byId(id);
  }

  get excluded(): ReadonlySet<string> {
    return this.#excluded;
  }

  get reread(): boolean {
    return this.#reread;
  }

  get accepted(): ReadonlySet<string> {
    return this.#accepted;
  }

  get touched(): boolean {
    return this.#touched;
  }

  get planning(): boolean {
    return this.#planning;
  }

  /** Disks that will be copied. */
  get disks(): readonly Disk[] {
    const disks = this.machine?.disks.filter(copied) ?? [];
    return disks.filter((disk) => !this.#excluded.has(disk.target));
  }

  get blocked(): boolean {
    return this.plan.value?.checks.some((check) => check.level === 'blocker') ?? false;
  }

  get unaccepted(): boolean {
    return (
      this.plan.value?.checks.some(
        (check) => check.accept !== undefined && !this.#accepted.has(check.id),
      ) ?? false
    );
  }

  #changed(): void {
    this.#touched = true;
    this.#accepted = new Set();
    this.plan.clear(null);
  }

  chooseMachine(id: MachineId): void {
    this.#machine = id;
    this.#excluded = new Set();
    this.#changed();
  }

  chooseRepository(id: RepositoryId): void {
    this.#repository = id;
    this.#chosenRepository = true;
    this.#changed();
  }

  include(target: string, on: boolean): void {
    const next = new Set(this.#excluded);
    if (on) next.delete(target);
    else next.add(target);
    this.#excluded = next;
    this.#changed();
  }

  setReread(on: boolean): void {
    this.#reread = on;
    this.#changed();
  }

  accept(id: string, on: boolean): void {
    const next = new Set(this.#accepted);
    if (on) next.add(id);
    else next.delete(id);
    this.#accepted = next;
    this.#touched = true;
  }

  #choice(machine: Machine, repository: Repository) {
    return {
      machine: machine.id,
      repository: repository.id,
      exclude: [...this.#excluded],
      reread: this.#reread,
    };
  }

  /** Asks the engine what would happen; its trouble is in `plan.problem`. */
  async makePlan(): Promise<void> {
    const { machine, repository } = this;
    if (machine === null || repository === null) return;
    this.#planning = true;
    try {
      const choice = this.#choice(machine, repository);
      await this.plan.read(() => this.#app.machines.planBackup(choice));
    } finally {
      this.#planning = false;
    }
  }

  /** Starts the job. Throws AppError when it is refused. */
  start(machine: Machine, repository: Repository): Promise<JobId> {
    const choice = { ...this.#choice(machine, repository), accepted: [...this.#accepted] };
    return this.#app.machines.startBackup(choice);
  }
}
