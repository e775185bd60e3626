import { expect, test } from 'vitest';
import type { Calendar } from '#contract/plans.ts';
import { clockChangeWords } from '#engine/schedule/clock-change.ts';

const daily = (at: string): Calendar => ({ kind: 'daily', at: [at] });
const winter = Date.parse('2026-01-01T00:00:00Z');
const summer = Date.parse('2026-07-01T00:00:00Z');

test.each<[string, Calendar, string, number, string]>([
  [
    'skipped, comes after',
    daily('02:30'),
    'Europe/Berlin',
    winter,
    'On 29 March 2026 the clocks go forward from 02:00 to 03:00: what is planned for 02:30 ' +
      'comes at 03:00.',
  ],
  [
    'twice, meant once',
    daily('02:30'),
    'Europe/Berlin',
    summer,
    'On 25 October 2026 the clocks go back from 03:00 to 02:00: what is planned for 02:30 ' +
      'comes once, the first time.',
  ],
  [
    'hourly, left out',
    { kind: 'hourly', minute: 5 },
    'America/New_York',
    winter,
    'On 8 March 2026 the clocks go forward from 02:00 to 03:00: what is planned for 02:05 ' +
      'is left out, and the next comes as usual.',
  ],
  [
    'hourly, twice',
    { kind: 'hourly', minute: 5 },
    'America/New_York',
    summer,
    'On 1 November 2026 the clocks go back from 02:00 to 01:00: what is planned for 01:05 ' +
      'comes both times.',
  ],
  [
    'half an hour',
    daily('02:15'),
    'Australia/Lord_Howe',
    summer,
    'On 4 October 2026 the clocks go forward from 02:00 to 02:30: what is planned for 02:15 ' +
      'comes at 02:30.',
  ],
  ['another hour is not concerned', daily('12:00'), 'Europe/Berlin', winter, ''],
  ['a zone that never changes', daily('02:30'), 'UTC', winter, ''],
  ['a zone nobody knows', daily('02:30'), 'Europe/Nowhere', winter, ''],
])('%s', (_, calendar, zone, now, words) => {
  expect(clockChangeWords(calendar, zone, now)).toBe(words);
});

test('many times are said as a span', () => {
  const often: Calendar = { kind: 'cron', expression: '*/10 * * * *' };
  expect(clockChangeWords(often, 'Europe/Berlin', winter)).toContain('02:00 to 02:50 is left out');
});
