import { describe, expect, test } from 'vitest';
import type { JobId, Run } from '#contract/domain.ts';
import { matches } from '../../../../../src-renderer/views/history/history-rows.ts';

const run: Run = {
  id: 'r' as JobId,
  kind: 'snapshot-delete',
  title: 'Delete old of web-01',
  machine: { uuid: 'u', name: 'web-01' },
  repository: null,
  startedAt: 0,
  outcome: { kind: 'done', at: 1 },
  readBytes: 0,
  storedBytes: 0,
  point: null,
  steps: [],
};

describe('matches', () => {
  test.each(['', ' ', 'OLD', 'web-01', 'deleting snapshots'])('finds it by “%s”', (search) => {
    expect(matches(run, 'all', search)).toBe(true);
  });

  test('does not find it by another kind, nor among trouble', () => {
    expect(matches(run, 'all', 'revert')).toBe(false);
    expect(matches(run, 'trouble', '')).toBe(false);
    expect(matches({ ...run, outcome: { kind: 'cancelled', at: 1 } }, 'trouble', '')).toBe(false);
  });
});
