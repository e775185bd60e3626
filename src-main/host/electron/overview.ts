/**
 * What the desktop around the window shows of the engine: plans with the protection of their
 * machines, and jobs. Kept by events, read again when some were lost.
 */
import type { Client } from '#contract/client.ts';
import type { Job, JobId, Protection } from '#contract/domain.ts';
import type { Plan } from '#contract/plans.ts';
import type { Report } from '../dispatcher.ts';

export interface Overview {
  readonly plans: readonly Plan[];
  /** Queued and running ones. */
  readonly jobs: readonly Job[];
}

/** A burst of events redraws a tray once; milliseconds. */
const settleMs = 200;

export function isOpen({ state }: Job): boolean {
  return state.kind === 'queued' || state.kind === 'running' || state.kind === 'cancelling';
}

/** True while there is something to do without a window. */
export function goesOn({ plans, jobs }: Overview): boolean {
  return plans.length > 0 || jobs.length > 0;
}

/** How many machines of the plans are in each state; one of two plans counts where it is worse. */
export function protections({ plans }: Overview): Readonly<Record<Protection, number>> {
  const order: readonly Protection[] = ['protected', 'not-planned', 'never', 'overdue', 'failing'];
  const worst = new Map<string, Protection>();
  for (const { machine, protection } of plans.flatMap(({ members }) => members)) {
    const known = worst.get(machine) ?? 'protected';
    worst.set(machine, order.indexOf(protection) > order.indexOf(known) ? protection : known);
  }
  const counts = { protected: 0, 'not-planned': 0, never: 0, overdue: 0, failing: 0 };
  for (const protection of worst.values()) counts[protection] += 1;
  return counts;
}

/**
 * What it is now, whenever asked, until the application ends. Calls back soon after something
 * changed, for the first time once all was read.
 */
export function watchOverview(
  client: Client,
  report: Report,
  changed: (overview: Overview) => void,
): () => Overview {
  let plans: readonly Plan[] = [];
  const jobs = new Map<JobId, Job>();
  // What an event said while the lists were on their way is newer than they are.
  let came: { plans: boolean; readonly jobs: Set<JobId> } | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const now = (): Overview => ({ plans, jobs: [...jobs.values()] });
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      changed(now());
    }, settleMs);
  };
  const take = (job: Job) => {
    if (isOpen(job)) jobs.set(job.id, job);
    else jobs.delete(job.id);
  };

  async function read(): Promise<void> {
    const newer = { plans: false, jobs: new Set<JobId>() };
    came = newer;
    const [all, open] = await Promise.all([
      client.call('plans.list', {}),
      client.call('jobs.list', { all: false }),
    ]).finally(() => {
      came = null;
    });
    if (!newer.plans) plans = all;
    for (const id of [...jobs.keys()]) if (!newer.jobs.has(id)) jobs.delete(id);
    for (const job of open) if (!newer.jobs.has(job.id)) take(job);
    soon();
  }
  const readOrReport = () => {
    read().catch((thrown: unknown) => report('Plans and jobs could not be read', thrown));
  };

  client.on('plans.changed', (all) => {
    plans = all;
    if (came !== null) came.plans = true;
    soon();
  });
  client.on('jobs.changed', (job) => {
    take(job);
    came?.jobs.add(job.id);
    soon();
  });
  client.on('state.reset', readOrReport);
  readOrReport();
  return now;
}
