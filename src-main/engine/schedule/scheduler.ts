/**
 * The scheduler: looks at the plans, claims what is due, begins runs in turn and follows them. The
 * catalog is the truth; the timer here only says when to look next, and any look finds the same.
 * It looks at its start, every five minutes, when a time is due, when something changed and when
 * the computer woke. Nothing begins by itself before `start`: a command that ends soon must not.
 */
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Pause, PlanId, PlanRun, PlanRunId } from '#contract/plans.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { PlanRecord } from '#engine/catalog/plans.ts';
import { absenceBetween, remembered, type Absence, type Moment } from './absence.ts';
import { backUpBefore, endingRefusal } from './before-revert.ts';
import { beginPairs, keptPlan, lookAtPlan, pairsOf, type Looked, type Pair } from './claim.ts';
import { earliestClock } from './due.ts';
import { createKnowledge, type Knowledge, type KnownPlan } from './knowledge.ts';
import { tellOverdue } from './overdue.ts';
import type { ScheduleParts } from './parts.ts';
import { viewRun } from './plan-view.ts';
import { createRunQueue, type RunQueue } from './run-queue.ts';

/** How often the plans are looked at whatever the timer thinks; milliseconds. */
const lookEveryMs = 5 * 60_000;
/** How often the conditions of waiting runs are asked again; milliseconds. */
const askEveryMs = 60_000;
/** A timer for a time is set this much later, so that the time has come when it fires. */
const justAfterMs = 20;
const lastLookKey = 'schedule.last-look';

export type Trigger =
  { readonly kind: 'shutdown' } | { readonly kind: 'changed'; readonly bytes: number };

export interface Scheduler {
  readonly knowledge: Knowledge;
  /** From now on runs begin by themselves; what was cut off goes on. */
  start(): void;
  /**
   * Looks at every plan now, for a timer of somebody's own. Returns all that runs or waits then,
   * also what waited before or goes on after it was cut off.
   */
  runDue(): Promise<readonly PlanRun[]>;
  /** When it looked last, epoch ms, also before a restart; null: never. */
  lastLook(): number | null;
  /** What is kept of a plan changed. */
  changed(plan: PlanId): void;
  /** The computer woke, a host connected, a repository came back: look and ask again. */
  wake(): void;
  /** Claims and explains what this plan was due for until now, before it is changed. */
  settle(plan: PlanRecord): void;
  /** Begins a run of each machine, or of one, whatever the calendar and the conditions say. */
  run(plan: PlanRecord, machine: MachineId | null): readonly PlanRun[];
  runNow(id: PlanRunId): PlanRun;
  skip(id: PlanRunId): PlanRun;
  /** Skips what waits of a plan, but not `meant`. */
  skipWaiting(plan: PlanId, words: string, meant: (run: PlanRun) => boolean): void;
  /** Explains the times that came while the plan was removed. */
  explainRemoved(plan: PlanRecord): void;
  /** Something happened to a machine that a plan may begin a run for. */
  trigger(trigger: Trigger, machine: MachineId): readonly PlanRun[];
  /**
   * Runs the plans that want to before this machine goes back, and resolves with how they ended;
   * a run that waits or runs already is taken. The job of the revert must be in nobody's way
   * meanwhile: JobSpec.after.
   * @throws `refused` when a backup can not even be begun
   */
  beforeRevert(machine: MachineId): Promise<readonly PlanRun[]>;
  /** Begins nothing any more; what runs is cut off and goes on at the next start. */
  stop(): Promise<void>;
}

export function createScheduler(parts: ScheduleParts): Scheduler {
  return new CatalogScheduler(parts);
}

