/** Stays with the runs of plans until each has ended or waits for what may take long. */
import type { Client } from '#contract/client.ts';
import type { Job } from '#contract/domain.ts';
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

function isOpen({ state }: PlanRun): boolean {
  return state.kind === 'running' || state.kind === 'waiting';
}

/** It is worth to stay for this one. */
function isGoing({ state }: PlanRun): boolean {
  return state.kind === 'running' || (state.kind === 'waiting' && passing.has(state.reason));
}

/** The backup of a run, or the check of its new point. */
function isJobOf(run: PlanRun, { id, kind, repository }: Job): boolean {
  if (run.job === id) return true;
  const checks = run.state.kind === 'running' && run.state.step === 'verify';
  return checks && kind === 'verify' && run.repository.id === repository?.id;
}

export interface RunsToFollow {
  readonly start: () => Promise<readonly PlanRun[]>;
  /**
   * At Ctrl+C what runs is cancelled and what waits is left out. Else they are left as they are:
   * a service goes on with them, and what is cut off goes on at the next start.
   */
  readonly cancels: boolean;
}

class RunsFollowed {
  readonly #context: Context;
  readonly #client: Client;
  readonly #seen = new Map<PlanRunId, PlanRun>();
  #mine: readonly PlanRunId[] = [];
  #changed: () => void = () => undefined;
  #gone: (thrown: unknown) => void = () => undefined;

  constructor(context: Context, client: Client) {
    this.#context = context;
    this.#client = client;
  }

  /** The runs that were begun, as they were when nothing of them went on any more. */
  async end({ start, cancels }: RunsToFollow): Promise<readonly PlanRun[]> {
    const { signal, output } = this.#context;
    const unsubscribe = [
      this.#client.on('plan-runs.changed', (run) => {
        this.#take(run);
      }),
      this.#client.on('jobs.changed', (job) => {
        if (this.#runs().some((run) => isJobOf(run, job))) output.progress(job);
      }),
    ];
    let interrupted = false;
    const interrupt = () => {
      interrupted = !cancels;
      if (cancels) void this.#cancel();
      else this.#changed();
    };
    const look = () => {
      this.#look().catch((thrown: unknown) => {
        this.#gone(thrown);
      });
    };
    const timer = setInterval(look, lookEveryMs);
    try {
      const begun = await start();
      this.#mine = begun.map(({ id }) => id);
      // An event that came before the answer is newer than it.
      for (const run of begun) if (!this.#seen.has(run.id)) this.#take(run);
      if (signal.aborted) interrupt();
      else signal.addEventListener('abort', interrupt, { once: true });
      await new Promise<void>((resolve, reject) => {
        this.#gone = reject;
        this.#changed = () => {
          if (interrupted || !this.#runs().some(isGoing)) resolve();
        };
        this.#changed();
      });
      return this.#runs();
    } finally {
      clearInterval(timer);
      for (const end of unsubscribe) end();
      signal.removeEventListener('abort', interrupt);
    }
  }

  #runs(): readonly PlanRun[] {
    return this.#mine.flatMap((id) => this.#seen.get(id) ?? []);
  }

  #take(run: PlanRun): void {
    const known = this.#seen.get(run.id);
    if (known !== undefined && !isOpen(known)) return; // what was asked before its end is old
    this.#seen.set(run.id, run);
    this.#changed();
  }

  async #look(): Promise<void> {
    const open = this.#runs().filter(isGoing).slice(0, maxLooks);
    for (const { id, plan, machine, due } of open) {
      const rows = await this.#client.call('plans.runs', {
        plan: plan.id,
        machineUuid: machine.uuid,
        before: due + 1,
        limit: maxSameTime,
      });
      const found = rows.find((row) => row.id === id);
      // At the end, so that the next look begins with others.
      this.#mine = [...this.#mine.filter((mine) => mine !== id), id];
      if (found !== undefined) this.#take(found);
    }
  }

  async #cancel(): Promise<void> {
    const open = this.#runs().filter(isOpen);
    // If something cannot be sent the engine is gone, or the run is over: either is told elsewhere.
    for (const { id, state } of open) {
      if (state.kind !== 'waiting') continue;
      await this.#client.call('plan-runs.skip', { run: id }).catch(() => null);
    }
    const jobs = await this.#client.call('jobs.list', { all: false }).catch(() => []);
    for (const job of jobs.filter((one) => open.some((run) => isJobOf(run, one)))) {
      await this.#client.call('jobs.cancel', { job: job.id }).catch(() => null);
    }
  }
}

/** Runs what `start` begins; resolves with the rows in the order they were begun. */
export async function followRuns(
  context: Context,
  client: Client,
  { start, cancels }: RunsToFollow,
): Promise<readonly PlanRun[]> {
  if (context.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
  const begun: PlanRunId[] = [];
  const startNoted = async () => {
    const started = await start();
    begun.push(...started.map(({ id }) => id));
    return started;
  };
  const runs = await new RunsFollowed(context, client).end({ start: startNoted, cancels });
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
