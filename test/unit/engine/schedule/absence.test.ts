import { expect, test } from 'vitest';
import {
  absenceBetween,
  absenceWords,
  remembered,
  type Absence,
  type Moment,
} from '#engine/schedule/absence.ts';

const minuteMs = 60_000;
const start = Date.parse('2026-11-23T20:00:00Z');
const before: Moment = { wall: start, monotonic: 1000, sinceBoot: 5000 };

/** Milliseconds by which each clock went on. */
function after(wall: number, sinceBoot: number, monotonic: number): Moment {
  return {
    wall: before.wall + wall,
    monotonic: before.monotonic + monotonic,
    sinceBoot: before.sinceBoot + sinceBoot,
  };
}

const fiveMs = 5 * minuteMs;
const nightMs = 600 * minuteMs;

test.each<[string, Moment, Absence['kind'] | null]>([
  ['an ordinary look', after(fiveMs, fiveMs, fiveMs), null],
  ['a clock that is set by seconds', after(fiveMs + 9000, fiveMs, fiveMs), null],
  ['a night asleep', after(nightMs, nightMs, fiveMs), 'asleep'],
  ['a clock set forward', after(nightMs, fiveMs, fiveMs), 'clock-set'],
  ['a clock set back', after(-nightMs, fiveMs, fiveMs), null],
  ['asleep, with the clock set meanwhile', after(2 * nightMs, nightMs, fiveMs), 'clock-set'],
])('%s', (_, moment, kind) => {
  const found = absenceBetween(before, moment);
  expect(found?.kind ?? null).toBe(kind);
  if (found !== null) expect(found).toMatchObject({ from: start, to: moment.wall });
});

test('the sentence of the absence in which a time lies', () => {
  const asleep: Absence = { from: start, to: start + nightMs, kind: 'asleep' };
  const off: Absence = { from: start + nightMs, to: start + 2 * nightMs, kind: 'not-running' };
  const words = (time: number) => absenceWords([asleep, off], time, 'UTC');
  expect(words(start + minuteMs)).toBe(
    'The computer slept from 23 November 2026 at 20:00 to 24 November 2026 at 06:00.',
  );
  expect(words(start + nightMs + minuteMs)).toBe(
    'Waymark was not running from 24 November 2026 at 06:00 to 16:00.',
  );
  expect(words(start - minuteMs)).toBe('Waymark came to it too late.');
});

test('only so many are remembered, the newest', () => {
  let all: readonly Absence[] = [];
  for (let n = 0; n < 150; n += 1) all = remembered(all, { from: n, to: n + 1, kind: 'asleep' });
  expect(all).toHaveLength(100);
  expect(all.at(-1)?.from).toBe(149);
  expect(remembered(all, null)).toBe(all);
});
