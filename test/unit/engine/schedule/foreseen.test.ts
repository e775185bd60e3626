import { expect, it } from 'vitest';
import type { Calendar } from '#contract/plans.ts';
import { timesOf, type Times } from '#engine/schedule/calendar.ts';
import { foreseenTimes } from '#engine/schedule/foreseen.ts';
import { periodsIn } from '#engine/schedule/local-time.ts';

const now = Date.UTC(2026, 10, 26, 12, 7);
const to = now + 365 * 86_400_000;

async function foreseen(calendar: Calendar) {
  const times = timesOf(calendar, 'Asia/Kathmandu'); // 5:45 ahead of UTC
  if (times === null) throw new Error('no calendar');
  let pauses = 0;
  const found = await foreseenTimes(times, now, to, async () => {
    pauses += 1;
  });
  return { found, pauses, times };
}

it('is every time of a calendar that comes once an hour or less often', async () => {
  const hourly = await foreseen({ kind: 'hourly', minute: 30 });
  expect(hourly.found).toHaveLength(365 * 24);
  expect(hourly.pauses).toBeGreaterThan(10);
  const monthly = await foreseen({ kind: 'monthly', day: 'last', at: '23:30' });
  expect(monthly.found).toHaveLength(12);
  expect(monthly.found).toEqual(monthly.times.between(now, to, 100));
});

it('is the newest of every hour, and the newest ones, of one that comes each minute', async () => {
  const minute = 60_000;
  const upTo = (at: number) => Math.floor(at / minute) * minute;
  const times: Times = {
    next: (after) => upTo(after) + minute,
    last: (at, count) => Array.from({ length: count }, (_, i) => upTo(at) - i * minute),
    between: (from, until, max) => {
      const first = upTo(from + minute - 1);
      const count = Math.max(0, Math.min(max, Math.ceil((until - first) / minute)));
      return Array.from({ length: count }, (_, i) => first + i * minute);
    },
  };
  const until = now + 30 * 86_400_000 + 1;
  const found = await foreseenTimes(times, now, until, () => Promise.resolve());
  expect(found.length).toBeLessThan(5000);
  const all = times.between(now, until, 1_000_000);
  const inAll = new Set(all);
  expect(found.filter((time) => !inAll.has(time))).toEqual([]);
  const periodsOf = periodsIn('Asia/Kathmandu');
  const newest = (list: readonly number[]) =>
    new Map(list.map((time) => [periodsOf(time).hourly, time]));
  expect(newest(found)).toEqual(newest(all));
  expect(found.slice(-500)).toEqual(all.slice(-500));
});
