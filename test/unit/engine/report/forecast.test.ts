import { expect, test } from 'vitest';
import type { ReportRepository } from '#engine/report/facts.ts';
import { forecast, leastGrowthMs, type Forecast } from '#engine/report/forecast.ts';
import { quietWeek, reportTime } from '../../../fakes/report-facts.ts';

const day = 86_400_000;
const about = (freeBytes: number | null, growth: ReportRepository['growth']): ReportRepository => ({
  ...quietWeek().repositories[0]!,
  freeBytes,
  growth,
});

test.each<[string, ReportRepository, Forecast]>([
  [
    '100 a day, 1000 free',
    about(1000, { bytes: 2800, overMs: 28 * day }),
    { kind: 'full-at', time: reportTime + 10 * day },
  ],
  ['full now', about(0, { bytes: 2800, overMs: 28 * day }), { kind: 'full-at', time: reportTime }],
  [
    'exactly two weeks are enough',
    about(1400, { bytes: 1400, overMs: leastGrowthMs }),
    { kind: 'full-at', time: reportTime + leastGrowthMs },
  ],
  [
    'a moment less is not',
    about(1400, { bytes: 1400, overMs: leastGrowthMs - 1 }),
    { kind: 'too-early' },
  ],
  ['nothing was added', about(1000, { bytes: 0, overMs: 28 * day }), { kind: 'not-soon' }],
  ['a hundred years', about(1e12, { bytes: 1, overMs: 28 * day }), { kind: 'not-soon' }],
  ['the room is not known', about(null, { bytes: 1, overMs: 28 * day }), { kind: 'unknown' }],
])('%s', (_what, repository, expected) => {
  expect(forecast(repository, reportTime)).toEqual(expected);
});
