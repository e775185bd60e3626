import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Calendar } from '#contract/plans.ts';
import { calendarProblem, timesOf, zoneProblem } from '#engine/schedule/calendar.ts';

const daily = (...at: string[]): Calendar => ({ kind: 'daily', at });
const hourly = (minute: number): Calendar => ({ kind: 'hourly', minute });
const cron = (expression: string): Calendar => ({ kind: 'cron', expression });
const monthly = (day: number | 'last', at: string): Calendar => ({ kind: 'monthly', day, at });

function times(calendar: Calendar, zone: string) {
  const found = timesOf(calendar, zone);
  if (found === null) throw new Error('unreadable');
  return found;
}

/** The next times after `after`, as "2026-03-29T01:00". */
function next(calendar: Calendar, zone: string, after: string, count: number) {
  return times(calendar, zone)
    .between(Date.parse(after) + 1, Infinity, count)
    .map((time) => new Date(time).toISOString().slice(0, 16));
}

describe('the times of a calendar', () => {
  // zone, calendar, after, expected in UTC
  test.each<[string, string, Calendar, string, readonly string[]]>([
    [
      'a skipped time comes at the first moment after',
      'Europe/Berlin',
      daily('02:30'),
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00', '2026-03-30T00:30'],
    ],
    [
      'a time that comes twice is meant once, the first time',
      'Europe/Berlin',
      daily('02:30'),
      '2026-10-24T12:00Z',
      ['2026-10-25T00:30', '2026-10-26T01:30'],
    ],
    [
      'an hour that is skipped is left out by “hourly”',
      'Europe/Berlin',
      hourly(30),
      '2026-03-29T00:00Z',
      ['2026-03-29T00:30', '2026-03-29T01:30', '2026-03-29T02:30'],
    ],
    [
      'an hour that comes twice is meant twice by “hourly”',
      'America/New_York',
      hourly(30),
      '2026-11-01T05:00Z',
      ['2026-11-01T05:30', '2026-11-01T06:30', '2026-11-01T07:30'],
    ],
    [
      'two times a day, one of them skipped',
      'America/New_York',
      daily('02:30', '14:00'),
      '2026-03-08T00:00Z',
      ['2026-03-08T07:00', '2026-03-08T18:00', '2026-03-09T06:30'],
    ],
    [
      'a zone that moves by half an hour: skipped',
      'Australia/Lord_Howe',
      daily('02:15'),
      '2026-10-02T16:00Z',
      ['2026-10-03T15:30', '2026-10-04T15:15'],
    ],
    [
      'a zone that moves by half an hour: twice',
      'Australia/Lord_Howe',
      daily('01:45'),
      '2026-04-04T00:00Z',
      ['2026-04-04T14:45', '2026-04-05T15:15'],
    ],
    [
      'a cron list of hours is meant like several daily times',
      'Europe/Berlin',
      cron('30 2,14 * * *'),
      '2026-03-28T20:00Z',
      ['2026-03-29T01:00', '2026-03-29T12:30'],
    ],
    [
      'some days of the week',
      'UTC',
      { kind: 'weekly', days: ['mon', 'sun'], at: '04:00' },
      '2026-01-01T00:00Z',
      ['2026-01-04T04:00', '2026-01-05T04:00', '2026-01-11T04:00'],
    ],
    [
      'the 31st is the last day of a shorter month',
      'UTC',
      monthly(31, '03:00'),
      '2026-01-01T00:00Z',
      ['2026-01-31T03:00', '2026-02-28T03:00', '2026-03-31T03:00', '2026-04-30T03:00'],
    ],
    [
      'the 30th is the last day of February only',
      'UTC',
      monthly(30, '03:00'),
      '2026-01-01T00:00Z',
      ['2026-01-30T03:00', '2026-02-28T03:00', '2026-03-30T03:00', '2026-04-30T03:00'],
    ],
    [
      'the 29th of a leap year is that day, once',
      'UTC',
      monthly(29, '03:00'),
      '2028-02-01T00:00Z',
      ['2028-02-29T03:00', '2028-03-29T03:00'],
    ],
    [
      'the last day of each month',
      'UTC',
      monthly('last', '23:59'),
      '2026-01-31T23:59Z',
      ['2026-02-28T23:59', '2026-03-31T23:59', '2026-04-30T23:59'],
    ],
  ])('%s (%s)', (_, zone, calendar, after, expected) => {
    expect(next(calendar, zone, after, expected.length)).toEqual(expected);
  });

  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Tehran', 'UTC'];
  const calendars = [
    ...[hourly(30), daily('02:30', '14:00'), monthly(31, '00:00'), monthly('last', '23:59')],
    ...[cron('*/20 1-3 * * *'), cron('10,50 1-3 * * SUN')],
  ];
  const year = { min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) };

  /** The weeks in which clocks change somewhere. */
  const changes = [
    [Date.UTC(2026, 2, 1), Date.UTC(2026, 3, 10)],
    [Date.UTC(2026, 8, 28), Date.UTC(2026, 10, 5)],
  ] as const;

  test.each(zones)('forwards and backwards are the same times in %s', (zone) => {
    for (const calendar of calendars) {
      const all = times(calendar, zone);
      for (const [from, to] of changes) {
        const forwards = all.between(from, to, 2000);
        const backwards = all.last(to - 1, forwards.length);
        expect([...backwards].reverse()).toEqual(forwards);
      }
    }
  });

  test('whatever is asked before, the next time is the same', () => {
    const any = fc.record({
      zone: fc.constantFrom(...zones),
      calendar: fc.constantFrom(...calendars),
      asked: fc.array(fc.integer(year), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(any, ({ zone, calendar, asked }) => {
        const all = times(calendar, zone);
        for (const at of asked) {
          const coming = all.next(at);
          const [newest] = all.last(at, 1);
          expect(coming).toBeGreaterThan(at);
          expect(newest).toBeLessThanOrEqual(at);
          // Nothing lies between the two.
          expect(all.next(newest ?? 0)).toBe(coming);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('what cannot be read', () => {
  test.each([
    ['* * * *', 'five parts'],
    ['@daily', 'five parts'],
    ['0 0 1 1 * 2030', 'This one has 6'],
    ['61 * * * *', '“61” cannot be the minute.'],
    ['0 24 * * *', '“24” cannot be the hour.'],
    ['0 0 32 * *', '“32” cannot be the day of the month.'],
    ['0 0 * 13 *', '“13” cannot be the month.'],
    ['0 3 * * nosuchday', 'cannot be the day of the week.'],
    ['? * * * *', '“?” cannot be the minute.'],
  ])('%s', (expression, words) => {
    expect(calendarProblem(cron(expression))).toContain(words);
    expect(timesOf(cron(expression), 'UTC')).toBeNull();
  });

  test('a date that never comes has no next time', () => {
    expect(calendarProblem(cron('0 0 31 2 *'))).toBeNull();
    expect(times(cron('0 0 31 2 *'), 'UTC').next(Date.UTC(2026, 0, 1))).toBeNull();
  });

  test('a zone nobody knows', () => {
    expect(zoneProblem('Europe/Berlin')).toBeNull();
    expect(zoneProblem('Europe/Nowhere')).toContain('There is no time zone “Europe/Nowhere”');
    expect(timesOf(daily('03:00'), 'Europe/Nowhere')).toBeNull();
  });
});
