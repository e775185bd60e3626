/** The calendar of a draft while its kind is changed: the time of day goes along. Pure. */
import type { Calendar, PlanDraft, Weekday } from '#contract/plans.ts';

export type CalendarKind = Calendar['kind'] | 'none';

export const weekdayOrder: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const usualTime = '02:00';
const usualDays: readonly Weekday[] = ['sun'];
const usualExpression = '0 2 * * *';
/** So that a second time of day is half a day later. */
const halfDayHours = 12;
const hoursPerDay = 24;

/** The time of day a calendar has, for the next kind of calendar to begin with. */
function timeOf(calendar: PlanDraft['calendar']): string {
  switch (calendar?.kind) {
    case 'daily':
      return calendar.at[0] ?? usualTime;
    case 'weekly':
    case 'monthly':
      return calendar.at;
    default:
      return usualTime;
  }
}

export function kindOf(calendar: PlanDraft['calendar']): CalendarKind {
  return calendar?.kind ?? 'none';
}

export function ofKind(kind: CalendarKind, before: PlanDraft['calendar']): PlanDraft['calendar'] {
  const at = timeOf(before);
  switch (kind) {
    case 'hourly':
      return { kind, minute: 0 };
    case 'daily':
      return { kind, at: [at] };
    case 'weekly':
      return { kind, days: [...usualDays], at };
    case 'monthly':
      return { kind, day: 1, at };
    case 'cron':
      return { kind, expression: usualExpression };
    case 'none':
      return null;
  }
}

/** One more time of day: half a day after the last that is not there yet. */
export function withOneMore(at: readonly string[]): string[] {
  const taken = new Set(at);
  const [hours = '2', minutes = '00'] = (at.at(-1) ?? usualTime).split(':');
  for (let step = 0; step < hoursPerDay; step += 1) {
    const hour = (Number(hours) + halfDayHours + step) % hoursPerDay;
    const next = `${String(hour).padStart(2, '0')}:${minutes}`;
    if (!taken.has(next)) return [...at, next].sort();
  }
  return [...at];
}

/** Days in the order of the week, one more or one less. */
export function withDay(days: readonly Weekday[], day: Weekday, on: boolean): Weekday[] {
  return weekdayOrder.filter((one) => (one === day ? on : days.includes(one)));
}
