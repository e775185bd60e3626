/**
 * The queue of everything that takes long: one place that starts, orders, shows, cancels and
 * records it.
 *
 * Promises: what may run beside what is the table in conflicts.ts and nothing else; jobs that wait
 * keep their order; a cancel is answered at once; a job that ended is in the history before anyone
 * is told; at most four progress events a second a job.
 * Does not: know how anything is done, or repeat a job by itself.
 */
import type { Job, JobId, MachineId } from '#contract/domain.ts';
import { AppError, type ErrorCode } from '#contract/errors.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import type { World } from '#engine/world/world.ts';
import { conflict, type Answer, type Shared } from './conflicts.ts';
import { isEnded, JobEntry } from './job-entry.ts';
import { defaultJobLimits, type JobLimits, type Jobs, type JobSpec } from './job-types.ts';

export interface JobsOptions {
  readonly world: World;
  readonly catalog: Pick<Catalog, 'journals' | 'runs'>;
  readonly emit: (job: Job) => void;
  readonly limits?: Partial<JobLimits>;
}

/** Most ended jobs one listing returns. */
const maxListedJobs = 200;

/** The one queue of an engine. */
export function createJobs(options: JobsOptions): Jobs {
  return new JobQueue(options);
}

class JobQueue implements Jobs {
  readonly #world: World;
  readonly #catalog: JobsOptions['catalog'];
  readonly #emit: (job: Job) => void;
  readonly #limits: JobLimits;
  readonly #running = new Set<JobEntry>();
  readonly #waiters = new Map<JobId, ((job: Job) => void)[]>();
  /** Those whose `after` has not happened yet: in nobody's way, and in no order. */
  readonly #before = new Set<JobEntry>();
  #queued: readonly JobEntry[] = [];
  #recent: readonly Job[] = []; // newest first
  #stopping = false;

  constructor({ world, catalog, emit, limits = {} }: JobsOptions) {
    this.#world = world;
    this.#catalog = catalog;
    this.#limits = { ...defaultJobLimits, ...limits };
    this.#emit = (job) => {
      try {
        emit(job);
      } catch (thrown) {
        world.log.error('A listener of jobs failed', thrown);
      }
    };
  }

  start(spec: JobSpec): JobId {
    if (this.#stopping) throw refused('Waymark is stopping and starts nothing new.');
    refuseConflicts(spec, this.#active());
    if (this.#queued.length + this.#before.size >= this.#limits.maxQueuedJobs) {
      throw refused(`${this.#limits.maxQueuedJobs} jobs are waiting already.`);
    }
    const entry = new JobEntry(this.#world, this.#catalog.journals, spec, this.#emit);
    if (spec.after === undefined) this.#enqueue(entry);
    else this.#holdBack(entry, spec.after);
    return entry.id;
  }

  get(id: JobId): Job {
    const job =
      this.#activeEntry(id)?.job() ??
      this.#recent.find((one) => one.id === id) ??
      this.#catalog.runs.getJob(id);
    if (job === null) throw new AppError('not-found', `There is no job ${id}.`, { job: id });
    return job;
  }

  list(all: boolean): readonly Job[] {
    const jobs = new Map(this.#unended().map((entry) => [entry.id, entry.job()]));
    const ended = all ? [...this.#recent, ...this.#catalog.runs.recentJobs(maxListedJobs)] : [];
    for (const job of ended) if (!jobs.has(job.id)) jobs.set(job.id, job);
    return [...jobs.values()].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  }

  cancel(id: JobId): Job {
    const entry = this.#activeEntry(id);
    if (entry !== undefined) this.#cancel(entry);
    return this.get(id);
  }

  async ended(id: JobId): Promise<Job> {
    if (this.#activeEntry(id) === undefined) return this.get(id);
    return new Promise((resolve) => {
      this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), resolve]);
    });
  }

  ofMachine(machine: MachineId): JobId | null {
    const using = this.#active().find(
      ({ spec }) => uses(spec, 'machine') && spec.machine?.id === machine,
    );
    return using?.id ?? null;
  }

  async stop(): Promise<readonly JobId[]> {
    this.#stopping = true;
    const told = this.#unended();
    const all = Promise.all(told.map(({ id }) => this.ended(id)));
    for (const entry of told) this.#cancel(entry);
    const patience = new AbortController();
    const timeout = this.#world.clock
      .sleep(this.#limits.stopTimeoutMs, patience.signal)
      .catch(() => undefined); // the jobs ended first
    await Promise.race([all, timeout]);
    patience.abort();
    return [...this.#running].map(({ id }) => id);
  }

  /** Those that others meet. */
  #active(): readonly JobEntry[] {
    return [...this.#running, ...this.#queued];
  }

  #unended(): readonly JobEntry[] {
    return [...this.#active(), ...this.#before];
  }

  #activeEntry(id: JobId): JobEntry | undefined {
    return this.#unended().find((entry) => entry.id === id);
  }

  #enqueue(entry: JobEntry): void {
    this.#queued = [...this.#queued, entry];
    this.#startWhatMay();
  }

  #holdBack(entry: JobEntry, { words, run }: NonNullable<JobSpec['after']>): void {
    this.#before.add(entry);
    entry.wait(words);
    void run(entry.signal)
      .catch((thrown: unknown) => {
        entry.failBefore(thrown);
      })
      .then(() => {
        // It was cancelled meanwhile, or takes its place as one that starts now.
        if (this.#before.delete(entry)) this.#enqueue(entry);
      });
  }

  #cancel(entry: JobEntry): void {
    const waited = entry.state.kind === 'queued';
    entry.cancel();
    if (waited && isEnded(entry.state)) this.#finish(entry);
  }

  /** Goes through the queue in order; what waits is in the way of what came after it. */
  #startWhatMay(): void {
    if (this.#stopping) return;
    const before: JobEntry[] = [...this.#running];
    for (const entry of this.#queued) {
      const blocker = before.find(
        (other) => answerFor(entry.spec, other.spec) !== 'no interaction',
      );
      if (blocker !== undefined) {
        entry.wait(`Waits for “${blocker.spec.title}”`);
      } else if (this.#running.size >= this.#limits.maxRunningJobs) {
        entry.wait(`Waits until one of ${this.#limits.maxRunningJobs} running jobs has ended`);
      } else {
        this.#run(entry);
      }
      before.push(entry);
    }
  }

  #run(entry: JobEntry): void {
    this.#queued = this.#queued.filter((other) => other !== entry);
    this.#running.add(entry);
    void entry.run().then(() => {
      this.#finish(entry);
    });
  }

  #finish(entry: JobEntry): void {
    this.#running.delete(entry);
    this.#before.delete(entry);
    this.#queued = this.#queued.filter((other) => other !== entry);
    try {
      this.#catalog.runs.insertRun(entry.job(), entry.spec.machine?.uuid ?? null);
    } catch (thrown) {
      this.#world.log.error('A job could not be written to the history', thrown);
      entry.addLateProblem('The record of this job could not be written to the history.');
    }
    const job = entry.job();
    this.#recent = [job, ...this.#recent].slice(0, this.#limits.maxRecentJobs);
    entry.announceEnd();
    for (const resolve of this.#waiters.get(entry.id) ?? []) resolve(job);
    this.#waiters.delete(entry.id);
    this.#startWhatMay();
  }
}

