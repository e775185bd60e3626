/**
 * Whether a machine is as protected as its plan asks, from its last good restore point against the
 * calendar, never from "the last job ran". Pure.
 *
 *   failing     the newest run that ended has failed, and no good point came since its time; or the
 *               repository is not known here any more, so no run can begin
 *   never       no good point yet in any of the plan's repositories
 *   overdue     the last good point is older than the newest planned time whose grace is over
 *   protected   none of these
 *
 * The grace of a planned time lasts until the next one, at most a day: so long a run may wait or
 * take. A plan with several repositories is met when each has its point. What a plan asks for
 * begins with its first time after it was made; until then points from before it have to be as new
 * as if it had been there before. A plan without a calendar asks for a point in each span of
 * `overdueAfterSeconds`.
 */
import type { Protection } from '#contract/domain.ts';
import type { PlanRunState } from '#contract/plans.ts';
import type { Times } from './calendar.ts';
import { momentWords } from './time-words.ts';

const maxGraceMs = 86_400_000;
/** A point may be this much older than the time it was made for: clocks are set by a little. */
const slackMs = 60_000;

/** Of a plan with a calendar, until the grace of its first time is over. */
export interface Start {
  /** A point has to be this new, had the plan been there before. */
  readonly since: number;
  /** The first time of the plan, which may have come already. */
  readonly first: number | null;
}

export interface Demand {
  readonly zone: string;
  /** A good point has to be at least this new; null: nothing is asked for yet. */
  readonly since: number | null;
  /** While `since` is null: what a point from before the plan is measured by. */
  readonly start: Start | null;
  readonly nextDue: number | null;
  /** Why nothing begins by itself now; '' when it does. */
  readonly pauseWords: string;
}

/** What a plan asks for at `now`, of each of its machines. */
export function demandSince(
  times: Times | null,
  plan: { readonly createdAt: number; readonly overdueAfterSeconds: number },
  now: number,
): number | null {
  if (times === null) {
    const since = now - plan.overdueAfterSeconds * 1000;
    return since > plan.createdAt ? since : null;
  }
  const due = newestOver(times, now);
  return due !== null && due >= plan.createdAt ? due : null;
}

/** Null when the plan's first time is over, or no time of its calendar ever was. */
export function startOf(times: Times, createdAt: number, now: number): Start | null {
  const since = newestOver(times, now);
  if (since === null || since >= createdAt) return null;
  return { since, first: times.next(createdAt - 1) };
}

/** The newest time whose grace is over at `now`. */
function newestOver(times: Times, now: number): number | null {
  // The grace ends with the next time at the latest, so one of the newest two is it.
  let next = times.next(now) ?? Infinity;
  for (const due of times.last(now, 2)) {
    if (due + Math.min(next - due, maxGraceMs) <= now) return due;
    next = due;
  }
  return null;
}

export interface PairFacts {
  readonly repository: string;
  /** Why no run can begin to this repository, and what to do; '' when one can. */
  readonly lost: string;
  readonly lastGood: number | null;
  /** The newest run that ended. */
  readonly ended: { readonly due: number; readonly state: PlanRunState } | null;
  /** What the next one waits for; null when none waits. */
  readonly waits: string | null;
}

export interface Verdict {
  readonly protection: Protection;
  /** One sentence; '' when protected. */
  readonly words: string;
}

const severity: readonly Protection[] = ['failing', 'overdue', 'never'];

/** The worst over the plan's repositories. */
export function protectionBy(demand: Demand, pairs: readonly PairFacts[]): Verdict {
  const verdicts = pairs.map((pair) => pairVerdict(demand, pair));
  const none = pairs.every(({ lastGood }) => lastGood === null);
  for (const protection of severity) {
    const found = verdicts.find((verdict) => verdict.protection === protection);
    if (found === undefined) continue;
    return protection === 'overdue' && none ? { ...found, protection: 'never' } : found;
  }
  return { protection: 'protected', words: '' };
}

/** The worse of two plans that both mean a machine. */
export function worse(a: Verdict | null, b: Verdict): Verdict {
  if (a === null) return b;
  const place = ({ protection }: Verdict) => {
    const found = severity.indexOf(protection);
    return found < 0 ? severity.length : found;
  };
  return place(b) < place(a) ? b : a;
}

function pairVerdict(demand: Demand, pair: PairFacts): Verdict {
  const { zone, since, start } = demand;
  const { lastGood, ended, repository } = pair;
  if (pair.lost !== '') return { protection: 'failing', words: pair.lost };
  if (ended?.state.kind === 'failed' && (lastGood === null || lastGood < ended.due - slackMs)) {
    const when = momentWords(ended.due, zone);
    const words = `The run of ${when} to ${repository} failed: ${ended.state.error.message}`;
    return { protection: 'failing', words };
  }
  const late = since !== null && (lastGood === null || lastGood < since - slackMs);
  if (lastGood === null) {
    const first = demand.nextDue === null ? '' : `: ${momentWords(demand.nextDue, zone)} is next`;
    const words = `It has no restore point in ${repository} yet${first}.${holdUp(demand, pair)}`;
    return { protection: late ? 'overdue' : 'never', words };
  }
  if (since === null && start !== null && lastGood < start.since - slackMs) {
    return { protection: 'overdue', words: startWords(demand, start, pair, lastGood) };
  }
  if (!late) return { protection: 'protected', words: '' };
  const words =
    `Its newest restore point in ${repository} is of ${momentWords(lastGood, zone)}; one was due ` +
    `${momentWords(since, zone)}.${holdUp(demand, pair)}`;
  return { protection: 'overdue', words };
}

function startWords(demand: Demand, start: Start, pair: PairFacts, lastGood: number): string {
  const { zone } = demand;
  const first = start.first === null ? '' : ` Its first run: ${momentWords(start.first, zone)}.`;
  return (
    `Its newest restore point in ${pair.repository} is of ${momentWords(lastGood, zone)}, older ` +
    `than the new plan asks for.${first}${holdUp(demand, pair)}`
  );
}

function holdUp({ pauseWords }: Demand, { waits }: PairFacts): string {
  const words = waits ?? pauseWords;
  return words === '' ? '' : ` ${words}`;
}
