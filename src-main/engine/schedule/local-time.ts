/** Which hour, day, week, month and year a moment is in, on the clock of a zone. */
import { AppError } from '#contract/errors.ts';

export interface Periods {
  readonly hourly: string;
  readonly daily: string;
  readonly weekly: string;
  readonly monthly: string;
  readonly yearly: string;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Offsets change at the quarter of an hour at most (tz database), so one is asked for each. */
const slotMs = 15 * minuteMs;
/** Remembered slots: as many as hourly points have in two years. */
const maxSlots = 20_000;

/** Throws invalid-input for a zone that is not known here. */
export function periodsIn(zone: string): (timeMs: number) => Periods {
  const offsetAt = offsetsOf(zone);
  return (timeMs) => {
    const offset = offsetAt(timeMs);
    const local = timeMs + offset;
    const day = Math.floor(local / dayMs);
    const date = new Date(local);
    const year = date.getUTCFullYear();
    return {
      // With the offset: the hour that comes twice when clocks go back is two hours.
      hourly: `${Math.floor(local / hourMs)}/${offset / minuteMs}`,
      daily: `${day}`,
      weekly: `${Math.floor((day + 3) / 7)}`, // weeks begin on Monday; day 0 was a Thursday
      monthly: `${year}-${date.getUTCMonth()}`,
      yearly: `${year}`,
    };
  };
}

/** Milliseconds a zone's clock is ahead of UTC at a moment. Throws as `periodsIn`. */
export function offsetsOf(zone: string): (timeMs: number) => number {
  const format = formatOf(zone);
  const known = new Map<number, number>();
  return (timeMs) => {
    const slot = Math.floor(timeMs / slotMs);
    const before = known.get(slot);
    if (before !== undefined) return before;
    const offset = askOffset(format, slot * slotMs);
    if (known.size >= maxSlots) known.clear();
    known.set(slot, offset);
    return offset;
  };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (thrown) {
    throw new AppError(
      'invalid-input',
      `The time zone ${zone} is not known on this computer.`,
      { zone, advice: 'Choose one such as Europe/Berlin or UTC.' },
      thrown,
    );
  }
}

function askOffset(format: Intl.DateTimeFormat, timeMs: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(timeMs)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - timeMs;
}
