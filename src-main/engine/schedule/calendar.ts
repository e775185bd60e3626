/**
 * The times of a calendar on the clock of a zone. Pure: croner computes, nothing waits here.
 *
 * When the clocks go forward, a time that is skipped comes at the first moment after; when they go
 * back, a time that comes twice is meant once, the first time. Where the hour is `*` or has a step
 * (also in "hourly") a time is meant by the hours that pass: a skipped one is left out, one that
 * comes twice is meant twice.
 */
import { Cron } from 'croner';
import type { Calendar } from '#contract/plans.ts';

/** When a calendar comes; UTC epoch milliseconds. */
export interface Times {
  /** The first after `after`; null when there is none. */
  next(after: number): number | null;
  /** The newest `count` at or before `at`, newest first. */
  last(at: number, count: number): readonly number[];
  /** From `from` on and before `to`, oldest first, at most `max`. */
  between(from: number, to: number, max: number): readonly number[];
}

const fieldNames = ['minute', 'hour', 'day of the month', 'month', 'day of the week'] as const;

/** Months that have fewer days, as cron counts them; their last day stands in. */
const shorterMonths: Readonly<Record<number, string>> = { 29: '2', 30: '2', 31: '2,4,6,9,11' };

/** The calendar as cron lines: more than one where one cannot say it. */
function patterns(calendar: Calendar): readonly string[] {
  if (calendar.kind === 'cron') return [calendar.expression.trim()];
  if (calendar.kind === 'hourly') return [`${calendar.minute} * * * *`];
  if (calendar.kind === 'daily') return calendar.at.map((at) => `${clock(at)} * * *`);
  if (calendar.kind === 'weekly') {
    return [`${clock(calendar.at)} * * ${calendar.days.join(',').toUpperCase()}`];
  }
  const at = clock(calendar.at);
  if (calendar.day === 'last') return [`${at} L * *`];
  const shorter = shorterMonths[calendar.day];
  const itself = `${at} ${calendar.day} * *`;
  return shorter === undefined ? [itself] : [itself, `${at} L ${shorter} *`];
}

/** "03:30" as cron's first two fields. */
function clock(at: string): string {
  const [hours = '0', minutes = '0'] = at.split(':');
  return `${Number(minutes)} ${Number(hours)}`;
}

function cron(pattern: string, zone: string): Cron {
  return new Cron(pattern, {
    timezone: zone,
    mode: '5-part',
    fixedTimeRule: 'no-wildcard',
    paused: true,
  });
}

/** What is wrong with the zone; null when this computer knows it. */
export function zoneProblem(zone: string): string | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return null;
  } catch {
    return `There is no time zone “${zone}”. Choose one such as Europe/Berlin or UTC.`;
  }
}

/** What is wrong with the calendar, whatever the zone; null when it can be read. */
export function calendarProblem(calendar: Calendar): string | null {
  if (calendar.kind !== 'cron') return null;
  const fields = calendar.expression.trim().split(/\s+/);
  if (fields.length !== fieldNames.length) {
    return (
      'A cron line has five parts: minute, hour, day of the month, month, day of the week. ' +
      `This one has ${fields.length}.`
    );
  }
  for (const [index, name] of fieldNames.entries()) {
    const field = fields[index] ?? '';
    const alone = fieldNames.map((_, other) => (other === index ? field : '*')).join(' ');
    if (field.includes('?') || !readable(alone)) return `“${field}” cannot be the ${name}.`;
  }
  if (!readable(fields.join(' '))) return 'This cron line cannot be read.';
  return null;
}

function readable(pattern: string): boolean {
  try {
    cron(pattern, 'UTC');
    return true;
  } catch {
    return false;
  }
}

/** Null when the calendar or the zone cannot be read: see the two functions above for why. */
export function timesOf(calendar: Calendar, zone: string): Times | null {
  if (zoneProblem(zone) !== null || calendarProblem(calendar) !== null) return null;
  const lines = [...new Set(patterns(calendar))].map((pattern) => cron(pattern, zone));
  const next = (after: number) => {
    const found = lines
      .map((line) => line.nextRun(new Date(after))?.getTime())
      .filter((time) => time !== undefined);
    return found.length === 0 ? null : Math.min(...found);
  };
  return {
    next,
    last: (at, count) => {
      // croner leaves the reference itself out.
      const reference = new Date(at + 1000 - (at % 1000));
      const found = lines.flatMap((line) => line.previousRuns(count, reference));
      const times = new Set(found.map((date) => date.getTime()).filter((time) => time <= at));
      return [...times].sort((a, b) => b - a).slice(0, count);
    },
    between: (from, to, max) => {
      const found: number[] = [];
      for (let at = next(from - 1); at !== null && at < to && found.length < max; at = next(at)) {
        found.push(at);
      }
      return found;
    },
  };
}
