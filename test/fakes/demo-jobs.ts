/** Pretend jobs: they take a moment, move forward, wait for their machine, and can be cancelled. */
import type { Emit } from '#contract/contract.ts';
import type { Job, JobId, JobResult, MachineId, Outcome, Progress } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';

const tickMs = 100;

export interface DemoJob {
  readonly kind: Job['kind'];
  readonly title: string;
  readonly machine: Job['machine'];
  readonly repository: Job['repository'];
  readonly activity: string;
  readonly totalBytes: number;
  readonly storedShare: number; // stored bytes as a part of the bytes read
  readonly steps: readonly string[];
  readonly cancelEffect: string;
  /** Called once at the end; null ends it done with no result. */
  readonly finish: () => { outcome: Ending; result: JobResult | null };
}

/** How it ends, without the time. */
export type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'problems'; readonly problems: readonly string[] }
  | { readonly kind: 'failed'; readonly error: AppError };

export interface DemoJobs {
  start(spec: DemoJob): JobId;
  get(id: JobId): Job;
  all(): readonly Job[];
  cancel(id: JobId): Job;
  /** The running or queued job of a machine. */
  ofMachine(id: MachineId): JobId | null;
  stop(): void;
}

interface Entry {
  readonly spec: DemoJob;
  job: Job;
  timer: ReturnType<typeof setTimeout> | null;
}

export function isOver(job: Job): boolean {
  return !['queued', 'running', 'cancelling'].includes(job.state.kind);
}

export function createDemoJobs(
  emit: Emit,
  now: () => number,
  secondsPerJob: number,
  onChange: (job: Job) => void,
): DemoJobs {
  const entries = new Map<JobId, Entry>();
  let count = 0;

  function put(entry: Entry, change: Partial<Job>): Job {
    entry.job = { ...entry.job, ...change };
    onChange(entry.job);
    emit('jobs.changed', entry.job);
    return entry.job;
  }

  function end(entry: Entry, outcome: Outcome, result: JobResult | null): void {
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.timer = null;
    const at = now();
    const last = outcome.kind === 'done' || outcome.kind === 'problems' ? 'done' : 'failed';
    const steps = entry.job.steps.map((step) =>
      step.endedAt === null ? ({ ...step, endedAt: at, outcome: last } as const) : step,
    );
    put(entry, { state: outcome, steps, result });
    for (const next of entries.values()) {
      if (next.job.state.kind === 'queued' && next.job.machine?.id === entry.job.machine?.id) {
        run(next);
        return;
      }
    }
  }

  function complete(entry: Entry): void {
    const { outcome, result } = entry.spec.finish();
    const at = now();
    if (outcome.kind !== 'failed') end(entry, { ...outcome, at }, result);
    else end(entry, { kind: 'failed', at, error: outcome.error.toJSON() }, null);
  }

  function progressOf(spec: DemoJob, share: number): Progress {
    const doneBytes = Math.floor(spec.totalBytes * share);
    return {
      activity: share > 0.95 ? 'Almost done: verifying' : spec.activity,
      doneBytes,
      totalBytes: spec.totalBytes,
      readBytes: doneBytes,
      storedBytes: Math.floor(doneBytes * spec.storedShare),
      bytesPerSecond: Math.floor(spec.totalBytes / secondsPerJob),
      secondsLeft: Math.ceil(secondsPerJob * (1 - share)),
      stalled: null,
    };
  }

  function stepsOf(spec: DemoJob, share: number, startedAt: number): Job['steps'] {
    const current = Math.min(spec.steps.length - 1, Math.floor(share * spec.steps.length));
    return spec.steps.slice(0, current + 1).map((title, index) => ({
      title,
      startedAt,
      endedAt: index < current ? now() : null,
      outcome: index < current ? 'done' : 'running',
      note: '',
    }));
  }

  function tick(entry: Entry, ticks: number): void {
    const total = Math.max(1, Math.round((secondsPerJob * 1000) / tickMs));
    if (ticks >= total) {
      complete(entry);
      return;
    }
    const share = ticks / total;
    const startedAt = entry.job.startedAt ?? now();
    // Four events a second at most, as the real engine promises.
    const change = {
      progress: progressOf(entry.spec, share),
      steps: stepsOf(entry.spec, share, startedAt),
    };
    if (ticks % 3 === 0) put(entry, change);
    entry.timer = setTimeout(() => {
      tick(entry, ticks + 1);
    }, tickMs);
  }

  function run(entry: Entry): void {
    put(entry, { state: { kind: 'running' }, startedAt: now() });
    tick(entry, 0);
  }

  function entryOf(id: JobId): Entry {
    const entry = entries.get(id);
    if (entry === undefined) throw new AppError('not-found', `There is no job ${id}.`);
    return entry;
  }

  return {
    start(spec) {
      count += 1;
      const id = `job-${count}` as JobId;
      const before = [...entries.values()].find(
        ({ job }) => !isOver(job) && job.machine !== null && job.machine.id === spec.machine?.id,
      );
      const job: Job = {
        id,
        kind: spec.kind,
        title: spec.title,
        machine: spec.machine,
        repository: spec.repository,
        createdAt: now(),
        startedAt: null,
        state: { kind: 'queued', waitsFor: before?.job.title ?? 'a free place' },
        progress: null,
        steps: [],
        cancelEffect: spec.cancelEffect,
        result: null,
      };
      const entry: Entry = { spec, job, timer: null };
      entries.set(id, entry);
      if (before === undefined) run(entry);
      else put(entry, {});
      return id;
    },
    get: (id) => entryOf(id).job,
    all: () => [...entries.values()].map((entry) => entry.job).reverse(),
    cancel(id) {
      const entry = entryOf(id);
      if (isOver(entry.job)) return entry.job;
      if (entry.timer !== null) clearTimeout(entry.timer);
      const cancelling = put(entry, { state: { kind: 'cancelling' } });
      entry.timer = setTimeout(() => {
        end(entry, { kind: 'cancelled', at: now() }, null);
      }, tickMs);
      return cancelling;
    },
    ofMachine(id) {
      const found = [...entries.values()].find(({ job }) => job.machine?.id === id && !isOver(job));
      return found?.job.id ?? null;
    },
    stop() {
      for (const entry of entries.values()) {
        if (entry.timer !== null) clearTimeout(entry.timer);
        entry.timer = null;
      }
    },
  };
}