function uses(spec: JobSpec, what: Shared): boolean {
  return spec.requires?.[what] ?? true;
}

function share(a: JobSpec, b: JobSpec, what: Shared): boolean {
  if (!uses(a, what) || !uses(b, what)) return false;
  if (what === 'repository') return a.repository !== null && a.repository.id === b.repository?.id;
  if (a.kind === 'practice' && b.kind === 'practice') return true; // there is only one
  if (a.machine === null || b.machine === null) return false;
  if (a.machine.id !== null && b.machine.id !== null) return a.machine.id === b.machine.id;
  return a.machine.uuid !== null && a.machine.uuid === b.machine.uuid;
}

const busyCodes: Readonly<Record<Shared, ErrorCode>> = {
  machine: 'machine-busy',
  repository: 'repository-busy',
};
const sharedKinds: readonly Shared[] = ['machine', 'repository'];

function answerOn(spec: JobSpec, other: JobSpec, what: Shared): Answer {
  return share(spec, other, what) ? conflict(spec.kind, other.kind, what) : 'no interaction';
}

function answerFor(spec: JobSpec, other: JobSpec): Answer {
  const answers = sharedKinds.map((what) => answerOn(spec, other, what));
  return answers.find((answer) => answer !== 'no interaction') ?? 'no interaction';
}

function refuseConflicts(spec: JobSpec, others: readonly JobEntry[]): void {
  for (const other of others) {
    const what = sharedKinds.find((one) => answerOn(spec, other.spec, one) === 'refuse');
    if (what === undefined) continue;
    const name =
      what === 'machine' ? (spec.machine?.name ?? 'The practice machine') : spec.repository?.name;
    const doing = other.state.kind === 'queued' ? 'is waiting to run' : 'is running';
    throw new AppError(busyCodes[what], `${name ?? ''} is busy: “${other.spec.title}” ${doing}.`, {
      job: other.id,
      title: other.spec.title,
      owner: other.spec.title,
      unharmed: 'Nothing was started; the other job goes on.',
      advice: 'Wait until that job has ended, or cancel it.',
    });
  }
}

function refused(reason: string): AppError {
  return new AppError('refused', reason, { reasons: [reason], unharmed: 'Nothing was started.' });
}
