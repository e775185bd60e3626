/**
 * One look at one plan: what is due is claimed, what passed is explained, and the next due is kept,
 * all in one transaction, so that a time is claimed once whoever looks and whatever happens.
 */
import type { MachineId, Named, RepositoryId } from '#contract/domain.ts';
import type { PlanRunId, PlanRunState } from '#contract/plans.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { PlanRecord } from '#engine/catalog/plans.ts';
import { absenceWords, type Absence } from './absence.ts';
import type { KeptPlan } from './conditions.ts';
import { dueNow, type Due } from './due.ts';
import { pairKey, pairOf, type KnownPlan } from './knowledge.ts';
import type { ScheduleParts } from './parts.ts';
import { newRun, replacedWords, type RunWish } from './run-record.ts';

/** Rows for missed times of one plan in one look, one each; older ones share a row a machine. */
export const maxMissedRows = 500;

/** Whom and where a run is about, and what keeps it from ever beginning. */
export interface Pair {
  readonly machine: { readonly id: MachineId | null; readonly uuid: string; readonly name: string };
  readonly repository: Named<RepositoryId>;
  /** '' when it may begin. */
  readonly impossible: string;
}

export function keptPlan({ id, draft }: PlanRecord): KeptPlan {
  return { ...draft, id };
}

/** Every machine with every repository, also those that are gone. Never empty. */
export function pairsOf({ record, members, repositories }: KnownPlan): readonly Pair[] {
  const gone = members.gone.map(({ uuid, name }) => ({
    machine: { id: null, uuid, name },
    impossible: `${name} is on no host any more. Its restore points stay.`,
  }));
  const here = members.here.map(({ id, uuid, name }) => ({
    machine: { id, uuid, name },
    impossible: '',
  }));
  const nobody = {
    machine: { id: null, uuid: '', name: '' },
    impossible: 'The plan means no machine now.',
  };
  const subjects = here.length + gone.length === 0 ? [nobody] : [...here, ...gone];
  return record.draft.repositories.flatMap((id) => {
    const repository = repositories.find((one) => one.id === id);
    const removed = `The repository of this plan is not known here any more.`;
    return subjects.map(({ machine, impossible }) => ({
      machine,
      repository: repository ?? { id, name: '' },
      impossible: repository === undefined ? removed : impossible,
    }));
  });
}

export interface Looked {
  /** Runs that wait to begin now. */
  readonly begun: readonly PlanRunRecord[];
  /** All that were made or changed. */
  readonly rows: readonly PlanRunRecord[];
  /** True when what is kept of the plan changed. */
  readonly moved: boolean;
}

/** `pausedWords` is what a time that came while it was paused is told to be. */
export function lookAtPlan(
  parts: ScheduleParts,
  known: KnownPlan,
  absences: readonly Absence[],
  pausedWords = 'The plan was paused.',
): Looked {
  const { catalog, world } = parts;
  const { record, times, members } = known;
  if (members.fresh.length + members.forget.length > 0) {
    catalog.plans.remember(record.id, members.fresh);
    for (const uuid of members.forget) catalog.plans.forget(record.id, uuid);
  }
  const { nextDue } = record;
  const early = nextDue !== null && world.clock.now() < nextDue;
  // Most looks end here, without a write.
  if (times === null || (early && times.next(world.clock.now()) === nextDue)) {
    return { begun: [], rows: [], moved: false };
  }
  return catalog.transaction(() => {
    const now = world.clock.now();
    const pairs = pairsOf(known);
    const due = dueNow({
      times,
      zone: record.draft.zone,
      nextDue,
      now,
      catchUp: record.draft.catchUp,
      pause: record.pause,
      pausedAt: record.pausedAt,
      pausedWords,
      claimed: catalog.planRuns.claimedAfter(record.id, now),
      maxMissed: Math.max(1, Math.floor(maxMissedRows / pairs.length)),
      why: (time) => absenceWords(absences, time, record.draft.zone),
    });
    const moved = due.nextDue !== record.nextDue;
    if (moved) catalog.plans.setNextDue(record.id, due.nextDue);
    const begun = claim(parts, known, pairs, due, absences);
    return { ...begun, moved };
  });
}

