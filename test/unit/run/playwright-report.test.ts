import { expect, test } from 'vitest';
import { playwrightOutcomes } from '../../run/playwright-report.ts';

const one = (status: string, annotations: object[] = []) => ({
  projectName: 'browser',
  status,
  annotations,
});

test('nested suites, all statuses and errors outside tests are read', () => {
  const report = {
    suites: [
      {
        title: 'first.spec.ts',
        specs: [{ title: 'opens', tests: [one('expected')] }],
        suites: [
          {
            title: 'inner',
            specs: [
              { title: 'breaks', tests: [one('unexpected')] },
              { title: 'wobbles', tests: [one('flaky')] },
              {
                title: 'rests',
                tests: [one('skipped', [{ type: 'skip', description: 'no display' }])],
              },
              { title: 'rests silently', tests: [one('skipped')] },
            ],
          },
        ],
      },
    ],
    errors: [{ message: 'the server did not start' }],
  };
  const outcomes = playwrightOutcomes(report);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'passed',
    'failed',
    'passed',
    'skipped',
    'failed',
    'failed',
  ]);
  expect(outcomes[1]?.name).toBe('browser > first.spec.ts > inner > breaks');
  expect(outcomes[3]).toMatchObject({ why: 'no display' });
  expect(outcomes[5]).toMatchObject({ why: 'the server did not start' });
});

test('something that is no report is refused', () => {
  expect(() => playwrightOutcomes({})).toThrow();
});
