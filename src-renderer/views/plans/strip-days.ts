/**
 * The times of a plan by day, for the strip: a plan that runs every hour and one that runs once a
 * month are both read a day at a time. Pure.
 */
import type { PlanTime } from '#contract/plans.ts';
import { t } from '../../text/catalogue.ts';
import { runMark } from '../../text/plan-words.ts';

type Kind = PlanTime['kind'];

/** The gravest of a day is its mark. */
const gravest: readonly Kind[] = [
  'failed',
  'missed',
  'waiting',
  'problems',
  'skipped',
  'done',
  'coming',
];

export interface StripDay {
  /** Midnight, local time; epoch milliseconds. */
  readonly start: number;
  /** The midnight after it. */
  readonly end: number;
  /** Null without any time that day. */
  readonly mark: Kind | null;
  readonly counts: readonly { readonly kind: Kind; readonly count: number }[];
}

function nextMidnight(start: number): number {
  const date = new Date(start);
  date.setDate(date.getDate() + 1);
  return date.setHours(0, 0, 0, 0);
}

export function daysOf(times: readonly PlanTime[], from: number, to: number): readonly StripDay[] {
  const days: StripDay[] = [];
  for (let start = new Date(from).setHours(0, 0, 0, 0); start <= to; start = nextMidnight(start)) {
    const end = nextMidnight(start);
    const held = times.filter(({ due }) => due >= start && due < end);
    const counts = gravest
      .map((kind) => ({ kind, count: held.filter((time) => time.kind === kind).length }))
      .filter(({ count }) => count > 0);
    days.push({ start, end, mark: counts[0]?.kind ?? null, counts });
  }
  return days;
}

/** "Failed"; "1 missed, 23 done" where it was several times a day. */
export function dayWords({ counts }: StripDay): string {
  const [only] = counts;
  if (only === undefined) return t('strip.nothing');
  if (counts.length === 1 && only.count === 1) return runMark(only.kind).text;
  return counts
    .map(({ kind, count }) =>
      t('strip.count', { count, word: runMark(kind).text.toLocaleLowerCase() }),
    )
    .join(', ');
}
