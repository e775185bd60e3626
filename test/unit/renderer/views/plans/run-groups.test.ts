import { describe, expect, test } from 'vitest';
import type { PlanRun } from '#contract/plans.ts';
import { bundlesOf, groupsOf, ofDay } from '../../../../../src-renderer/views/plans/run-groups.ts';

function run(name: string, due: number, kind: string, cause = 'schedule'): PlanRun {
  return {
    id: `${name}-${due}-${kind}`,
    due,
    cause,
    machine: { name },
    state: { kind },
  } as PlanRun;
}

describe('groups', () => {
  test('runs of one time are together, trouble apart from what went well', () => {
    const groups = groupsOf([
      run('web', 9, 'done'),
      run('mail', 9, 'failed'),
      run('db', 9, 'done'),
      run('web', 5, 'missed'),
    ]);
    expect(groups.map(({ due }) => due)).toEqual([9, 5]);
    expect(groups[0]?.trouble.map(({ machine }) => machine.name)).toEqual(['mail']);
    expect(groups[0]?.done.map(({ machine }) => machine.name)).toEqual(['db', 'web']);
  });

  test('a run made up for is not of the time that was missed', () => {
    const groups = groupsOf([run('web', 5, 'done', 'catch-up'), run('web', 5, 'missed')]);
    expect(groups).toHaveLength(2);
  });
});

test('a day holds what was due from its midnight to the next', () => {
  const runs = [run('a', 100, 'done'), run('b', 199, 'done'), run('c', 200, 'done')];
  expect(ofDay(runs, { start: 100, end: 200 }).map(({ machine }) => machine.name)).toEqual([
    'a',
    'b',
  ]);
  expect(ofDay(runs, null)).toHaveLength(3);
});

describe('bundles', () => {
  const reason = ({ machine }: PlanRun): string => (machine.name.startsWith('x') ? 'Own.' : 'Off.');

  test('many that say the same are one row; one that says something else stands alone', () => {
    const same = ['a', 'b', 'c', 'd'].map((name) => run(name, 1, 'missed'));
    const bundles = bundlesOf([...same, run('x', 1, 'missed')], reason);
    expect(bundles.map(({ runs }) => runs.length)).toEqual([4, 1]);
  });

  test('few are shown one by one', () => {
    const few = ['a', 'b', 'c'].map((name) => run(name, 1, 'missed'));
    expect(bundlesOf(few, reason).map(({ runs }) => runs.length)).toEqual([1, 1, 1]);
  });

  test('the same words in another state are another thing', () => {
    const runs = ['a', 'b', 'c', 'd'].map((name, index) =>
      run(name, 1, index < 2 ? 'missed' : 'skipped'),
    );
    expect(bundlesOf(runs, reason)).toHaveLength(4);
  });
});