class CatalogScheduler implements Scheduler {
  readonly knowledge: Knowledge;
  readonly #parts: ScheduleParts;
  readonly #queue: RunQueue;
  #absences: readonly Absence[] = [];
  #lastMoment: Moment | null = null;
  #cancelTimer: () => void = () => undefined;
  /** When all plans were looked at last, by the wall clock. */
  #lookedAt = 0;
  /** When to look at the latest, by the clock that is never set. */
  #nextLook = 0;
  #active = false;
  #continued: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
    this.knowledge = createKnowledge(parts);
    this.#queue = createRunQueue(parts, this.knowledge, (runs, whole) => {
      if (whole) this.#tell(runs);
      else for (const run of runs) parts.onRun(viewRun(run));
      if (whole) this.#arm();
    });
  }

  start(): void {
    this.#activate();
    this.#lookAnyway();
  }

  async runDue(): Promise<readonly PlanRun[]> {
    this.#activate();
    await this.#continued;
    this.#look();
    const { planRuns } = this.#parts.catalog;
    const open = planRuns.open();
    // A command that ends when all of them only wait has to know what they wait for now.
    await this.#queue.asked();
    return open.map((run) => viewRun(planRuns.get(run.id) ?? run));
  }

  #look(): void {
    if (this.#stopped) return;
    this.#noticeTime();
    this.knowledge.forget();
    const looks = this.knowledge.plans().map((plan) => this.#lookAt(plan));
    this.#keepLastLook();
    const { clock } = this.#parts.world;
    this.#lookedAt = clock.now();
    this.#nextLook = clock.monotonic() + lookEveryMs;
    this.#tellLooked(looks);
    tellOverdue(this.#parts, this.knowledge);
    this.#go();
  }

  /** A look that nobody waits for: what breaks it is logged, and it is tried again soon. */
  #lookAnyway(): void {
    const { clock, log } = this.#parts.world;
    try {
      this.#look();
    } catch (thrown) {
      log.error('The plans could not be looked at', thrown);
      this.#lookedAt = clock.now();
      this.#nextLook = clock.monotonic() + askEveryMs;
      this.#go();
    }
  }

  lastLook(): number | null {
    const kept = this.#parts.catalog.settings.get(lastLookKey);
    return kept === null ? null : Number(kept);
  }

  changed(plan: PlanId): void {
    this.knowledge.forget();
    const uuids = this.#parts.catalog.plans.members(plan).map(({ uuid }) => uuid);
    const known = this.knowledge.plans().find(({ record }) => record.id === plan);
    this.#parts.onPlans([...uuids, ...(known?.members.here.map(({ uuid }) => uuid) ?? [])]);
    this.#go();
  }

  wake(): void {
    if (this.#active && !this.#stopped) this.#lookAnyway();
  }

  settle(record: PlanRecord): void {
    this.#noticeTime();
    this.#tellLooked([this.#lookAt(this.knowledge.plan(record))]);
    this.#go();
  }

  run(record: PlanRecord, machine: MachineId | null): readonly PlanRun[] {
    this.#activate();
    const known = this.knowledge.plan(record);
    const pairs = pairsOf(known).filter((pair) => machine === null || pair.machine.id === machine);
    if (pairs.length === 0) {
      throw new AppError('machine-not-found', 'The plan does not mean this machine.', {
        advice: 'Choose a machine of the plan, or change the plan.',
      });
    }
    const now = this.#parts.world.clock.now();
    return this.#begin(known, pairs, { cause: 'manual', due: now, forced: true });
  }

  runNow(id: PlanRunId): PlanRun {
    this.#activate();
    return viewRun(this.#queue.runNow(id));
  }

  skip(id: PlanRunId): PlanRun {
    return viewRun(this.#queue.skip(id, 'A person skipped it.'));
  }

  skipWaiting(plan: PlanId, words: string, meant: (run: PlanRun) => boolean): void {
    for (const run of this.#parts.catalog.planRuns.open()) {
      if (run.plan.id !== plan || run.state.kind !== 'waiting' || meant(run)) continue;
      this.#queue.skip(run.id, words);
    }
  }

  explainRemoved(record: PlanRecord): void {
    const pause: Pause = { kind: 'paused', until: this.#parts.world.clock.now() + 1 };
    const known = this.knowledge.plan({ ...record, pause, pausedAt: record.removedAt });
    const words = 'The plan was removed then, and was brought back later.';
    this.#tellLooked([lookAtPlan(this.#parts, known, this.#absences, words)]);
  }

  trigger(trigger: Trigger, machine: MachineId): readonly PlanRun[] {
    if (!this.#active || this.#stopped) return [];
    return this.knowledge.plans().flatMap((plan) => {
      const { triggers } = plan.record.draft;
      const wanted =
        trigger.kind === 'shutdown'
          ? triggers.shutdown
          : triggers.changedBytes !== null && trigger.bytes >= triggers.changedBytes;
      return wanted ? this.#triggered(plan, machine, trigger.kind) : [];
    });
  }

  async beforeRevert(machine: MachineId): Promise<readonly PlanRun[]> {
    if (this.#stopped) throw endingRefusal();
    this.#activate();
    await this.#continued; // what was cut off counts as it is after that
    const begin = (plan: KnownPlan, pair: Pair) => {
      const due = this.#parts.world.clock.now();
      const [run] = this.#begin(plan, [pair], { cause: 'before-revert', due, forced: true });
      return run?.id ?? null;
    };
    const { knowledge } = this;
    const revert = { parts: this.#parts, knowledge, queue: this.#queue, begin };
    return (await backUpBefore(revert, machine)).map(viewRun);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await this.#queue.stop();
    if (this.#active) this.#keepLastLook();
  }

  /** Only words depend on it: what keeps it from being written keeps no plan from its time. */
  #keepLastLook(): void {
    const { catalog, world } = this.#parts;
    try {
      catalog.settings.set(lastLookKey, String(world.clock.now()));
    } catch (thrown) {
      world.log.error('When the plans were looked at could not be kept', thrown);
    }
  }

  #activate(): void {
    if (this.#active) return;
    this.#active = true;
    try {
      this.#parts.catalog.planRuns.prune();
    } catch (thrown) {
      this.#parts.world.log.error('Old planned runs could not be dropped', thrown);
    }
    this.#continued = this.#queue.continueCutOff();
  }

  /** What the clocks say about the time since the last look, of this engine or an earlier one. */
  #noticeTime(): void {
    const { clock } = this.#parts.world;
    const moment = {
      wall: clock.now(),
      monotonic: clock.monotonic(),
      sinceBoot: clock.sinceBoot(),
    };
    const before = this.#lastMoment;
    this.#lastMoment = moment;
    if (before !== null) {
      this.#absences = remembered(this.#absences, absenceBetween(before, moment));
      return;
    }
    const from = this.lastLook();
    if (from === null || from >= moment.wall) return;
    const absence = { from, to: moment.wall, kind: 'not-running' } as const;
    this.#absences = remembered(this.#absences, absence);
  }

  #lookAt(plan: KnownPlan): Looked {
    const { catalog, world } = this.#parts;
    try {
      const looked = lookAtPlan(this.#parts, plan, this.#absences);
      const { id, pause } = plan.record;
      const now = world.clock.now();
      if (pause.kind === 'no' || pause.until === null || pause.until > now) return looked;
      catalog.plans.setPause(id, null, null);
      return { ...looked, moved: true };
    } catch (thrown) {
      // One plan that cannot be looked at keeps no other from its time; it is tried again.
      world.log.error(`The plan ${plan.record.draft.name} could not be looked at`, thrown);
      return { begun: [], rows: [], moved: false };
    }
  }

  #begin(
    plan: KnownPlan,
    pairs: readonly Pair[],
    wish: { cause: PlanRun['cause']; due: number; forced: boolean },
  ): readonly PlanRun[] {
    const whole = { ...wish, plan: keptPlan(plan.record) };
    const { begun, rows } = this.#parts.catalog.transaction(() =>
      beginPairs(this.#parts, pairs, whole),
    );
    this.#tell(rows);
    this.#go();
    return (begun.length > 0 ? begun : rows).map(viewRun);
  }

  /** Nothing when it is paused, works on it already, or has a point that is new enough. */
  #triggered(plan: KnownPlan, machine: MachineId, cause: PlanRun['cause']): readonly PlanRun[] {
    const { record } = plan;
    const { catalog, world } = this.#parts;
    const now = world.clock.now();
    if (record.pause.kind === 'paused' || now < earliestClock) return [];
    const open = catalog.planRuns.open().filter(({ plan: { id } }) => id === record.id);
    const newest = now - record.draft.triggers.shortestIntervalSeconds * 1000;
    const pairs = pairsOf(plan).filter((pair) => {
      if (pair.machine.id !== machine || pair.impossible !== '') return false;
      const { uuid } = pair.machine;
      const busy = open.some(
        (run) => run.machine.uuid === uuid && run.repository.id === pair.repository.id,
      );
      if (busy) return false;
      const good = catalog.points.newestGood(uuid, pair.repository.id, now);
      return good === null || good.time <= newest;
    });
    return pairs.length === 0 ? [] : this.#begin(plan, pairs, { cause, due: now, forced: false });
  }

  #tellLooked(looks: readonly Looked[]): void {
    const rows = looks.flatMap((looked) => looked.rows);
    if (rows.length === 0 && !looks.some(({ moved }) => moved)) return;
    this.#tell(rows); // and what was known is forgotten
  }

  #tell(runs: readonly PlanRunRecord[]): void {
    this.knowledge.forget();
    for (const run of runs) this.#parts.onRun(viewRun(run));
    this.#parts.onPlans([...new Set(runs.map(({ machine }) => machine.uuid))]);
  }

  #go(): void {
    if (!this.#active || this.#stopped) return;
    this.#queue.go();
    this.#arm();
  }

  #arm(): void {
    this.#cancelTimer();
    if (!this.#active || this.#stopped) return;
    const { clock } = this.#parts.world;
    const { look, ask } = this.#untilNext();
    this.#cancelTimer = clock.timer(Math.max(0, Math.min(look, ask)), () => {
      if (look <= ask) this.#lookAnyway();
      else this.#go();
    });
  }

  /** How long until the plans are looked at, and until what waits is asked again; milliseconds. */
  #untilNext(): { readonly look: number; readonly ask: number } {
    const { clock, log } = this.#parts.world;
    const planned = this.#nextLook - clock.monotonic();
    try {
      const ask = this.#parts.catalog.planRuns.waits() ? askEveryMs : Infinity;
      return { look: Math.min(planned, ...this.#untilTimes()), ask };
    } catch (thrown) {
      log.error('When the next plan is due could not be read', thrown);
      return { look: Math.min(Math.max(planned, 0), askEveryMs), ask: Infinity };
    }
  }

  #untilTimes(): readonly number[] {
    const now = this.#parts.world.clock.now();
    return (
      this.#parts.catalog.plans
        .list()
        .flatMap(({ nextDue, pause }) => [nextDue, pause.kind === 'no' ? null : pause.until])
        // What was due before the last look was looked at: asking again at once finds nothing else.
        .filter((time) => time !== null)
        .filter((time) => time > this.#lookedAt)
        .map((time) => Math.max(time - now, 0) + justAfterMs)
    );
  }
}
