import { describe, expect, test } from 'vitest';
import type { ActionPlan } from '#contract/actions.ts';
import type { MachineId } from '#contract/domain.ts';
import type { PlanRunState } from '#contract/plans.ts';
import { backupBefore, backupFirst, sameDecision } from '#engine/handlers/before-revert.ts';
import type { Schedule } from '#engine/handlers/plans.ts';

const web = 'host-1/web' as MachineId;
const revert = { kind: 'snapshot-revert', name: 'clean', to: 'as-taken', keep: true } as const;
const never = new AbortController().signal;

interface Pretend {
  readonly beforeRevert?: boolean;
  readonly paused?: boolean;
  readonly means?: MachineId;
  readonly ended?: readonly PlanRunState[];
}

function schedule({ beforeRevert = true, paused = false, means = web, ended = [] }: Pretend = {}) {
  const record = {
    draft: { name: 'Nightly', triggers: { beforeRevert } },
    pause: paused ? { kind: 'paused', until: null } : { kind: 'no' },
  };
  return {
    scheduler: {
      knowledge: { plans: () => [{ record, members: { here: [{ id: means }] } }] },
      beforeRevert: () =>
        Promise.resolve(ended.map((state) => ({ state, plan: { id: 'p', name: 'Nightly' } }))),
    },
  } as unknown as Pick<Schedule, 'scheduler'>;
}

describe('whether a backup runs first', () => {
  test('is said with the plan that asks for it', () => {
    const [check] = backupFirst(schedule(), web, revert);
    expect(check).toMatchObject({ id: 'backup-first', level: 'ok' });
    expect(check?.detail).toContain('The plan Nightly asks for it');
  });

  test.each<[string, Pretend]>([
    ['does not want it', { beforeRevert: false }],
    ['is paused', { paused: true }],
    ['means other machines', { means: 'host-1/mail' as MachineId }],
  ])('no: the only plan %s', (_what, pretend) => {
    expect(backupFirst(schedule(pretend), web, revert)).toEqual([]);
    expect(backupBefore(schedule(pretend), web, revert)).toBeNull();
  });

  test('no: it is no going back', () => {
    expect(backupFirst(schedule(), web, { kind: 'checkpoint-create' })).toEqual([]);
    expect(backupFirst(schedule(), web, { kind: 'revert-undo' })).toEqual([]);
  });
});

describe('the revert', () => {
  const error = { code: 'no-space', message: 'The disk is full.', data: {} } as const;

  test.each<[string, readonly PlanRunState[], boolean]>([
    ['a point was made', [{ kind: 'done', at: 1 }], true],
    ['one was made, with problems', [{ kind: 'problems', at: 1, problems: ['x'] }], true],
    ['the newest point is new enough', [], false],
  ])('goes on when %s', async (_what, ended, made) => {
    const before = backupBefore(schedule({ ended }), web, revert);
    await before?.after.run(never);
    expect(before?.wasMade()).toBe(made);
  });

  test.each<[string, PlanRunState, string]>([
    ['failed', { kind: 'failed', at: 1, error }, 'The disk is full.'],
    ['was cancelled', { kind: 'cancelled', at: 1 }, 'it was cancelled.'],
    [
      'could not run at once',
      { kind: 'skipped', at: 1, words: 'Waits for the folder of attic.' },
      'Waits for the folder of attic.',
    ],
  ])('does not when one of two %s', async (_what, state, why) => {
    const ended = [{ kind: 'done', at: 1 } as const, state];
    const before = backupBefore(schedule({ ended }), web, revert);
    await expect(before?.after.run(never)).rejects.toMatchObject({
      code: 'refused',
      message: `The backup before it was not made: ${why}`,
      data: { advice: 'To go back without a backup, pause the plan Nightly first.' },
    });
  });

  test('waits no longer when it is cancelled', async () => {
    const stop = new AbortController();
    const slow = schedule();
    slow.scheduler.beforeRevert = () => new Promise(() => undefined);
    const running = backupBefore(slow, web, revert)?.after.run(stop.signal);
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
  });
});

describe('the plan after the backup', () => {
  const plan = {
    title: 'Go back to clean',
    verdict: 'allowed',
    tier: 3,
    confirm: 'web-01',
    lost: ['What it has in memory now'],
    undo: 'Cannot be undone.',
    fingerprint: 'one',
    steps: [{ title: 'Remove the checkpoint waymark-1' }],
  } as unknown as ActionPlan;

  test('may have other steps: the checkpoint is another one', () => {
    const steps = [{ title: 'Remove the checkpoint waymark-2' }] as unknown as ActionPlan['steps'];
    expect(sameDecision(plan, { ...plan, fingerprint: 'two', steps })).toBe(true);
  });

  test.each<[string, Partial<ActionPlan>]>([
    ['loses more', { lost: [...plan.lost, 'The snapshot later'] }],
    ['asks for more', { confirm: 'other' }],
    ['is refused now', { verdict: 'refused' }],
    ['cannot be undone any more', { undo: 'Take it back with one click.' }],
    ['is about another snapshot', { title: 'Go back to dirty' }],
  ])('is not agreed to when it %s', (_what, change) => {
    expect(sameDecision(plan, { ...plan, ...change })).toBe(false);
  });
});
