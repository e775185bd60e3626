import { describe, expect, test } from 'vitest';
import type { HostId, MachineId } from '#contract/domain.ts';
import { defaultPlanDraft } from '#contract/plan-defaults.ts';
import type { Calendar, PlanRunState } from '#contract/plans.ts';
import {
  calendarText,
  conditionTexts,
  namesText,
  retentionText,
  runMark,
  runReason,
  triggerTexts,
  whichText,
} from '../../../../src-renderer/text/plan-words.ts';

const calendars: readonly (readonly [Calendar | null, string])[] = [
  [{ kind: 'hourly', minute: 5 }, 'Hourly at minute 05'],
  [{ kind: 'daily', at: ['14:00', '02:00'] }, 'Daily at 02:00 and 14:00'],
  [{ kind: 'weekly', days: ['mon', 'fri'], at: '03:00' }, 'Weekly on Monday and Friday at 03:00'],
  [{ kind: 'monthly', day: 3, at: '04:00' }, 'Monthly on day 3 at 04:00'],
  [{ kind: 'monthly', day: 'last', at: '04:00' }, 'Monthly on the last day at 04:00'],
  [{ kind: 'cron', expression: '0 2 * * *' }, 'By the expression 0 2 * * *'],
  [null, 'Only when something asks for it'],
];
test.each(calendars)('%o is “%s”', (calendar, words) => {
  expect(calendarText(calendar)).toBe(words);
});

test('a rule in words leaves out what it does not ask for', () => {
  const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  expect(retentionText({ ...none, last: 3, monthly: 12 })).toBe('3 last, 12 monthly');
  expect(retentionText(none)).toBe('Nothing stays');
  expect(retentionText(null)).toBe('Everything stays');
});

describe('which machines', () => {
  const host = () => 'rack';
  const out = ['a' as MachineId, 'b' as MachineId];

  test('a rule is said as one, with how many are left out', () => {
    expect(whichText({ kind: 'all', except: [] }, host, [])).toBe(
      'All machines, new ones included',
    );
    expect(whichText({ kind: 'host', host: 'h' as HostId, except: out }, host, [])).toBe(
      'All on rack but 2, new ones included',
    );
  });

  test('chosen ones are named, a long list is cut', () => {
    expect(namesText(['a', 'b', 'c'])).toBe('a, b, c');
    expect(namesText(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
  });
});

test('the shortest interval is told only where something asks between the times', () => {
  const draft = defaultPlanDraft('UTC');
  expect(triggerTexts(draft)).toEqual([]);
  const triggers = { ...draft.triggers, shutdown: true };
  expect(triggerTexts({ ...draft, triggers })).toEqual([
    'when a machine was shut down',
    'not sooner than 1 h after the last point',
  ]);
  expect(conditionTexts(draft)).toEqual([]);
});

describe('a run', () => {
  const states: readonly (readonly [PlanRunState, string, string])[] = [
    [
      { kind: 'waiting', reason: 'on-battery', words: 'Waits for mains power.', since: 1 },
      'Waiting',
      'Waits for mains power.',
    ],
    [{ kind: 'missed', at: 1, words: 'Nothing ran here.' }, 'Missed', 'Nothing ran here.'],
    [{ kind: 'skipped', at: 1, words: 'It was paused.' }, 'Skipped', 'It was paused.'],
    [
      { kind: 'failed', at: 1, error: { code: 'no-space', message: 'Full.', data: {} } },
      'Failed',
      'Full.',
    ],
    [{ kind: 'problems', at: 1, problems: ['A.', 'B.'] }, 'Done with problems', 'A. B.'],
    [{ kind: 'done', at: 1 }, 'Done', ''],
  ];
  test.each(states)('%o says its state and its reason', (state, word, reason) => {
    expect(runMark(state.kind).text).toBe(word);
    expect(runReason(state)).toBe(reason);
  });
});
