import { describe, expect, test } from 'vitest';
import {
  atNow,
  cellsOf,
  cellStart,
  overviewSpan,
  shareOf,
  shifted,
  showing,
  ticksOf,
  windowAround,
  windowAtNow,
  zooms,
} from '../../../../../src-renderer/views/machine/time-window.ts';

const now = new Date(2026, 10, 23, 10, 32).getTime();
const day = (month: number, date: number, year = 2026) => new Date(year, month, date).getTime();

describe('windowAtNow', () => {
  test('a month is 28 days back and 5 ahead, on whole days', () => {
    expect(windowAtNow('month', now)).toEqual({ zoom: 'month', from: day(9, 26), to: day(10, 28) });
  });

  test.each(zooms)('%s: now is near the right, with room for what comes', (zoom) => {
    const share = shareOf(windowAtNow(zoom, now), now);
    expect(share).toBeGreaterThan(0.75);
    expect(share).toBeLessThan(0.93);
  });

  test.each(zooms)('%s: the cells tile the window without gap or overlap', (zoom) => {
    const window = windowAtNow(zoom, now);
    const cells = cellsOf(window);
    expect(cells[0]?.from).toBe(window.from);
    expect(cells.at(-1)?.to).toBe(window.to);
    cells.slice(1).forEach((cell, at) => expect(cell.from).toBe(cells[at]?.to));
  });
});

test('a year begins its weeks on Monday', () => {
  expect(new Date(cellStart('year', now)).getDay()).toBe(1);
  expect(cellStart('year', day(10, 29))).toBe(day(10, 23)); // a Sunday belongs to the week before
});

describe('moving', () => {
  test('earlier and later are inverse inside the history', () => {
    const month = windowAtNow('month', now);
    const earlier = shifted(month, -2, now);
    expect(earlier.to).toBeLessThan(month.from);
    expect(shifted(earlier, 2, now)).toEqual(month);
  });

  test('later never passes the window at now', () => {
    const month = windowAtNow('month', now);
    expect(shifted(month, 3, now)).toEqual(month);
    expect(atNow(month, now)).toBe(true);
    expect(atNow(shifted(month, -1, now), now)).toBe(false);
  });

  test('zooming keeps the selected point where it was', () => {
    const point = day(10, 3);
    const share = 0.4;
    for (const zoom of zooms) {
      const window = windowAround(zoom, point, share, now);
      const cell = 1 / cellsOf(window).length;
      if (!atNow(window, now)) {
        expect(Math.abs(shareOf(window, point) - share)).toBeLessThanOrEqual(cell + 1e-9);
      }
      expect(shareOf(window, point)).toBeGreaterThanOrEqual(0);
      expect(shareOf(window, point)).toBeLessThan(1);
    }
  });

  test('a point outside is brought in, one inside moves nothing', () => {
    const month = windowAtNow('month', now);
    expect(showing(month, day(10, 1), now)).toBe(month);
    const old = day(2, 1);
    const moved = showing(month, old, now);
    expect(old).toBeGreaterThanOrEqual(moved.from);
    expect(old).toBeLessThan(moved.to);
  });
});

describe('ticks', () => {
  test('a month has a tick a day and a line on Mondays', () => {
    const ticks = ticksOf(windowAtNow('month', now));
    expect(ticks).toHaveLength(33);
    expect(ticks.filter((tick) => tick.major).map((tick) => new Date(tick.time).getDay())).toEqual([
      1, 1, 1, 1, 1,
    ]);
  });

  test('a year has a tick a month, on the first', () => {
    const ticks = ticksOf(windowAtNow('year', now));
    expect(ticks.every((tick) => new Date(tick.time).getDate() === 1)).toBe(true);
    expect(ticks.length).toBeGreaterThanOrEqual(13);
  });
});

test('the overview reaches from the oldest point to past now, a month at least', () => {
  const old = day(0, 5, 2025);
  const span = overviewSpan(old, now);
  expect(span.from).toBeLessThanOrEqual(old);
  expect(span.to).toBeGreaterThan(now);
  const month = windowAtNow('month', now);
  expect(overviewSpan(null, now)).toEqual({ from: month.from, to: month.to });
});
