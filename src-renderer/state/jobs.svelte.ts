/**
 * The jobs of this session, running first. Keeps what a bar needs so that it never runs backwards
 * (ux.md P3): the furthest share seen of each job.
 */
import type { Client } from '#contract/client.ts';
import type { Job, JobId, JobState } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { Loading } from './loading.svelte.ts';

/** Ended jobs held for the result page; older ones are in the history. */
const maxEndedJobs = 200;

export function hasEnded(state: JobState): boolean {
  return state.kind !== 'queued' && state.kind !== 'running' && state.kind !== 'cancelling';
}

function share(job: Job): number {
  const progress = job.progress;
  if (progress?.totalBytes === undefined || progress.totalBytes === null) return 0;
  if (progress.totalBytes === 0) return 0;
  return Math.min(1, progress.doneBytes / progress.totalBytes);
}

export class Jobs {
  readonly #client: Client;
  readonly #list = new Loading<readonly Job[]>([]);
  readonly #furthest = new Map<JobId, number>();
  readonly #listeners = new Set<(job: Job) => void>();

  constructor(client: Client) {
    this.#client = client;
    client.on('jobs.changed', (job) => this.#put(job));
  }

  #put(job: Job): void {
    const before = this.all.find((other) => other.id === job.id);
    // Replies and events come on two wires: a late reply must not wake a job that has ended.
    if (before !== undefined && hasEnded(before.state) && !hasEnded(job.state)) return;
    this.#furthest.set(job.id, Math.max(this.#furthest.get(job.id) ?? 0, share(job)));
    const others = this.all.filter((other) => other.id !== job.id);
    const running = others.filter((other) => !hasEnded(other.state));
    const ended = others.filter((other) => hasEnded(other.state)).slice(0, maxEndedJobs);
    this.#list.patch([job, ...running, ...ended].sort((a, b) => b.createdAt - a.createdAt));
    const endedNow = hasEnded(job.state) && (before === undefined || !hasEnded(before.state));
    if (endedNow) for (const listener of this.#listeners) listener(job);
  }

  /** Newest first, ended ones included. */
  get all(): readonly Job[] {
    return this.#list.value;
  }

  /** Running, cancelling and waiting, in the order they started. */
  get active(): readonly Job[] {
    return this.all.filter((job) => !hasEnded(job.state)).toReversed();
  }

  get loaded(): boolean {
    return this.#list.loaded;
  }

  get problem(): AppError | null {
    return this.#list.problem;
  }

  byId(id: JobId): Job | null {
    return this.all.find((job) => job.id === id) ?? null;
  }

  /** Share done, 0 to 1, never less than it was; null while there is no total to be a share of. */
  fraction(job: Job): number | null {
    if ((job.progress?.totalBytes ?? 0) === 0) return null;
    return Math.max(this.#furthest.get(job.id) ?? 0, share(job));
  }

  /** Called once for every job that ends while the window is open. */
  onEnd(listener: (job: Job) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  load(): Promise<void> {
    return this.#list.read(() => this.#client.call('jobs.list', { all: true }));
  }

  /** Reads one job that an event did not bring: a link from the history, a fresh start. */
  async find(id: JobId): Promise<Job> {
    const known = this.byId(id);
    if (known !== null) return known;
    const job = await this.#client.call('jobs.get', { job: id });
    if (this.byId(id) === null) this.#put(job);
    return this.byId(id) ?? job;
  }

  /** Answers with the job as cancelling, or as it ended meanwhile. */
  async cancel(id: JobId): Promise<void> {
    this.#put(await this.#client.call('jobs.cancel', { job: id }));
  }
}
