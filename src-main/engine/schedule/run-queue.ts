/**
 * Runs that were claimed, from waiting to their end: whose turn it is, what each waits for, and
 * what came of it. The rows in the catalog are the queue; only what runs now is kept in memory.
 */
import type { HostId, MachineId } from '#contract/domain.ts';
import { AppError, type WireError } from '#contract/errors.ts';
import type { PlanRunId, PlanRunState, PlanRunStep } from '#contract/plans.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import { keptPlan } from './claim.ts';
import type { PlannedMachine, Wait } from './conditions.ts';
import { continueCutOff, goodSince, type Continued } from './continue.ts';
import { earliestClock, onTimeMs } from './due.ts';
import type { Knowledge } from './knowledge.ts';
import type { ScheduleParts } from './parts.ts';
import { runPlanned } from './run-plan.ts';
import { tellEnd } from './run-news.ts';
import { isOpen } from './run-record.ts';
import { momentWords } from './time-words.ts';
import { inTurn, turnOf, type ActiveRun } from './turns.ts';

/** Conditions asked at the same time. */
const maxAsked = 8;

export interface RunQueue {
  /** Begins what may; asks the conditions of what waits. Resolves at once. */
  go(): void;
  /** Goes, and resolves when everything that waits was asked once whether it still has to. */
  asked(): Promise<void>;
  /** @throws `plan-run-not-found`, `refused` when it does not wait */
  runNow(id: PlanRunId): PlanRunRecord;
  /** @throws as `runNow` */
  skip(id: PlanRunId, words: string): PlanRunRecord;
  /**
   * Resolves when the run is over, or with the run as it is when the engine stops or nobody goes
   * on with it. One that has to wait for long is not followed: it resolves as it waits then, and
   * is skipped where it was made for a revert alone.
   */
  ended(id: PlanRunId): Promise<PlanRunRecord>;
  /**
   * Explains runs that were cut off by the end of an earlier engine, and goes on with them. Nothing
   * else begins before it resolves.
   */
  continueCutOff(): Promise<void>;
  stop(): Promise<void>;
}

/** `whole` is false where only the step of a run changed, or what is known of it. */
type Changed = (runs: readonly PlanRunRecord[], whole: boolean) => void;

export function createRunQueue(
  parts: ScheduleParts,
  knowledge: Knowledge,
  changed: Changed,
): RunQueue {
  return new CatalogQueue(parts, knowledge, changed);
}

class CatalogQueue implements RunQueue {
  readonly #parts: ScheduleParts;
  readonly #knowledge: Knowledge;
  readonly #changed: Changed;
  readonly #active = new Map<PlanRunId, ActiveRun>();
  readonly #enders = new Map<PlanRunId, ((run: PlanRunRecord) => void)[]>();
  /** How often a run went back to waiting. */
  readonly #returns = new Map<PlanRunId, number>();
  /** Ends that could not be kept, because the disk was full; tried again with each round. */
  readonly #unkept = new Map<PlanRunId, PlanRunRecord>();
  readonly #stop = new AbortController();
  #going: Promise<void> | null = null;
  #continuing: Promise<void> = Promise.resolve();
  #again = false;

  constructor(parts: ScheduleParts, knowledge: Knowledge, changed: Changed) {
    this.#parts = parts;
    this.#knowledge = knowledge;
    this.#changed = changed;
  }

