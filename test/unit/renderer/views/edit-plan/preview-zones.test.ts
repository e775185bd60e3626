import { describe, expect, test } from 'vitest';
import type { KeepReason, PreviewPoint } from '#contract/plans.ts';
import { totalsOf, zonesOf } from '../../../../../src-renderer/views/edit-plan/preview-zones.ts';

const day = 86_400_000;
const now = 1000 * day;
const point = (age: number, keep: readonly KeepReason[], freesBytes = 0): PreviewPoint => ({
  id: null,
  time: now - age * day,
  keep,
  freesBytes: keep.length === 0 ? freesBytes : null,
});
const width = 960;

describe('the drawing', () => {
  const points = [
    point(900, ['yearly']),
    point(100, ['monthly']),
    point(30, []),
    point(5, ['daily']),
    point(4, ['daily', 'pinned']),
    point(0.5, ['last']),
  ];
  const zones = zonesOf(points, now, width);

  test('the stretches are in the order of time and fill the width', () => {
    expect(zones.map(({ name }) => name)).toEqual([
      ...['older', 'year', 'quarter', 'fortnight', 'days'],
    ]);
    const last = zones.at(-1);
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBeCloseTo(width);
  });

  test('what stays longer is taller; what goes is marked; a pin is kept', () => {
    const marks = zones.flatMap((zone) => zone.marks);
    expect(marks.map(({ stays }) => stays)).toEqual([true, true, false, true, true, true]);
    const [yearly, monthly, , daily, pinned, newest] = marks;
    expect(yearly?.height).toBeGreaterThan(monthly?.height ?? 0);
    expect(monthly?.height).toBeGreaterThan(daily?.height ?? 0);
    expect(daily?.height).toBeGreaterThan(newest?.height ?? 0);
    expect(pinned?.pinned).toBe(true);
  });

  test('marks of one stretch do not touch, whatever their number', () => {
    for (const count of [1, 7, 200]) {
      const many = Array.from({ length: count }, (_, index) => point(13 - index / 50, ['daily']));
      const [zone] = zonesOf(many, now, width);
      const marks = zone?.marks ?? [];
      expect(marks).toHaveLength(count);
      for (const [index, mark] of marks.entries()) {
        const next = marks[index + 1];
        if (next !== undefined) expect(mark.x + mark.width).toBeLessThan(next.x);
      }
    }
  });

  test('more points than marks share them, and none is lost', () => {
    const many = Array.from({ length: 8760 }, (_, index) =>
      point(364 - index / 24, index % 2 === 0 ? ['hourly'] : []),
    );
    const marks = zonesOf(many, now, width).flatMap((zone) => zone.marks);
    expect(marks.length).toBeLessThanOrEqual(4 * 200);
    expect(marks.flatMap(({ points: held }) => held)).toHaveLength(8760);
    expect(marks.some(({ stays, someGo }) => stays && someGo)).toBe(true);
  });

  test('no points, no drawing', () => {
    expect(zonesOf([], now, width)).toEqual([]);
  });
});

test('totals count what stays, what goes and what that frees', () => {
  expect(totalsOf([point(1, ['last']), point(2, [], 5), point(3, [], 7)])).toEqual({
    stay: 1,
    go: 2,
    freesBytes: 12,
  });
});
