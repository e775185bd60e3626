import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import type { Calendar, PlanRunState } from '#contract/plans.ts';
import { timesOf } from '#engine/schedule/calendar.ts';
import {
  demandSince,
  protectionBy,
  startOf,
  worse,
  type Demand,
  type PairFacts,
} from '#engine/schedule/protection.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const now = Date.parse('2026-03-10T12:00:00Z');
const since = now - 2 * dayMs;
const demand: Demand = {
  ...{ zone: 'UTC', since, start: null, nextDue: now + hourMs, pauseWords: '' },
};
const done: PlanRunState = { kind: 'done', at: now };
const failed: PlanRunState = {
  kind: 'failed',
  at: now,
  error: new AppError('no-space', 'There is no space left.').toJSON(),
};

function pair(change: Partial<PairFacts> = {}): PairFacts {
  const facts = { repository: 'attic', lost: '', lastGood: now - dayMs, ended: null, waits: null };
  return { ...facts, ...change };
}

describe('what a plan asks for', () => {
  const times = (calendar: Calendar) => timesOf(calendar, 'UTC');
  const plan = { createdAt: now - 100 * dayMs, overdueAfterSeconds: 3 * 86_400 };
  const at = (iso: string) => Date.parse(iso);

  test.each<[string, Calendar | null, number, string | null]>([
    ['daily: the time before the last', { kind: 'daily', at: ['03:00'] }, 0, '2026-03-09T03:00Z'],
    ['hourly: the hour before', { kind: 'hourly', minute: 30 }, 0, '2026-03-10T10:30Z'],
    [
      'weekly: a day after its time at the latest',
      { kind: 'weekly', days: ['mon'], at: '11:00' },
      0,
      '2026-03-09T11:00Z',
    ],
    [
      'weekly: not yet a day after',
      { kind: 'weekly', days: ['mon'], at: '13:00' },
      0,
      '2026-03-02T13:00Z',
    ],
    ['no calendar: so long as a person allows', null, 0, '2026-03-07T12:00Z'],
    ['nothing before its first time', { kind: 'daily', at: ['03:00'] }, 99.9 * dayMs, null],
    ['no calendar, and new', null, 99 * dayMs, null],
  ])('%s', (_, calendar, younger, expected) => {
    const made = { ...plan, createdAt: plan.createdAt + younger };
    const found = demandSince(calendar === null ? null : times(calendar), made, now);
    expect(found).toBe(expected === null ? null : at(expected));
  });
});

describe('a plan whose first time is not over', () => {
  const found = timesOf({ kind: 'monthly', day: 1, at: '03:00' }, 'UTC');
  if (found === null) throw new Error('monthly cannot be read');
  const monthly = found;
  const at = (iso: string) => Date.parse(iso);
  const made = now - hourMs;
  const young = (moment: number): Demand => ({
    ...{ ...demand, since: demandSince(monthly, asked, moment) },
    start: startOf(monthly, made, moment),
  });
  const asked = { createdAt: made, overdueAfterSeconds: 3 * 86_400 };
  const stands = (lastGood: number | null, moment = now) =>
    protectionBy(young(moment), [pair({ lastGood })]);

  test('a point older than the time before the plan does not protect', () => {
    expect(stands(now - 800 * dayMs)).toEqual({
      protection: 'overdue',
      words:
        'Its newest restore point in attic is of 31 December 2023 at 12:00, older than the new ' +
        'plan asks for. Its first run: 1 April 2026 at 03:00.',
    });
    expect(stands(at('2026-03-01T02:58Z')).protection).toBe('overdue');
    expect(stands(at('2026-03-01T03:00Z'))).toEqual({ protection: 'protected', words: '' });
    expect(stands(null).protection).toBe('never');
  });

  test('once it is over, what it asks for is told', () => {
    const later = at('2026-04-02T03:00Z');
    expect(startOf(monthly, made, later - 1)).not.toBeNull();
    expect(startOf(monthly, made, later)).toBeNull();
    expect(stands(now, later).words).toContain('one was due 1 April 2026 at 03:00');
  });
});

describe('how a machine stands', () => {
  test.each<[string, PairFacts, string, string]>([
    ['a point as new as asked for', pair(), 'protected', ''],
    ['the point is of the very time', pair({ lastGood: since }), 'protected', ''],
    [
      'an older one',
      pair({ lastGood: since - hourMs, waits: 'Waits for the folder of attic.' }),
      'overdue',
      'Its newest restore point in attic is of 8 March 2026 at 11:00; one was due 8 March 2026 ' +
        'at 12:00. Waits for the folder of attic.',
    ],
    [
      'none at all',
      pair({ lastGood: null }),
      'never',
      'It has no restore point in attic yet: 10 March 2026 at 13:00 is next.',
    ],
    [
      'the newest run failed, and no point came since its time',
      pair({ ended: { due: now - hourMs, state: failed } }),
      'failing',
      'The run of 10 March 2026 at 11:00 to attic failed: There is no space left.',
    ],
    [
      'a failure, and a point made by hand after it',
      pair({ lastGood: now - hourMs / 2, ended: { due: now - hourMs, state: failed } }),
      'protected',
      '',
    ],
    [
      'a good point in a repository that is not known any more',
      pair({ lost: 'The repository attic is not known here any more.' }),
      'failing',
      'The repository attic is not known here any more.',
    ],
    [
      'the newest run was good',
      pair({ ended: { due: now - hourMs, state: done } }),
      'protected',
      '',
    ],
  ])('%s', (_, facts, protection, words) => {
    expect(protectionBy(demand, [facts])).toEqual({ protection, words });
  });

  test('of two repositories the worse one counts', () => {
    const old = pair({ repository: 'offsite', lastGood: since - dayMs });
    expect(protectionBy(demand, [pair(), old])).toMatchObject({ protection: 'overdue' });
    const none = pair({ repository: 'offsite', lastGood: null });
    expect(protectionBy(demand, [pair(), none]).protection).toBe('overdue');
    expect(protectionBy({ ...demand, since: null }, [pair(), none]).protection).toBe('never');
  });

  test('of two plans the worse one counts', () => {
    const good = { protection: 'protected', words: '' } as const;
    const bad = { protection: 'failing', words: 'It failed.' } as const;
    expect(worse(null, good)).toBe(good);
    expect(worse(good, bad)).toBe(bad);
    expect(worse(bad, good)).toBe(bad);
  });

  test('a paused plan says so where it is not met', () => {
    const paused = { ...demand, pauseWords: 'The plan Nightly is paused.' };
    const { words } = protectionBy(paused, [pair({ lastGood: since - hourMs })]);
    expect(words).toContain('The plan Nightly is paused.');
  });
});
