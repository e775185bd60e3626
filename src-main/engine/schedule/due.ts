/**
 * What one look at a plan finds: which time to begin, which were missed or paused and why, and when
 * it is due next. Pure. The next due is always a time of the calendar, whatever was made up for:
 * catching up never moves it.
 */
import type { Pause } from '#contract/plans.ts';
import type { Times } from './calendar.ts';
import { momentWords } from './time-words.ts';

/** A look this late is still in time: the plans are looked at every five minutes. */
export const onTimeMs = 6 * 60_000;
/** A clock that shows an earlier time than this is wrong: 1 January 2020. */
export const earliestClock = Date.UTC(2020, 0, 1);
/** Times that are counted one by one; beyond it is said that there were more. */
const maxCounted = 1000;
/** As many are looked for one after the other. */
const fewTimes = 20;

export interface DueFacts {
  readonly times: Times;
  readonly zone: string;
  readonly nextDue: number | null;
  readonly now: number;
  readonly catchUp: boolean;
  readonly pause: Pause;
  readonly pausedAt: number | null;
  /** What a row says of a time that came meanwhile. */
  readonly pausedWords: string;
  /** Times after now that were begun or skipped already: the clock was put back. */
  readonly claimed: ReadonlySet<number>;
  /** Most rows for missed times, one each; the rest is told in one more. */
  readonly maxMissed: number;
  /** Why nothing began at that time, as a sentence. */
  readonly why: (due: number) => string;
}

/** A time that passed without a run. */
export interface Passed {
  readonly due: number;
  readonly kind: 'missed' | 'skipped';
  /** How many times it tells of. */
  readonly times: number;
  readonly words: string;
}

export interface Due {
  readonly begin: { readonly due: number; readonly cause: 'schedule' | 'catch-up' } | null;
  readonly passed: readonly Passed[];
  readonly nextDue: number | null;
}

export function dueNow(facts: DueFacts): Due {
  const { now } = facts;
  if (now < earliestClock) return { begin: null, passed: [], nextDue: facts.nextDue };
  const upcoming = firstUnclaimed(facts);
  const { nextDue } = facts;
  // Planned while the clock was wrong: those times never were.
  if (nextDue === null || nextDue < earliestClock || nextDue > now) {
    return { begin: null, passed: [], nextDue: upcoming };
  }
  const newest = newestPending(facts, nextDue);
  const begin = whichBegins(facts, newest[0] ?? null);
  const rest = begin === null ? newest.slice(0, facts.maxMissed) : newest.slice(1);
  const passed = rest.map((due): Passed => passedAt(facts, due, begin));
  const oldest = newest.slice(0, (begin === null ? 0 : 1) + rest.length).at(-1);
  const older = oldest === undefined ? null : olderThan(facts, nextDue, oldest);
  return { begin, passed: older === null ? passed : [...passed, older], nextDue: upcoming };
}

function firstUnclaimed({ times, now, claimed }: DueFacts): number | null {
  let next = times.next(now);
  while (next !== null && claimed.has(next)) next = times.next(next);
  return next;
}

/** Those that came since, newest first: as many as may get a row of their own, and one. */
function newestPending({ times, now, maxMissed }: DueFacts, nextDue: number): readonly number[] {
  const few = times.between(nextDue, now + 1, fewTimes);
  // Looking back for hundreds takes a while, and nearly always there is one.
  const pending = few.length < fewTimes ? [...few].reverse() : times.last(now, maxMissed + 1);
  return pending.slice(0, maxMissed + 1).filter((due) => due >= nextDue);
}

/** The newest time is begun; late, it makes up for itself and all that were missed before it. */
function whichBegins(facts: DueFacts, newest: number | null): Due['begin'] {
  if (newest === null || isPaused(facts, newest) || isPaused(facts, facts.now)) return null;
  if (facts.now - newest <= onTimeMs) return { due: newest, cause: 'schedule' };
  return facts.catchUp ? { due: newest, cause: 'catch-up' } : null;
}

function isPaused({ pause, pausedAt }: DueFacts, time: number): boolean {
  if (pause.kind === 'no' || pausedAt === null || time < pausedAt) return false;
  return pause.until === null || time < pause.until;
}

function passedAt(facts: DueFacts, due: number, begin: Due['begin']): Passed {
  if (isPaused(facts, due)) {
    return { due, kind: 'skipped', times: 1, words: facts.pausedWords };
  }
  const made =
    begin === null ? '' : ` The run of ${momentWords(begin.due, facts.zone)} makes up for it.`;
  return { due, kind: 'missed', times: 1, words: `${facts.why(due)}${made}` };
}

/** What is older than the rows one by one, in one row. */
function olderThan(facts: DueFacts, nextDue: number, oldest: number): Passed | null {
  const counted = facts.times.between(nextDue, oldest, maxCounted);
  const newest = facts.times.last(oldest - 1, 1)[0];
  if (counted.length === 0 || newest === undefined) return null;
  if (counted.length === 1) return passedAt(facts, newest, null);
  if (isPaused(facts, newest)) {
    return { due: newest, kind: 'skipped', times: counted.length, words: facts.pausedWords };
  }
  const more = counted.length === maxCounted ? 'at least ' : '';
  const words =
    `This and ${more}${counted.length - 1} times before it, from ` +
    `${momentWords(nextDue, facts.zone)} on, passed without a run. ${facts.why(newest)}`;
  return { due: newest, kind: 'missed', times: counted.length, words };
}
