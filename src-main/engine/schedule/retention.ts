/**
 * One retention rule: which restore points of one machine in one repository stay, and why. Pure.
 * Where several plans share both, every-rule.ts asks each of their rules.
 *
 * "Daily 7" keeps the newest point of each of the last seven days *that have one*, so a computer
 * that was off for a month loses nothing by it; hours, ISO weeks, months and years likewise, each
 * on the clock of the plan's zone. A point stays if any line of the rule, or anything beside it,
 * says so. What the rule never takes: a pinned point, the newest good one, and any point of a
 * machine that is on no host any more. A damaged one, and one dated in the future, stay and count
 * for nothing, so no good point goes because of them: a person decides about them.
 *
 * Applied after each backup or once a year later, what stays is the same.
 */
import { AppError } from '#contract/errors.ts';
import type { KeepReason, Retention } from '#contract/plans.ts';
import { periodsIn, type Periods } from './local-time.ts';

/** A restore point from later than this was made while a clock was wrong; milliseconds. */
export const futureMs = 5 * 60_000;

export interface RuledPoint {
  readonly id: string;
  /** UTC epoch milliseconds. */
  readonly time: number;
  readonly pinned: boolean;
  readonly damaged: boolean;
}

export interface RuleOptions {
  /** IANA name. */
  readonly zone: string;
  /** The machine is on no host any more: everything stays. */
  readonly machineGone: boolean;
  /** When it is applied, epoch milliseconds. */
  readonly now: number;
}

const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** A rule without a single number keeps nothing: it is refused wherever it is given. */
function keepsNothing(rule: Retention): boolean {
  return rule.last === 0 && periods.every((period) => rule[period] === 0);
}

/**
 * Why each point stays, by its id; no reason means that it goes. The order of `points` is of no
 * meaning. Throws invalid-input for a rule that keeps nothing or an unknown zone.
 */
export function keepReasons(
  points: readonly RuledPoint[],
  rule: Retention,
  options: RuleOptions,
): ReadonlyMap<string, readonly KeepReason[]> {
  if (keepsNothing(rule)) throw nothingKept();
  const periodsOf = periodsIn(options.zone);
  const reasons = new Map<string, KeepReason[]>(points.map(({ id }) => [id, []]));
  const add = ({ id }: RuledPoint, reason: KeepReason) => reasons.get(id)?.push(reason);
  const ruled = ({ damaged, time }: RuledPoint) => !damaged && time <= options.now + futureMs;
  const good = points.filter(ruled).sort(newestFirst);
  for (const point of good.slice(0, rule.last)) add(point, 'last');
  const periodsByPoint = good.map((point) => periodsOf(point.time));
  for (const period of periods) {
    for (const i of newestOfEach(periodsByPoint, period, rule[period])) {
      const point = good[i];
      if (point !== undefined) add(point, period);
    }
  }
  const newest = good[0];
  if (newest !== undefined) add(newest, 'newest-good');
  for (const point of points) {
    if (point.pinned) add(point, 'pinned');
    if (!ruled(point)) add(point, 'not-ruled');
    if (options.machineGone) add(point, 'machine-gone');
  }
  return reasons;
}

/** Where in a list, newest first, the newest of each of the first `count` periods are. */
function newestOfEach(
  list: readonly Periods[],
  period: (typeof periods)[number],
  count: number,
): readonly number[] {
  const found: number[] = [];
  const seen = new Set<string>();
  for (const [i, one] of list.entries()) {
    if (found.length >= count) break;
    if (seen.has(one[period])) continue;
    seen.add(one[period]);
    found.push(i);
  }
  return found;
}

/** Of two of the same moment the one with the greater id counts as newer: ULIDs sort by time. */
export function newestFirst(a: RuledPoint, b: RuledPoint): number {
  if (a.time !== b.time) return b.time - a.time;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

function nothingKept(): AppError {
  return new AppError('invalid-input', 'This rule would keep no restore point at all.', {
    unharmed: 'Nothing was removed.',
    advice: 'Keep at least one: "last 1" keeps only the newest.',
  });
}