function claim(
  parts: ScheduleParts,
  { record }: KnownPlan,
  pairs: readonly Pair[],
  due: Due,
  absences: readonly Absence[],
): Pick<Looked, 'begun' | 'rows'> {
  const plan = keptPlan(record);
  const now = parts.world.clock.now();
  const rows: PlanRunRecord[] = [];
  for (const { due: time, kind, times, words } of due.passed) {
    for (const { machine, repository } of pairs) {
      const state: PlanRunState = { kind, at: now, words };
      rows.push(
        ...insert(parts, { plan, machine, repository, cause: 'schedule', due: time, state, times }),
      );
    }
  }
  if (due.begin === null) return { begun: [], rows };
  const { due: time, cause } = due.begin;
  const late = `${absenceWords(absences, time, record.draft.zone)} It is made up for now.`;
  const log = cause === 'catch-up' ? [late] : [];
  // The clock was ahead once and took this time for missed.
  parts.catalog.planRuns.dropMissed(record.id, time);
  const begun = beginPairs(parts, pairs, { plan, cause, due: time, log });
  return { begun: begun.begun, rows: [...rows, ...begun.rows] };
}

/** A row for each pair: waiting for its turn, or skipped with what makes it impossible. */
export function beginPairs(
  parts: ScheduleParts,
  pairs: readonly Pair[],
  wish: Pick<RunWish, 'plan' | 'cause' | 'due' | 'log' | 'forced' | 'continuesFrom'>,
): Pick<Looked, 'begun' | 'rows'> {
  const now = parts.world.clock.now();
  const begun: PlanRunRecord[] = [];
  const rows: PlanRunRecord[] = [];
  const waiting = waitingByPair(parts);
  for (const { machine, repository, impossible } of mostOverdueFirst(parts, pairs)) {
    if (impossible !== '') {
      const state: PlanRunState = { kind: 'skipped', at: now, words: impossible };
      rows.push(...insert(parts, { ...wish, machine, repository, state }));
      continue;
    }
    const words = 'Waits for its turn.';
    const state: PlanRunState = { kind: 'waiting', reason: 'turn', words, since: now };
    const older = waiting.get(pairKey(wish.plan.id, machine.uuid, repository.id));
    const forced = wish.forced === true || older?.forced === true;
    const made = insert(parts, { ...wish, machine, repository, state, forced });
    if (made.length === 0) continue; // claimed before
    begun.push(...made);
    if (older !== undefined) rows.push(replace(parts, older, wish));
  }
  return { begun, rows: [...rows, ...begun] };
}

/** Those without any good point, then those with the oldest; each keeps its place in the queue. */
function mostOverdueFirst(
  { catalog, world }: ScheduleParts,
  pairs: readonly Pair[],
): readonly Pair[] {
  const now = world.clock.now();
  const good = ({ machine, repository }: Pair) =>
    catalog.points.newestGood(machine.uuid, repository.id, now)?.time ?? 0;
  return pairs
    .map((pair) => ({ pair, good: good(pair) }))
    .sort((a, b) => a.good - b.good || a.pair.machine.name.localeCompare(b.pair.machine.name))
    .map(({ pair }) => pair);
}

function insert(parts: ScheduleParts, wish: RunWish): readonly PlanRunRecord[] {
  const run = newRun(parts.world.ids.ulid() as PlanRunId, wish);
  return parts.catalog.planRuns.insert(run) ? [run] : [];
}

function replace(
  { catalog, world }: ScheduleParts,
  older: PlanRunRecord,
  { cause, plan }: Pick<RunWish, 'cause' | 'plan'>,
): PlanRunRecord {
  const words = replacedWords(older, cause, plan.zone);
  const run = { ...older, state: { kind: 'skipped', at: world.clock.now(), words } as const };
  catalog.planRuns.update(run);
  return run;
}

function waitingByPair({ catalog }: ScheduleParts): ReadonlyMap<string, PlanRunRecord> {
  const waiting = catalog.planRuns.open().filter(({ state }) => state.kind === 'waiting');
  return new Map(waiting.map((run) => [pairOf(run), run]));
}
