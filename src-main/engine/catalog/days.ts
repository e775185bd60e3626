import type { DayActivity } from '#contract/domain.ts';
import { text, whole, type ReadableDb } from './database.ts';

/** How many calendar days the small strip of a machine shows. */
export const shownDays = 14;

/** What happened on which day, in the local time of the engine's computer. */
export interface Days {
  /**
   * The last 14 days up to `now` (epoch ms) of every machine that had a point or a failed run in
   * them, oldest day first. `snapshots` is 0: only libvirt knows those.
   */
  activity(now: number): ReadonlyMap<string, readonly DayActivity[]>;
  /** The same fourteen days with nothing in them. */
  emptyDays(now: number): readonly DayActivity[];
}

interface Counted {
  points: number;
  failed: number;
}

/** "2026-11-22", the calendar day of an instant in local time. */
export function localDay(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Noon of each day, so that no change of the clocks can move one to its neighbour. */
function noons(now: number): readonly number[] {
  const today = new Date(now);
  return Array.from({ length: shownDays }, (_, index) =>
    new Date(
      today.getFullYear(),
      today.getMonth(),
      today.getDate() - (shownDays - 1 - index),
      12,
    ).getTime(),
  );
}

function firstMidnight(now: number): number {
  const today = new Date(now);
  return new Date(
    today.getFullYear(),
    today.getMonth(),
    today.getDate() - (shownDays - 1),
  ).getTime();
}

export function dayQueries(db: ReadableDb): Days {
  return {
    emptyDays: (now) =>
      noons(now).map((noon) => ({ day: localDay(noon), points: 0, snapshots: 0, failed: 0 })),
    activity: (now) => {
      const counts = count(db, now);
      const days = noons(now).map(localDay);
      return new Map(
        [...counts].map(([uuid, byDay]) => [
          uuid,
          days.map((day) => ({
            day,
            points: byDay.get(day)?.points ?? 0,
            snapshots: 0,
            failed: byDay.get(day)?.failed ?? 0,
          })),
        ]),
      );
    },
  };
}

function count(db: ReadableDb, now: number): Map<string, Map<string, Counted>> {
  const counts = new Map<string, Map<string, Counted>>();
  const add = (uuid: string, time: number, what: keyof Counted) => {
    const byDay = counts.get(uuid) ?? new Map<string, Counted>();
    counts.set(uuid, byDay);
    const day = localDay(time);
    const counted = byDay.get(day) ?? { points: 0, failed: 0 };
    byDay.set(day, counted);
    counted[what] += 1;
  };
  const since = firstMidnight(now);
  for (const row of db.all(
    'SELECT machine_uuid, time FROM points WHERE time >= ? AND time <= ?',
    since,
    now,
  )) {
    add(text(row, 'machine_uuid'), whole(row, 'time'), 'points');
  }
  for (const row of db.all(
    `SELECT machine_uuid, started_at FROM runs WHERE machine_uuid IS NOT NULL
      AND outcome = 'failed' AND started_at >= ? AND started_at <= ?`,
    since,
    now,
  )) {
    add(text(row, 'machine_uuid'), whole(row, 'started_at'), 'failed');
  }
  return counts;
}
