/** One job from its start to its end: its state, its record as others see it, what it may use. */
import type { Job, JobId, JobResult, JobState, Outcome } from '#contract/domain.ts';
import { AppError, toWireError } from '#contract/errors.ts';
import type { Journals } from '#engine/catalog/journals.ts';
import type { World } from '#engine/world/world.ts';
import { createEmission, type Emission } from './emission.ts';
import type { JobContext, JobSpec } from './job-types.ts';
import { createMeter, type Meter } from './progress.ts';
import { createStepLog, type StepLog } from './steps.ts';

/** How often time left, speed and stalling are looked at, in milliseconds. */
const tickMs = 1000;
/** Problems beyond this many are in the log only. */
const maxProblems = 100;

const endedKinds: readonly JobState['kind'][] = ['done', 'problems', 'failed', 'cancelled'];

export function isEnded(state: JobState): state is Outcome {
  return endedKinds.includes(state.kind);
}

/** An error thrown on purpose, or Node's own answer to a signal that fired. */
function isExpected(thrown: unknown): boolean {
  return thrown instanceof AppError || (thrown instanceof Error && thrown.name === 'AbortError');
}

export class JobEntry {
  readonly id: JobId;
  readonly spec: JobSpec;
  readonly #world: World;
  readonly #journals: Journals;
  readonly #controller = new AbortController();
  readonly #problems: string[] = [];
  readonly #emission: Emission;
  readonly #steps: StepLog;
  readonly #createdAt: number;
  #startedAt: number | null = null;
  #state: JobState = { kind: 'queued', waitsFor: '' };
  #meter: Meter | null = null;
  #cancelEffect: string;
  #result: JobResult | null = null;
  #stopTicking: (() => void) | null = null;
  #before: { readonly thrown: unknown } | null = null;

  constructor(world: World, journals: Journals, spec: JobSpec, emit: (job: Job) => void) {
    this.id = world.ids.ulid() as JobId;
    this.spec = spec;
    this.#world = world;
    this.#journals = journals;
    this.#cancelEffect = spec.cancelEffect;
    this.#createdAt = world.clock.now();
    this.#emission = createEmission(world.clock, () => {
      emit(this.job());
    });
    this.#steps = createStepLog(
      () => world.clock.now(),
      () => {
        this.#changed();
      },
    );
  }

  /** Fires when the job is cancelled. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get state(): JobState {
    return this.#state;
  }

  /** The record as it is now. */
  job(): Job {
    const { kind, title, machine, repository } = this.spec;
    return {
      id: this.id,
      kind,
      title,
      machine: machine === null ? null : { id: machine.id, name: machine.name },
      repository,
      createdAt: this.#createdAt,
      startedAt: this.#startedAt,
      state: this.#state,
      progress: this.#meter?.current() ?? null,
      steps: this.#steps.snapshot(),
      cancelEffect: this.#cancelEffect,
      result: this.#result,
    };
  }

  wait(waitsFor: string): void {
    if (this.#state.kind !== 'queued' || this.#state.waitsFor === waitsFor) return;
    this.#state = { kind: 'queued', waitsFor };
    this.#emission.now();
  }

  /** What had to happen first did not: running it only says so. */
  failBefore(thrown: unknown): void {
    this.#before = { thrown };
  }

  /** Runs it to its end; never rejects. */
  async run(): Promise<void> {
    const { clock } = this.#world;
    this.#state = { kind: 'running' };
    this.#startedAt = clock.now();
    this.#meter = createMeter(clock.monotonic());
    this.#emission.now();
    this.#tickLater();
    try {
      await Promise.resolve(); // whoever started it gets the id first
      this.#controller.signal.throwIfAborted();
      if (this.#before !== null) throw this.#before.thrown;
      this.#result = await this.spec.run(this.#context());
      this.#end(this.#finished());
    } catch (thrown) {
      this.#end(this.#failed(thrown));
    }
  }

  /** Tells a running job to cancel; one that is queued ends here. */
  cancel(): void {
    if (this.#state.kind === 'queued') {
      this.#controller.abort(new AppError('cancelled', 'Cancelled.'));
      this.#end(this.#cancelled());
    } else if (this.#state.kind === 'running') {
      this.#state = { kind: 'cancelling' };
      this.#controller.abort(new AppError('cancelled', 'Cancelled.'));
      this.#emission.now();
    }
  }

  /** Something went wrong around the job itself, after its end. */
  addLateProblem(text: string): void {
    this.#addProblem(text);
    if (this.#state.kind === 'done' || this.#state.kind === 'problems') {
      this.#state = this.#finished();
    }
  }

  /** Sends the record as it ended: the last event of this job. */
  announceEnd(): void {
    this.#emission.now();
  }

  #context(): JobContext {
    return {
      id: this.id,
      signal: this.#controller.signal,
      journals: this.#journals,
      step: (title, work) => this.#steps.root.step(title, work),
      note: (text) => {
        this.#steps.root.note(text);
      },
      progress: (update) => {
        this.#meter?.update(update, this.#world.clock.monotonic());
        this.#changed();
      },
      setActivity: (activity) => {
        this.#meter?.update({ activity }, this.#world.clock.monotonic());
        this.#changed();
      },
      setCancelEffect: (text) => {
        this.#cancelEffect = text;
        this.#changed();
      },
      addProblem: (text) => {
        this.#addProblem(text);
      },
    };
  }

  #changed(): void {
    if (!isEnded(this.#state)) this.#emission.soon();
  }

  #addProblem(text: string): void {
    this.#world.log.warn('A job has a problem', { job: this.id, problem: text });
    if (this.#problems.length < maxProblems) this.#problems.push(text);
  }

  #tickLater(): void {
    this.#stopTicking = this.#world.clock.timer(tickMs, () => {
      const before = JSON.stringify(this.#meter?.current());
      this.#meter?.tick(this.#world.clock.monotonic());
      if (JSON.stringify(this.#meter?.current()) !== before) this.#changed();
      this.#tickLater();
    });
  }

  #finished(): Outcome {
    const at = isEnded(this.#state) ? this.#state.at : this.#world.clock.now();
    if (this.#problems.length === 0) return { kind: 'done', at };
    return { kind: 'problems', at, problems: [...this.#problems] };
  }

  #cancelled(): Outcome {
    const at = this.#world.clock.now();
    if (this.#problems.length === 0) return { kind: 'cancelled', at };
    return { kind: 'cancelled', at, problems: [...this.#problems] };
  }

  #failed(thrown: unknown): Outcome {
    const { log, clock } = this.#world;
    if (this.#controller.signal.aborted && isExpected(thrown)) {
      // What breaks because it was told to stop is the cancel working, not a failure.
      log.info('A job was cancelled', { job: this.id, ended: String(thrown) });
      return this.#cancelled();
    }
    const logId = log.error(`Job ${this.id} (${this.spec.kind}) failed`, thrown);
    return { kind: 'failed', at: clock.now(), error: toWireError(thrown, logId) };
  }

  #end(outcome: Outcome): void {
    this.#stopTicking?.();
    this.#emission.stop();
    const good = outcome.kind === 'done' || outcome.kind === 'problems';
    this.#steps.close(good ? 'done' : outcome.kind === 'cancelled' ? 'skipped' : 'failed');
    this.#meter?.finish(good, this.#world.clock.monotonic());
    this.#state = outcome;
    this.#emission.stop(); // closing the steps asked for one more event
  }
}
