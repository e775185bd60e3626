import { expect, test } from 'vitest';
import type { Job, JobId, JobResult, JobState } from '#contract/domain.ts';
import { endText, outcomeMark } from '../../../../../src-renderer/views/jobs/job-words.ts';

const action: JobResult = {
  kind: 'action',
  action: { kind: 'revert-undo' },
  summary: 'web-01 is back where it was.',
  undo: null,
  seconds: 3,
};

function job(state: JobState, result: JobResult | null): Job {
  return {
    id: 'j' as JobId,
    kind: 'revert',
    title: 'Undo the revert of web-01',
    machine: null,
    repository: null,
    createdAt: 0,
    startedAt: 0,
    state,
    progress: null,
    steps: [],
    cancelEffect: '',
    result,
  };
}

test('a change that is done says so in its own sentence', () => {
  expect(endText(job({ kind: 'done', at: 1 }, action))).toBe('web-01 is back where it was.');
});

test('one that failed or had problems never says the sentence of success', () => {
  const failed = job({ kind: 'problems', at: 1, problems: ['x'] }, action);
  expect(endText(failed)).toBe('Undo the revert of web-01: Finished with problems');
});

test('done is not green: nothing was read back', () => {
  expect(outcomeMark(job({ kind: 'done', at: 1 }, action)).tone).toBe('none');
});
