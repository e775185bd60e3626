import { describe, expect, test } from 'vitest';
import { isWithin } from '#engine/schedule/time-window.ts';

const berlin = 'Europe/Berlin';
const night = { from: '22:00', to: '06:00' };
const at = (iso: string) => Date.parse(iso);

test.each([
  ['21:59', '2026-11-24T20:59:59Z', false],
  ['22:00', '2026-11-24T21:00:00Z', true],
  ['midnight', '2026-11-24T23:00:00Z', true],
  ['05:59', '2026-11-25T04:59:59Z', true],
  ['06:00', '2026-11-25T05:00:00Z', false],
  ['noon', '2026-11-25T11:00:00Z', false],
])('over midnight, in winter: %s', (_local, iso, expected) => {
  expect(isWithin(night, berlin, at(iso))).toBe(expected);
});

test.each([
  ['08:59', '2026-07-01T06:59:00Z', false],
  ['09:00 in summer time', '2026-07-01T07:00:00Z', true],
  ['09:00 in winter time', '2026-12-01T08:00:00Z', true],
  ['17:00', '2026-07-01T15:00:00Z', false],
])('within one day: %s', (_local, iso, expected) => {
  expect(isWithin({ from: '09:00', to: '17:00' }, berlin, at(iso))).toBe(expected);
});

describe('when the clocks change', () => {
  const hour = { from: '02:00', to: '03:00' };
  const half = { from: '02:30', to: '04:00' };

  test('in spring there is no 02:00 to 03:00, and the rest is as ever', () => {
    // 29 March 2026: 01:59 is followed by 03:00.
    const minutes = Array.from({ length: 180 }, (_one, n) => at('2026-03-29T00:00Z') + n * 60_000);
    expect(minutes.filter((time) => isWithin(hour, berlin, time))).toHaveLength(0);
    expect(minutes.filter((time) => isWithin(half, berlin, time))).toHaveLength(60);
    expect(isWithin(half, berlin, at('2026-03-29T01:00Z'))).toBe(true); // 03:00
  });

  test('in autumn 02:00 to 03:00 comes twice', () => {
    // 25 October 2026: 02:59 is followed by 02:00.
    const minutes = Array.from({ length: 240 }, (_one, n) => at('2026-10-24T23:00Z') + n * 60_000);
    expect(minutes.filter((time) => isWithin(hour, berlin, time))).toHaveLength(120);
  });
});

test('a day has every minute once, whatever the window', () => {
  const day = Array.from({ length: 1440 }, (_one, n) => at('2026-05-05T00:00Z') + n * 60_000);
  const within = (from: string, to: string) =>
    day.filter((time) => isWithin({ from, to }, 'UTC', time)).length;
  expect(within('22:00', '06:00') + within('06:00', '22:00')).toBe(1440);
  expect(within('00:00', '00:01')).toBe(1);
  expect(within('23:59', '00:00')).toBe(1);
  expect(within('08:00', '08:00')).toBe(1440); // the whole day
});

test('in a zone whose hour is not whole', () => {
  expect(isWithin({ from: '05:30', to: '05:31' }, 'Asia/Kolkata', at('2026-05-05T00:00Z'))).toBe(
    true,
  );
});

test('a zone that is not known is not taken for another', () => {
  expect(() => isWithin(night, 'Europe/Atlantis', 0)).toThrow(RangeError);
});
