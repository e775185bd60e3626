import { expect, test } from 'vitest';
import type { ReportFacts } from '#engine/report/facts.ts';
import { verdictOf, type Tone } from '#engine/report/verdict.ts';
import { badWeek, machine, quietWeek, run } from '../../../fakes/report-facts.ts';

const overdue = machine('web', { protection: 'overdue', words: 'Waits.' });
const counts = { done: 7, problems: 0, failed: 0, missed: 0 };

test.each<[string, ReportFacts, Tone, string, string]>([
  [
    'a quiet week',
    quietWeek(),
    'good',
    'All 3 machines are protected',
    'Nothing failed, and nothing was missed.',
  ],
  [
    'green, and still not protected: what was missed says why',
    quietWeek({ machines: [machine('mail'), overdue], counts: { ...counts, missed: 3 } }),
    'look',
    '1 of 2 machines is not protected',
    'Everything that ran ended well, and still: 3 planned times passed without a run.',
  ],
  [
    'green, nothing missed, and still not protected',
    quietWeek({ machines: [overdue], counts }),
    'look',
    '1 of 1 machine is not protected',
    'Everything that ran ended well, and still: No run was missed in these days either: ' +
      'look at why each waits.',
  ],
  [
    'failed runs',
    badWeek(),
    'bad',
    '3 of 6 machines are not protected',
    '3 runs failed, and 9 planned times passed without one.',
  ],
  [
    'what failed was made up for',
    quietWeek({ counts: { ...counts, failed: 1, missed: 2 }, waiting: [run('web', 'Waits.')] }),
    'good',
    'All 3 machines are protected',
    '1 run failed, 2 planned times passed without a run and 1 run waits now. ' +
      'Later runs made up for it.',
  ],
  [
    'some are on no plan: that is said beside it',
    quietWeek({ machines: [machine('a'), machine('b', { protection: 'not-planned' })] }),
    'good',
    'The machine is protected; 1 is on no plan',
    'Nothing failed, and nothing was missed.',
  ],
  [
    'no plan at all is not good',
    quietWeek({ machines: [machine('b', { protection: 'not-planned' })] }),
    'unknown',
    'Nothing is planned',
    'No plan means any of 1 machine.',
  ],
  [
    'nothing seen is not good either',
    quietWeek({ machines: [] }),
    'unknown',
    'No machine was seen',
    'No host is connected, or the hosts have no machines.',
  ],
])('%s', (_what, facts, tone, title, words) => {
  expect(verdictOf(facts)).toEqual({ tone, title, words });
});
