/**
 * What has come of the plan that is open: its runs, a page at a time, and its times for the strip.
 * A run that changes replaces its row; a new one, or a changed plan, makes both be read again.
 */
import type { Client } from '#contract/client.ts';
import type { AppError } from '#contract/errors.ts';
import type { PlanId, PlanRun, PlanTime } from '#contract/plans.ts';
import { Loading } from './loading.svelte.ts';

/** The most the contract answers at once: two nights of two hundred machines. */
const runsPerPage = 500;
const dayMs = 86_400_000;
/** How far the strip reaches back and ahead. */
const stripDaysBack = 21;
const stripDaysAhead = 13;

export interface Strip {
  readonly from: number;
  readonly to: number;
  readonly times: readonly PlanTime[];
}

/**
 * A full page without its last time, which may go on in the next one: the next page begins before
 * the last time of this one, so a time cut in two would lose its second half.
 */
export function wholeTimes(page: readonly PlanRun[]): readonly PlanRun[] {
  const last = page.at(-1)?.due;
  const whole = page.filter(({ due }) => due !== last);
  return whole.length === 0 ? page : whole;
}

export class OpenPlan {
  readonly #client: Client;
  readonly #runs = new Loading<readonly PlanRun[]>([]);
  readonly #strip = new Loading<Strip | null>(null);
  #plan: PlanId | null = null;
  #complete = $state(false);

  constructor(client: Client) {
    this.#client = client;
    client.on('plan-runs.changed', (run) => this.#put(run));
    client.on('plans.changed', () => void this.#readStrip());
  }

  #put(run: PlanRun): void {
    if (run.plan.id !== this.#plan) return;
    const known = this.runs.some((other) => other.id === run.id);
    this.#runs.patch(
      known ? this.runs.map((other) => (other.id === run.id ? run : other)) : [run, ...this.runs],
    );
  }

  /** Newest first. */
  get runs(): readonly PlanRun[] {
    return this.#runs.value;
  }

  get loaded(): boolean {
    return this.#runs.loaded;
  }

  get problem(): AppError | null {
    return this.#runs.problem;
  }

  /** True when there is nothing older to read. */
  get complete(): boolean {
    return this.#complete;
  }

  get strip(): Strip | null {
    return this.#strip.value;
  }

  open(plan: PlanId): void {
    if (plan === this.#plan) return;
    this.#plan = plan;
    this.#runs.clear([]);
    this.#strip.clear(null);
    void this.load();
  }

  close(): void {
    this.#plan = null;
    this.#runs.clear([]);
    this.#strip.clear(null);
  }

  async load(): Promise<void> {
    await Promise.all([this.#runs.read(() => this.#page(null)), this.#readStrip()]);
  }

  async more(): Promise<void> {
    const known = this.runs;
    const before = known.at(-1)?.due ?? null;
    await this.#runs.read(async () => [...known, ...(await this.#page(before))]);
  }

  async #page(before: number | null): Promise<readonly PlanRun[]> {
    const plan = this.#plan;
    if (plan === null) return [];
    const choice = { plan, machineUuid: null, before, limit: runsPerPage };
    const page = await this.#client.call('plans.runs', choice);
    this.#complete = page.length < runsPerPage;
    return this.#complete ? page : wholeTimes(page);
  }

  async #readStrip(): Promise<void> {
    const plan = this.#plan;
    if (plan === null) return;
    const midnight = new Date().setHours(0, 0, 0, 0);
    const from = new Date(midnight - stripDaysBack * dayMs).setHours(0, 0, 0, 0);
    const to = new Date(midnight + (stripDaysAhead + 1) * dayMs).setHours(0, 0, 0, 0) - 1;
    await this.#strip.read(async () => {
      const times = await this.#client.call('plans.times', { plan, from, to });
      return { from, to, times };
    });
  }
}
