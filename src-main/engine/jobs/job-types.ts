import type {
  Job,
  JobId,
  JobKind,
  JobResult,
  MachineId,
  Named,
  RepositoryId,
} from '#contract/domain.ts';
import type { Journals } from '#engine/catalog/journals.ts';

/** The machine a job is about. `uuid` names it in the history also where `id` is not known. */
export interface JobMachine {
  readonly id: MachineId | null;
  readonly uuid: string | null;
  readonly name: string;
}

/** What to run. */
export interface JobSpec {
  readonly kind: JobKind;
  readonly title: string; // "Back up web-01 to attic"
  readonly machine: JobMachine | null;
  readonly repository: Named<RepositoryId> | null;
  /** What stays behind if it is cancelled now; `setCancelEffect` changes it on the way. */
  readonly cancelEffect: string;
  /**
   * Which of the two this job really uses; what it does not use is only shown and blocks nobody.
   * Default: both. A restore that only names the machine its point came from says machine: false.
   */
  readonly requires?: { readonly machine: boolean; readonly repository: boolean };
  /**
   * What has to have happened first. Until it resolves the job is listed as queued, for the reason
   * in `words`, and is in nobody's way; what it rejects with is what the job fails with.
   */
  readonly after?: { readonly words: string; run(signal: AbortSignal): Promise<void> };
  /**
   * Does the work. Throw `cancelled` (or let `ctx.signal.reason` through) after cleaning up when
   * the signal fires; returning normally means it was finished after all.
   */
  run(context: JobContext): Promise<JobResult | null>;
}

export interface ProgressUpdate {
  /** What is being done now, in words: "Reading vda (1 of 2)". */
  readonly activity?: string;
  /** All four count from the start of the job, in bytes. */
  readonly doneBytes?: number;
  readonly totalBytes?: number | null;
  readonly readBytes?: number;
  readonly storedBytes?: number;
  /** What is said when nothing moves; the default is "Waiting for storage…". */
  readonly waitingFor?: string;
}

/** A place steps are recorded under: the job itself, or a step of it. */
export interface StepScope {
  /** Records the step while `work` runs. `inner` records steps inside this one. */
  step<T>(title: string, work: (inner: StepScope) => Promise<T>): Promise<T>;
  /** One line shown beside this step; on the job itself: beside the newest running step. */
  note(text: string): void;
}

/** What a running job may use. All of it is safe to call at any time and never throws. */
export interface JobContext extends StepScope {
  readonly id: JobId;
  readonly signal: AbortSignal;
  /** Call it as often as you like: at most four events a second leave. */
  progress(update: ProgressUpdate): void;
  setActivity(activity: string): void;
  setCancelEffect(text: string): void;
  /** Something needs a look although the job goes on; the job ends as `problems`. */
  addProblem(text: string): void;
  /** For steps that change a machine or a host. */
  readonly journals: Journals;
}

export interface JobLimits {
  readonly maxQueuedJobs: number;
  readonly maxRunningJobs: number;
  /** Ended jobs kept in memory with their results; older ones come from the catalog. */
  readonly maxRecentJobs: number;
  /** How long stop() waits for jobs that were told to cancel. */
  readonly stopTimeoutMs: number;
}

export const defaultJobLimits: JobLimits = {
  maxQueuedJobs: 100,
  maxRunningJobs: 4,
  maxRecentJobs: 50,
  stopTimeoutMs: 30_000,
};

export interface Jobs {
  /**
   * Queues the job; it starts before the caller's next turn when nothing is in its way.
   * @throws `machine-busy` or `repository-busy` (data.job, data.title name the other job),
   *   `refused` when the queue is full or the engine is stopping
   */
  start(spec: JobSpec): JobId;
  /** @throws `not-found` */
  get(id: JobId): Job;
  /** Newest first: those queued and running; with `all` also those that ended. */
  list(all: boolean): readonly Job[];
  /** Answers at once with the job as it is then. @throws `not-found` */
  cancel(id: JobId): Job;
  /** Resolves with the job when it has ended. @throws `not-found` */
  ended(id: JobId): Promise<Job>;
  /** The queued or running job that uses this machine, or null. */
  ofMachine(machine: MachineId): JobId | null;
  /** Refuses new jobs, cancels all and waits; resolves with those that did not end in time. */
  stop(): Promise<readonly JobId[]>;
}
