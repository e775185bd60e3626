/** When a pretend plan is due, and what the next change of the clocks does to it. */
import { Cron } from 'croner';
import type { Calendar, Weekday } from '#contract/plans.ts';
import { AppError } from '#contract/errors.ts';
import { day, hour } from './demo-machines.ts';

const mostTimes = 1000;

function partsOf(at: string): { hours: number; minutes: number } {
  const [hours = '0', minutes = '0'] = at.split(':');
  return { hours: Number(hours), minutes: Number(minutes) };
}

function expressionsOf(calendar: Calendar): readonly string[] {
  const at = (time: string, rest: string) => {
    const { hours, minutes } = partsOf(time);
    return `${minutes} ${hours} ${rest}`;
  };
  switch (calendar.kind) {
    case 'hourly':
      return [`${calendar.minute} * * * *`];
    case 'daily':
      return calendar.at.map((time) => at(time, '* * *'));
    case 'weekly':
      return [at(calendar.at, `* * ${calendar.days.map((one: Weekday) => one).join(',')}`)];
    case 'monthly': {
      const shortest = 28;
      const last = calendar.day === 'last' || calendar.day > shortest;
      return [at(calendar.at, `${last ? 'L' : calendar.day} * *`)];
    }
    case 'cron':
      return [calendar.expression];
  }
}

function cronOf(expression: string, timezone: string): Cron {
  try {
    return new Cron(expression, { timezone, paused: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('invalid-input', `“${expression}” is not a calendar: ${why}`);
  }
}

/** Every time from `from` (included) to `to`, oldest first, at most 1,000. */
export function timesBetween(calendar: Calendar, zone: string, from: number, to: number): number[] {
  const times = expressionsOf(calendar).flatMap((expression) => {
    const cron = cronOf(expression, zone);
    const found: number[] = [];
    let at = cron.nextRun(new Date(from - 1));
    while (at !== null && at.getTime() <= to && found.length < mostTimes) {
      found.push(at.getTime());
      at = cron.nextRun(at);
    }
    return found;
  });
  return [...new Set(times)].sort((a, b) => a - b).slice(0, mostTimes);
}

/** The next `count` times after `from`; fewer where the calendar runs dry. */
export function nextTimes(
  calendar: Calendar,
  zone: string,
  from: number,
  count: number,
): readonly number[] {
  const times = expressionsOf(calendar).flatMap((expression) =>
    cronOf(expression, zone)
      .nextRuns(count, new Date(from))
      .map((at) => at.getTime()),
  );
  return [...new Set(times)].sort((a, b) => a - b).slice(0, count);
}

/** Minutes the clocks of a zone are ahead of UTC at a moment. */
function offsetMinutes(zone: string, time: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' });
  const name = parts.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const found = /GMT([+-])(\d\d):(\d\d)/.exec(name);
  if (found === null) return 0;
  const sign = found[1] === '-' ? -1 : 1;
  return sign * (Number(found[2]) * 60 + Number(found[3]));
}

/** One sentence on the next change within a year; '' where it does not concern this calendar. */
export function clockChangeWords(calendar: Calendar, zone: string, now: number): string {
  const yearDays = 366;
  for (let days = 1; days <= yearDays; days += 1) {
    const before = offsetMinutes(zone, now + (days - 1) * day);
    const after = offsetMinutes(zone, now + days * day);
    if (before === after) continue;
    const times = nextTimes(calendar, zone, now + (days - 1) * day - hour, 1);
    if (times.length === 0) return '';
    const date = new Intl.DateTimeFormat('en-GB', { timeZone: zone, dateStyle: 'long' });
    const when = date.format(now + days * day);
    return after > before
      ? `On ${when} the clocks go forward: a time that does not exist that night is an hour later.`
      : `On ${when} the clocks go back: a time that comes twice that night is used once.`;
  }
  return '';
}
