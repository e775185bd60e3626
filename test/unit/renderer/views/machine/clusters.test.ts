import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clusterWidth,
  marksByCell,
  marksByTime,
  pointMarks,
} from '../../../../../src-renderer/views/machine/clusters.ts';
import { windowAtNow, zooms } from '../../../../../src-renderer/views/machine/time-window.ts';

const now = new Date(2026, 10, 23, 10, 32).getTime();
const width = 600;
const dated = (...times: readonly number[]) => times.map((time) => ({ time }));

describe('by time', () => {
  test('marks that would touch become one with all of them', () => {
    const marks = marksByTime(dated(10, 14, 19, 60), (time) => time, 8);
    expect(marks.map((mark) => mark.members.map((member) => member.time))).toEqual([
      [10, 14, 19],
      [60],
    ]);
    expect(marks[0]?.x).toBe(14.5);
  });

  test('a long row of touching marks is cut into marks that stand apart', () => {
    const many = Array.from({ length: 100 }, (_, index) => index * 2);
    const marks = marksByTime(dated(...many), (time) => time, 8);
    expect(marks.map(({ members }) => members.length)).toEqual([20, 20, 20, 20, 20]);
    const steps = marks.slice(1).map(({ x }, index) => x - (marks[index]?.x ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(clusterWidth);
    expect(marks.flatMap(({ members }) => members.map(({ time }) => time))).toEqual(many);
  });

  test('nothing gives nothing', () => {
    expect(marksByTime([], (time) => time, 8)).toEqual([]);
  });
});

describe('by cell', () => {
  const cells = [
    { from: 0, to: 20 },
    { from: 20, to: 40 },
  ];

  test('up to three stand side by side, around the middle of the cell', () => {
    const marks = marksByCell(dated(1, 2, 3), cells, (time) => time, 3, 1000);
    expect(marks).toHaveLength(3);
    expect(marks[1]?.x).toBeCloseTo(10);
    expect((marks[1]?.x ?? 0) - (marks[0]?.x ?? 0)).toBeGreaterThan(marks[0]?.width ?? 99);
  });

  test('what was made today stands left of now', () => {
    const marks = marksByCell(dated(1), cells, (time) => time, 3, 4);
    expect(marks[0]?.x).toBe(2);
  });

  test('from four on one bar stands for the cell', () => {
    const marks = marksByCell(dated(1, 2, 3, 4, 25), cells, (time) => time, 3, 1000);
    expect(marks.map((mark) => mark.members.length)).toEqual([4, 1]);
  });
});

test('property: every point in the window is in one mark, and marks stay inside', () => {
  const times = fc.array(fc.integer({ min: now - 400 * 86_400_000, max: now }), { maxLength: 80 });
  fc.assert(
    fc.property(times, fc.constantFrom(...zooms), (list, zoom) => {
      const window = windowAtNow(zoom, now);
      const at = (time: number) => ((time - window.from) / (window.to - window.from)) * width;
      const marks = pointMarks(dated(...list), window, at, now);
      const shown = marks.flatMap((mark) => mark.members.map((member) => member.time));
      const inside = list.filter((time) => time >= window.from && time < window.to);
      expect(shown.sort((a, b) => a - b)).toEqual(inside.sort((a, b) => a - b));
      for (const mark of marks) {
        expect(mark.x).toBeGreaterThanOrEqual(0);
        expect(mark.x).toBeLessThanOrEqual(width);
      }
    }),
  );
});
