import { expect, test } from 'vitest';
import type { ReportRepository } from '#engine/report/facts.ts';
import { farthestMs, forecast, leastHistoryMs, type Forecast } from '#engine/report/forecast.ts';
import { quietWeek, reportTime } from '../../../fakes/report-facts.ts';

const day = 86_400_000;
const about = (change: Partial<ReportRepository>): ReportRepository => ({
  ...quietWeek().repositories[0]!,
  ...change,
});

test.each<[string, ReportRepository, Forecast]>([
  [
    'ten days from now',
    about({ fullAt: reportTime + 10 * day }),
    { kind: 'full-at', time: reportTime + 10 * day },
  ],
  ['full now', about({ fullAt: reportTime }), { kind: 'full-at', time: reportTime }],
  [
    'exactly two weeks of points are enough',
    about({ historyMs: leastHistoryMs, fullAt: reportTime }),
    { kind: 'full-at', time: reportTime },
  ],
  [
    'a moment less is not',
    about({ historyMs: leastHistoryMs - 1, fullAt: reportTime }),
    { kind: 'too-early' },
  ],
  ['nothing was added', about({ fullAt: null }), { kind: 'not-soon' }],
  [
    'farther than anybody can tell',
    about({ fullAt: reportTime + farthestMs + 1 }),
    { kind: 'not-soon' },
  ],
  ['the room is not known', about({ freeBytes: null, fullAt: null }), { kind: 'unknown' }],
])('%s', (_what, repository, expected) => {
  expect(forecast(repository, reportTime)).toEqual(expected);
});
