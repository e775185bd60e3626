import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Calendar } from '#contract/plans.ts';
import { timesOf, type Times } from '#engine/schedule/calendar.ts';
import { dueNow, earliestClock, onTimeMs, type DueFacts } from '#engine/schedule/due.ts';

const hourMs = 3_600_000;
const start = Date.parse('2026-03-01T00:00:00Z');

function times(calendar: Calendar): Times {
  const found = timesOf(calendar, 'Europe/Berlin');
  if (found === null) throw new Error('unreadable');
  return found;
}

const hourly = times({ kind: 'hourly', minute: 0 });
const minutely = times({ kind: 'cron', expression: '* * * * *' });

function facts(change: Partial<DueFacts> = {}): DueFacts {
  return {
    times: hourly,
    zone: 'UTC',
    nextDue: start + hourMs,
    now: start,
    catchUp: true,
    pause: { kind: 'no' },
    pausedAt: null,
    pausedWords: 'The plan was paused.',
    claimed: new Set(),
    maxMissed: 500,
    why: () => 'The computer slept.',
    ...change,
  };
}

describe('one look', () => {
  test('before the time nothing begins', () => {
    expect(dueNow(facts())).toEqual({ begin: null, passed: [], nextDue: start + hourMs });
  });

  test('a look a few minutes late is in time', () => {
    const now = start + hourMs + onTimeMs;
    expect(dueNow(facts({ now })).begin).toEqual({ due: start + hourMs, cause: 'schedule' });
    expect(dueNow(facts({ now: now + 1 })).begin?.cause).toBe('catch-up');
  });

  test('of several missed times the newest is made up for, each other has its reason', () => {
    const due = dueNow(facts({ now: start + 3 * hourMs + hourMs / 2 }));
    expect(due).toEqual({
      begin: { due: start + 3 * hourMs, cause: 'catch-up' },
      passed: [2, 1].map((hours) => ({
        ...{ due: start + hours * hourMs, kind: 'missed', times: 1 },
        words: 'The computer slept. The run of 1 March 2026 at 03:00 makes up for it.',
      })),
      nextDue: start + 4 * hourMs,
    });
  });

  test('more than there may be rows for are told in one', () => {
    const due = dueNow(facts({ now: start + 30.5 * hourMs, maxMissed: 3 }));
    expect(due.passed.map((passed) => passed.times)).toEqual([1, 1, 1, 26]);
    expect(due.passed.at(-1)?.words).toBe(
      'This and 25 times before it, from 1 March 2026 at 01:00 on, passed without a run. ' +
        'The computer slept.',
    );
  });

  test('a year of minutes is told without counting to the end', () => {
    const due = dueNow(
      facts({ times: minutely, nextDue: start, now: start + 365 * 24 * hourMs, catchUp: false }),
    );
    expect(due.passed).toHaveLength(501);
    expect(due.passed.at(-1)?.words).toContain('This and at least 999 times before it');
  });

  test('while the plan is paused its times are skipped, not missed', () => {
    const pause = { kind: 'paused', until: start + 2.5 * hourMs } as const;
    const paused = { pause, pausedAt: start };
    expect(dueNow(facts({ ...paused, now: start + hourMs })).begin).toBeNull();
    const after = dueNow(facts({ ...paused, now: start + 3 * hourMs }));
    expect(after.begin?.due).toBe(start + 3 * hourMs);
    expect(after.passed.map(({ kind }) => kind)).toEqual(['skipped', 'skipped']);
  });

  test('with a clock before 2020 nothing is due, and what was planned by it never was', () => {
    const wrong = earliestClock - 10 * 365 * 24 * hourMs;
    expect(dueNow(facts({ now: wrong, nextDue: wrong - hourMs })).begin).toBeNull();
    const right = dueNow(facts({ now: start, nextDue: wrong }));
    expect(right).toEqual({ begin: null, passed: [], nextDue: start + hourMs });
  });

  test('a clock that was put back plans again what has no row', () => {
    const nextDue = start + 100 * hourMs;
    expect(dueNow(facts({ nextDue })).nextDue).toBe(start + hourMs);
    const claimed = new Set([start + hourMs, start + 2 * hourMs]);
    expect(dueNow(facts({ nextDue, claimed })).nextDue).toBe(start + 3 * hourMs);
  });
});

test(
  'however the looks fall, each time is told once and the next is the calendar’s',
  {
    timeout: 30_000,
  },
  () => {
    const looks = fc.array(fc.integer({ min: 1, max: 20 * hourMs }), {
      minLength: 1,
      maxLength: 25,
    });
    const options = fc.record({
      looks,
      catchUp: fc.boolean(),
      maxMissed: fc.integer({ max: 8, min: 1 }),
    });
    fc.assert(
      fc.property(options, ({ looks: gaps, catchUp, maxMissed }) => {
        let now = start;
        let nextDue = hourly.next(start);
        const told: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const due = dueNow(facts({ now, nextDue, catchUp, maxMissed }));
          if (due.begin !== null) told.push(due.begin.due);
          for (const { due: time, times: count } of due.passed) {
            // One that tells of more stands for those right before it.
            for (let n = 0; n < count; n += 1) told.push(time - n * hourMs);
          }
          nextDue = due.nextDue;
          expect(nextDue).toBe(hourly.next(now));
        }
        expect(told.sort((a, b) => a - b)).toEqual(hourly.between(start + 1, now + 1, 10_000));
      }),
      { numRuns: 40 },
    );
  },
);
