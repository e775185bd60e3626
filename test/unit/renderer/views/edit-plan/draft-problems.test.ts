import { describe, expect, test } from 'vitest';
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import { defaultPlanDraft } from '#contract/plan-defaults.ts';
import type { PlanDraft } from '#contract/plans.ts';
import {
  problemsOf,
  type StepId,
} from '../../../../../src-renderer/views/edit-plan/draft-problems.ts';

const known = { machines: [], takenNames: ['Nightly'] };
const fine: PlanDraft = {
  ...defaultPlanDraft('UTC'),
  name: 'Weekly',
  repositories: ['r1' as RepositoryId],
};
const fields = (step: StepId, change: Partial<PlanDraft>): readonly string[] =>
  Object.keys(problemsOf(step, { ...fine, ...change }, known));

test('what a new plan begins with can be left at every step', () => {
  for (const step of ['what', 'when', 'where', 'keep', 'review'] as const) {
    expect(fields(step, {}), step).toEqual([]);
  }
});

describe('what keeps a step from being left', () => {
  test('a name that is missing, too long or taken', () => {
    expect(fields('what', { name: ' ' })).toEqual(['name']);
    expect(fields('what', { name: 'Nightly' })).toEqual(['name']);
    expect(fields('what', { name: 'n'.repeat(129) })).toEqual(['name']);
    expect(fields('what', { name: 'n'.repeat(128) })).toEqual([]);
  });

  test('chosen machines of which none is there', () => {
    const machines = { kind: 'chosen', machines: ['gone' as MachineId] } as const;
    expect(fields('what', { machines: { ...machines, machines: [...machines.machines] } })).toEqual(
      ['machines'],
    );
  });

  test('no day of the week, an empty expression', () => {
    expect(fields('when', { calendar: { kind: 'weekly', days: [], at: '02:00' } })).toEqual([
      'days',
    ]);
    expect(fields('when', { calendar: { kind: 'cron', expression: ' ' } })).toEqual(['expression']);
  });

  test('no repository, a program that is no full path', () => {
    expect(fields('where', { repositories: [] })).toEqual(['repositories']);
    const before = { argv: ['tell'], timeoutSeconds: 1, stopOnFailure: false };
    expect(fields('where', { hooks: { before, after: null } })).toEqual(['hooks.before']);
  });

  test('a rule that keeps nothing', () => {
    const none = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    expect(fields('keep', { keep: none })).toEqual(['keep']);
    expect(fields('keep', { keep: null })).toEqual([]);
  });
});