  go(): void {
    this.#again = true;
    this.#going ??= this.#rounds().finally(() => {
      this.#going = null;
      if (this.#again && !this.#stopping()) this.go(); // asked for while the last round ended
    });
  }

  async asked(): Promise<void> {
    this.go();
    await this.#going;
  }

  runNow(id: PlanRunId): PlanRunRecord {
    const waiting = this.#waiting(id);
    // What it waited for is in its way no more: whoever follows it must not take it for lasting.
    const state: PlanRunState = {
      ...{ kind: 'waiting', reason: 'turn', words: 'Waits for its turn.' },
      since: this.#now(),
    };
    const run = { ...waiting, state, forced: true };
    this.#save(run);
    this.go();
    return run;
  }

  skip(id: PlanRunId, words: string): PlanRunRecord {
    return this.#end(this.#waiting(id), { kind: 'skipped', at: this.#now(), words });
  }

  ended(id: PlanRunId): Promise<PlanRunRecord> {
    const run = this.#parts.catalog.planRuns.get(id);
    if (run === null) return Promise.reject(notFound(id));
    const nobodyRuns = run.state.kind === 'running' && !this.#active.has(id);
    if (!isOpen(run) || nobodyRuns || this.#stopping()) return Promise.resolve(run);
    return new Promise((resolve) => {
      this.#enders.set(id, [...(this.#enders.get(id) ?? []), resolve]);
      this.go();
    });
  }

  continueCutOff(): Promise<void> {
    this.#continuing = (async () => {
      const { signal } = this.#stop;
      for (const next of await continueCutOff(this.#parts, this.#active, signal)) {
        if (this.#stopping()) return;
        this.#goOn(next);
      }
      this.go();
    })().catch((thrown: unknown) => {
      this.#parts.world.log.error('Going on with cut-off runs failed', thrown);
    });
    return this.#continuing;
  }

  #goOn({ run, from, lost }: Continued): void {
    try {
      if (from === null) this.#changed([run], true);
      else this.#begin(run, from, lost);
    } catch (thrown) {
      this.#parts.world.log.error('A cut-off run could not go on', thrown);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#going;
    // Their jobs are cancelled by the engine, after this: nobody waits for them here.
    for (const [id, resolvers] of this.#enders) {
      const run = this.#parts.catalog.planRuns.get(id);
      if (run !== null) for (const resolve of resolvers) resolve(run);
    }
    this.#enders.clear();
  }

  #now(): number {
    return this.#parts.world.clock.now();
  }

  #stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  #waiting(id: PlanRunId): PlanRunRecord {
    const run = this.#parts.catalog.planRuns.get(id);
    if (run === null) throw notFound(id);
    if (run.state.kind === 'waiting' && !this.#active.has(id)) return run;
    throw new AppError('refused', 'This run does not wait any more.', {
      reasons: ['This run does not wait any more.'],
      unharmed: 'Nothing was changed.',
    });
  }

  #save(run: PlanRunRecord): void {
    const { planRuns } = this.#parts.catalog;
    const before = planRuns.get(run.id);
    planRuns.update(run);
    const active = this.#active.get(run.id);
    if (active !== undefined) this.#active.set(run.id, { ...active, run });
    const same = JSON.stringify(shown(before)) === JSON.stringify(shown(run));
    if (!same) this.#changed([run], before?.state.kind !== run.state.kind);
  }

  #end(run: PlanRunRecord, state: PlanRunState): PlanRunRecord {
    const ended = { ...run, state };
    this.#save(ended);
    this.#resolve(ended);
    return ended;
  }

  #resolve(run: PlanRunRecord): void {
    for (const resolve of this.#enders.get(run.id) ?? []) resolve(run);
    this.#enders.delete(run.id);
    this.#returns.delete(run.id);
  }

  async #rounds(): Promise<void> {
    await this.#continuing;
    while (this.#again && !this.#stopping()) {
      this.#again = false;
      try {
        await this.#round();
      } catch (thrown) {
        this.#parts.world.log.error('Beginning planned runs failed', thrown);
      }
    }
  }

  /** In turn; the conditions of several are asked at once, because some answers take a while. */
  async #round(): Promise<void> {
    const { planRuns } = this.#parts.catalog;
    for (const run of this.#unkept.values()) this.#keep(run);
    const waiting = planRuns.open().filter(({ state }) => state.kind === 'waiting');
    const ordered = inTurn(waiting);
    for (let first = 0; first < ordered.length; first += maxAsked) {
      const some = ordered.slice(first, first + maxAsked);
      const waits = await Promise.all(some.map((run) => this.#ask(run)));
      for (const [index, { id }] of some.entries()) {
        if (this.#stopping()) return;
        const run = planRuns.get(id);
        // It may have been skipped or replaced while the conditions were asked.
        if (run?.state.kind !== 'waiting' || this.#active.has(id)) continue;
        this.#beginOrWait(run, waits[index] ?? null);
      }
    }
  }

  async #ask(run: PlanRunRecord): Promise<Wait | null> {
    const soon = this.#inTheWay(run);
    if (soon !== null || run.forced) return soon;
    const about = this.#about(run);
    if (about === null) return null;
    return this.#parts.conditions.check(about.plan, about.machine, run.repository);
  }

  /** What the scheduler itself knows to be in the way. */
  #inTheWay(run: PlanRunRecord): Wait | null {
    const about = this.#about(run);
    if (about === null) return this.#unreadable(run); // else told when it would begin
    if (this.#now() < earliestClock) {
      const words =
        'Waits for the right time: the clock of this computer shows a time before 2020.';
      return { reason: 'turn', words };
    }
    const { machine, plan } = about;
    const { machinesAtOnce: atOnce } = plan.limits;
    const { zone } = plan;
    const turn = turnOf(run, { host: machine.host, atOnce, zone }, [...this.#active.values()]);
    if (turn !== null) return turn;
    const host = this.#parts.seen().hosts.find(({ id }) => id === machine.host);
    if (host?.connected === false) {
      const words = `Waits for the host ${host.name}, which does not answer.`;
      return { reason: 'host-unreachable', words };
    }
    return this.#otherJob(machine.id);
  }

  /** A plan that is there and could not be read: whom it means is not known, and asked again. */
  #unreadable({ plan: { id } }: PlanRunRecord): Wait | null {
    if (this.#knowledge.plans().some(({ record }) => record.id === id)) return null;
    if (this.#parts.catalog.plans.get(id)?.removedAt !== null) return null;
    const words = 'Waits until its plan can be read; the log says what is wrong with it.';
    return { reason: 'turn', words };
  }

  #otherJob(machine: MachineId): Wait | null {
    const job = this.#parts.jobs.ofMachine(machine);
    if (job === null) return null;
    const { title } = this.#parts.jobs.get(job);
    return { reason: 'other-job', words: `Waits until “${title}” has ended.` };
  }

  #beginOrWait(run: PlanRunRecord, asked: Wait | null): void {
    const needless = this.#needless(run);
    if (needless !== null) {
      this.#end(run, { kind: 'skipped', at: this.#now(), words: needless });
      return;
    }
    const wait = asked ?? this.#inTheWay(run);
    if (wait === null) {
      const made = this.#madeMeanwhile(run);
      if (made === null) this.#begin(run, 'before');
      else this.#begin({ ...run, point: made.id }, 'verify');
      return;
    }
    const { state } = run;
    if (state.kind !== 'waiting') return;
    const waits = { ...run, state: { kind: 'waiting', ...wait, since: state.since } as const };
    if (state.reason !== wait.reason || state.words !== wait.words) this.#save(waits);
    this.#letGo(waits, wait);
  }

  /** Nobody follows what waits for long. It waits on, unless it was made for a revert alone. */
  #letGo(run: PlanRunRecord, { reason, words: why }: Wait): void {
    if (!this.#enders.has(run.id) || reason === 'turn' || reason === 'other-job') return;
    const words = `It could not run at once. ${why}`;
    if (run.cause !== 'before-revert') this.#resolve(run);
    else this.#end(run, { kind: 'skipped', at: this.#now(), words });
  }

  /** Why a run is not needed or not possible any more; null when it is. */
  #needless(run: PlanRunRecord): string | null {
    if (this.#unreadable(run) !== null) return null;
    if (this.#about(run) === null) return `${run.machine.name} is not meant by the plan any more.`;
    const late = run.cause === 'schedule' && this.#now() - run.due > onTimeMs;
    if (run.cause !== 'catch-up' && !late) return null;
    const good = goodSince(this.#parts, run, run.due);
    if (good === null) return null;
    const zone = this.#parts.catalog.plans.get(run.plan.id)?.draft.zone ?? 'UTC';
    const when = momentWords(good.time, zone);
    return `Not needed: there is a good restore point of ${when}, made after this time.`;
  }

  /** The restore point of the run that was cut off, which could not be looked for at first. */
  #madeMeanwhile(run: PlanRunRecord) {
    return run.continuesFrom === null ? null : goodSince(this.#parts, run, run.continuesFrom);
  }

  #about(run: PlanRunRecord) {
    const plan = this.#knowledge.plans().find(({ record }) => record.id === run.plan.id);
    const machine: PlannedMachine | undefined = plan?.byUuid.get(run.machine.uuid);
    if (plan === undefined || machine === undefined) return null;
    return { plan: keptPlan(plan.record), machine };
  }

  #begin(run: PlanRunRecord, from: PlanRunStep, lost: WireError | null = null): void {
    const record = this.#parts.catalog.plans.get(run.plan.id);
    if (record === null) return;
    const about = this.#about(run);
    const host = about?.machine.host ?? ('' as HostId);
    const begun: PlanRunRecord = {
      ...run,
      machine: { ...run.machine, id: about?.machine.id ?? run.machine.id },
      startedAt: run.startedAt ?? this.#now(),
      state: { kind: 'running', step: from },
    };
    this.#active.set(run.id, { run: begun, host });
    try {
      this.#save(begun);
    } catch (thrown) {
      this.#active.delete(run.id); // it did not begin
      throw thrown;
    }
    const order = {
      plan: keptPlan(record),
      run: begun,
      ...{ from, lost },
      returns: this.#returns.get(run.id) ?? 0,
      signal: this.#stop.signal,
      save: (next: PlanRunRecord) => {
        this.#save(next);
      },
    };
    void runPlanned(this.#parts, order)
      .then((state) => {
        this.#over(run.id, state);
      })
      .catch((thrown: unknown) => {
        this.#parts.world.log.error('The end of a planned run could not be told', thrown);
      });
  }

  #over(id: PlanRunId, state: PlanRunState | null): void {
    const run = this.#active.get(id)?.run;
    this.#active.delete(id);
    if (run === undefined || state === null || this.#stopping()) return;
    const over = { ...run, state };
    if (state.kind === 'waiting') {
      this.#returns.set(id, (this.#returns.get(id) ?? 0) + 1);
      this.#keep(over);
      this.#letGo(over, state);
      return; // asked again with the next look: what it met was there a moment ago
    }
    this.#keep(over);
    this.#resolve(over);
    this.go();
    tellEnd(this.#parts, over);
  }

  /** What cannot be kept now is over all the same, and is kept as soon as it can be. */
  #keep(run: PlanRunRecord): void {
    try {
      this.#save(run);
      this.#unkept.delete(run.id);
    } catch (thrown) {
      this.#parts.world.log.error('The end of a planned run could not be kept', thrown);
      this.#unkept.set(run.id, run);
    }
  }
}

/** What others see change; lines of the log come along with the next of these. */
function shown(run: PlanRunRecord | null) {
  return run === null ? null : [run.state, run.job, run.point, run.forced];
}

function notFound(id: PlanRunId): AppError {
  return new AppError('plan-run-not-found', 'There is no such planned run.', { run: id });
}
