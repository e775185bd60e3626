/** The plans, as the engine last said, and everything that can be asked of one. */
import type { Client } from '#contract/client.ts';
import type { MachineId } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import type {
  Plan,
  PlanCheck,
  PlanDraft,
  PlanId,
  PlanRun,
  PlanRunId,
  RetentionPreview,
} from '#contract/plans.ts';
import { Loading } from './loading.svelte.ts';

export class Plans {
  readonly #client: Client;
  readonly #list = new Loading<readonly Plan[]>([]);
  readonly #running = new Set<MachineId>();
  // Asked for once per row of a list: counted once per change of the plans.
  readonly #byMachine = $derived.by(() => {
    const found = new Map<MachineId, Plan[]>();
    for (const plan of this.all) {
      for (const { machine } of plan.members) {
        const plans = found.get(machine);
        if (plans === undefined) found.set(machine, [plan]);
        else plans.push(plan);
      }
    }
    return found;
  });
  readonly #waiting = $derived.by(() => {
    const found = new Map<MachineId, PlanRun>();
    for (const run of this.all.flatMap((plan) => plan.waiting)) {
      if (run.machine.id !== null) found.set(run.machine.id, run);
    }
    return found;
  });

  constructor(client: Client) {
    this.#client = client;
    client.on('plans.changed', (plans) => this.#list.set(plans));
    client.on('plan-runs.changed', ({ machine, state }) => {
      if (machine.id === null) return;
      if (state.kind === 'running') this.#running.add(machine.id);
      else this.#running.delete(machine.id);
    });
  }

  /** True while a plan works on the machine: what its jobs come to is a row of the plan. */
  isRunning(machine: MachineId): boolean {
    return this.#running.has(machine);
  }

  get all(): readonly Plan[] {
    return this.#list.value;
  }

  get loaded(): boolean {
    return this.#list.loaded;
  }

  get problem(): AppError | null {
    return this.#list.problem;
  }

  byId(id: PlanId): Plan | null {
    return this.all.find((plan) => plan.id === id) ?? null;
  }

  /** The plans that mean a machine now; none: nothing backs it up by itself. */
  ofMachine(machine: MachineId): readonly Plan[] {
    return this.#byMachine.get(machine) ?? [];
  }

  /** The run of a machine that waits, with its reason; null when none does. */
  waitingOf(machine: MachineId): PlanRun | null {
    return this.#waiting.get(machine) ?? null;
  }

  load(): Promise<void> {
    return this.#list.read(() => this.#client.call('plans.list', {}));
  }

  #put(plan: Plan): Plan {
    const known = this.all.some((other) => other.id === plan.id);
    this.#list.patch(
      known ? this.all.map((other) => (other.id === plan.id ? plan : other)) : [...this.all, plan],
    );
    return plan;
  }

  async create(draft: PlanDraft): Promise<Plan> {
    return this.#put(await this.#client.call('plans.create', { draft }));
  }

  async change(plan: PlanId, draft: PlanDraft): Promise<Plan> {
    return this.#put(await this.#client.call('plans.change', { plan, draft }));
  }

  /** Its points and its past runs stay; `bringBack` undoes it. */
  async remove(plan: PlanId): Promise<void> {
    await this.#client.call('plans.remove', { plan });
    this.#list.patch(this.all.filter((other) => other.id !== plan));
  }

  async bringBack(plan: PlanId): Promise<Plan> {
    return this.#put(await this.#client.call('plans.bring-back', { plan }));
  }

  check(draft: PlanDraft, plan: PlanId | null): Promise<PlanCheck> {
    return this.#client.call('plans.check', { draft, plan });
  }

  preview(draft: PlanDraft, plan: PlanId | null): Promise<RetentionPreview> {
    return this.#client.call('plans.preview', { draft, plan });
  }

  /** Begins a run of every machine of the plan, or of one. */
  run(plan: PlanId, machine: MachineId | null): Promise<readonly PlanRun[]> {
    return this.#client.call('plans.run', { plan, machine });
  }

  /** Nothing begins by itself before `until`; null: until it is resumed. */
  async pause(plan: PlanId, until: number | null): Promise<Plan> {
    return this.#put(await this.#client.call('plans.pause', { plan, until }));
  }

  async resume(plan: PlanId): Promise<Plan> {
    return this.#put(await this.#client.call('plans.resume', { plan }));
  }

  /** Begins a waiting run although its condition is not met. */
  runAnyway(run: PlanRunId): Promise<PlanRun> {
    return this.#client.call('plan-runs.run-now', { run });
  }

  skip(run: PlanRunId): Promise<PlanRun> {
    return this.#client.call('plan-runs.skip', { run });
  }
}
