import { describe, expect, test } from 'vitest';
import type { PlanTime } from '#contract/plans.ts';
import { daysOf, dayWords } from '../../../../../src-renderer/views/plans/strip-days.ts';

const at = (day: number, hour: number) => new Date(2026, 10, day, hour).getTime();
const time = (day: number, hour: number, kind: PlanTime['kind']): PlanTime => ({
  due: at(day, hour),
  kind,
  runs: 1,
});

describe('days of the strip', () => {
  test('every day is there, those without a time too', () => {
    const days = daysOf([time(3, 2, 'done')], at(1, 0), at(4, 23));
    expect(days.map(({ mark }) => mark)).toEqual([null, null, 'done', null]);
  });

  test('the gravest of a day is its mark, and all are counted', () => {
    const [day] = daysOf(
      [time(1, 2, 'done'), time(1, 3, 'missed'), time(1, 4, 'done')],
      at(1, 0),
      at(1, 23),
    );
    expect(day?.mark).toBe('missed');
    expect(day === undefined ? '' : dayWords(day)).toBe('1 missed, 2 done');
  });

  test('one time is said without a number, none as none', () => {
    const [one, none] = daysOf([time(1, 2, 'failed')], at(1, 0), at(2, 1));
    expect(one === undefined ? '' : dayWords(one)).toBe('Failed');
    expect(none === undefined ? '' : dayWords(none)).toBe('no run');
  });

  test('a day of 23 hours is one day', () => {
    // Wherever this runs: the days between two midnights are as many as the calendar has.
    const days = daysOf([], new Date(2026, 2, 1).getTime(), new Date(2026, 2, 31, 23).getTime());
    expect(days).toHaveLength(31);
    expect(days.every(({ start }) => new Date(start).getHours() === 0)).toBe(true);
  });
});
