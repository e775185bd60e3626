/** Stays with the runs of plans until each has ended or waits for what may take long. */
import type { Client } from '#contract/client.ts';
import type { JobId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { PlanRun, PlanRunId, WaitReason } from '#contract/plans.ts';
import type { Context } from './command.ts';
import { exitCodes, type ExitCode } from './output.ts';

/** An event may be lost on a full wire; asking now and then finds the end all the same. */
const lookEveryMs = 2_000;
/** Runs asked about each time; with more of them every one has its turn. */
const maxLooks = 50;
/** More than one machine has in a plan at one time: its repositories, each begun again. */
const maxSameTime = 50;

/** Waits that end by themselves while the others go on. */
const passing: ReadonlySet<WaitReason> = new Set(['turn', 'other-job']);

const order = ['waiting', 'running'];

function isOpen({ state }: PlanRun): boolean {
  return state.kind === 'running' || state.kind === 'waiting';
}

/** It is worth to stay for this one. */
function isGoing({ state }: PlanRun): boolean {
  return state.kind === 'running' || (state.kind === 'waiting' && passing.has(state.reason));
}

/** How far it is, to tell an older record from a newer one. */
function rank({ state }: PlanRun): number {
  const at = order.indexOf(state.kind);
  return at < 0 ? order.length : at;
}

class RunsFollowed {
  readonly #context: Context;
  readonly #client: Client;
  readonly #seen = new Map<PlanRunId, PlanRun>();
  readonly #jobs = new Map<JobId, PlanRunId>();
  #mine: readonly PlanRunId[] = [];
  #changed: () => void = () => undefined;

  constructor(context: Context, client: Client) {
    this.#context = context;
    this.#client = client;
  }

  /** The runs that were begun, as they were when nothing of them went on any more. */
  async end(start: () => Promise<readonly PlanRun[]>): Promise<readonly PlanRun[]> {
    const { signal, output } = this.#context;
    const unsubscribe = [
      this.#client.on('plan-runs.changed', (run) => {
        this.#take(run);
      }),
      this.#client.on('jobs.changed', (job) => {
        if (this.#jobs.has(job.id)) output.progress(job);
      }),
    ];
    const cancel = () => void this.#cancel();
    const timer = setInterval(() => void this.#look(), lookEveryMs);
    try {
      const begun = await start();
      this.#mine = begun.map(({ id }) => id);
      for (const run of begun) this.#take(run);
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
      await new Promise<void>((resolve) => {
        this.#changed = () => {
          if (!this.#runs().some(isGoing)) resolve();
        };
        this.#changed();
      });
      return this.#runs();
    } finally {
      clearInterval(timer);
      for (const end of unsubscribe) end();
      signal.removeEventListener('abort', cancel);
    }
  }

  #runs(): readonly PlanRun[] {
    return this.#mine.flatMap((id) => this.#seen.get(id) ?? []);
  }

  /** Events may overtake the answer that began the runs: what is further is newer. */
  #take(run: PlanRun): void {
    const known = this.#seen.get(run.id);
    if (known !== undefined && rank(known) > rank(run)) return;
    this.#seen.set(run.id, run);
    if (run.job !== null) this.#jobs.set(run.job, run.id);
    this.#changed();
  }

  async #look(): Promise<void> {
    const open = this.#runs().filter(isGoing).slice(0, maxLooks);
    for (const { id, plan, machine, due } of open) {
      const rows = await this.#client
        .call('plans.runs', {
          plan: plan.id,
          machineUuid: machine.uuid,
          before: due + 1,
          limit: maxSameTime,
        })
        .catch((): readonly PlanRun[] => []);
      const found = rows.find((row) => row.id === id);
      // At the end, so that the next look begins with others.
      this.#mine = [...this.#mine.filter((mine) => mine !== id), id];
      if (found !== undefined) this.#take(found);
    }
  }

  /** Ctrl+C: what runs is cancelled, what waits is not begun. */
  async #cancel(): Promise<void> {
    for (const { id, job } of this.#runs().filter(isOpen)) {
      // If this cannot be sent the engine is gone, or the run is over: either is told elsewhere.
      if (job === null) await this.#client.call('plan-runs.skip', { run: id }).catch(() => null);
      else await this.#client.call('jobs.cancel', { job }).catch(() => null);
    }
  }
}

/** Runs what `start` begins; resolves with the rows in the order they were begun. */
export async function followRuns(
  context: Context,
  client: Client,
  start: () => Promise<readonly PlanRun[]>,
): Promise<readonly PlanRun[]> {
  if (context.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
  const begun: PlanRunId[] = [];
  const runs = await new RunsFollowed(context, client).end(async () => {
    const started = await start();
    begun.push(...started.map(({ id }) => id));
    return started;
  });
  return runs.toSorted((a, b) => begun.indexOf(a.id) - begun.indexOf(b.id));
}

/**
 * 0 when all is done, 4 when a part of it is, 1 when nothing is and something failed, 3 when all
 * that was begun waits, 130 when it was cancelled. What was left out on purpose counts for nothing.
 */
export function exitCodeOfRuns(runs: readonly PlanRun[], cancelled: boolean): ExitCode {
  const some = (...kinds: readonly PlanRun['state']['kind'][]) =>
    runs.some(({ state }) => kinds.includes(state.kind));
  if (cancelled) return exitCodes.cancelled;
  if (some('done', 'problems')) {
    const whole = !some('problems', 'failed', 'waiting', 'running', 'cancelled');
    return whole ? exitCodes.done : exitCodes.problems;
  }
  if (some('failed')) return exitCodes.failed;
  if (some('waiting', 'running')) return exitCodes.refused;
  return some('cancelled') ? exitCodes.cancelled : exitCodes.done;
}
