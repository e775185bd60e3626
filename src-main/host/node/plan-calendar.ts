/** When a plan runs, as options → the calendar of a plan. */
import { weekdays, type Calendar, type Weekday } from '#contract/plans.ts';
import { flag, textValue, usage, type Context, type Option } from './command.ts';
import { timeOfDay, wholeOf } from './quantities.ts';

export const calendarOptions = {
  hourly: { type: 'string', value: 'MINUTE', help: 'each hour at this minute' },
  daily: { type: 'string', value: 'HH:MM[,HH:MM]', help: 'each day at these times' },
  weekly: { type: 'string', value: 'DAY[,DAY]@HH:MM', help: 'such as mon,thu@02:00' },
  monthly: { type: 'string', value: 'DAY@HH:MM', help: 'DAY is 1 to 31, or last' },
  cron: { type: 'string', value: '"M H D M W"', help: 'the five fields of a crontab' },
  'no-calendar': { type: 'boolean', help: 'only when it is asked for, or by what happens' },
} as const satisfies Readonly<Record<string, Option>>;

function atTime(option: string, text: string): readonly [string, string] {
  const [what, time, more] = text.split('@');
  if (what === undefined || time === undefined || more !== undefined) {
    throw usage(`--${option} takes a day and a time with @ between: it was "${text}".`);
  }
  return [what.trim().toLowerCase(), timeOfDay(option, time)];
}

function weekdayOf(text: string): Weekday {
  const found = weekdays.find((day) => text.trim().slice(0, 3) === day);
  if (found !== undefined) return found;
  throw usage(`--weekly: "${text}" is none of ${weekdays.join(', ')}.`);
}

function weekly(text: string): Calendar {
  const [days, at] = atTime('weekly', text);
  const named = new Set(days.split(',').map(weekdayOf));
  return { kind: 'weekly', days: weekdays.filter((day) => named.has(day)), at };
}

function monthly(text: string): Calendar {
  const [day, at] = atTime('monthly', text);
  return { kind: 'monthly', day: day === 'last' ? 'last' : wholeOf('monthly', day, 1, 31), at };
}

const readers: Readonly<
  Record<Exclude<keyof typeof calendarOptions, 'no-calendar'>, (text: string) => Calendar>
> = {
  hourly: (text) => ({ kind: 'hourly', minute: wholeOf('hourly', text, 0, 59) }),
  daily: (text) => {
    const at = text.split(',').map((time) => timeOfDay('daily', time));
    return { kind: 'daily', at: [...new Set(at)].sort() };
  },
  weekly,
  monthly,
  cron: (expression) => ({ kind: 'cron', expression: expression.trim() }),
};

/** The calendar that was asked for; null for none; undefined when no option says a word of it. */
export function calendarOf(context: Context): Calendar | null | undefined {
  const given = Object.entries(readers).flatMap(([name, read]) => {
    const text = textValue(context, name);
    return text === undefined ? [] : [() => read(text)];
  });
  const none = flag(context, 'no-calendar');
  if (given.length + Number(none) > 1) {
    const names = Object.keys(calendarOptions).map((name) => `--${name}`);
    throw usage(`Only one of ${names.join(', ')}.`);
  }
  return none ? null : given[0]?.();
}
