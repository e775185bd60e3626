/** Plans for real: a planned time makes a restore point of the practice machine by itself. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import type { PlanRun } from '#contract/plans.ts';
import { planDraft } from '../fakes/plans.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const endedWithinMs = 30_000;

/** Added to now it is two seconds before a full minute. */
function toNearlyFullMinute(): number {
  return 58_000 - (Date.now() % 60_000);
}

describe('a plan on the practice machine', () => {
  let it: TestEngine;
  let machine: MachineId;
  let repository: RepositoryId;
  let shift = 0;

  beforeAll(async () => {
    it = await startTestEngine({
      runsPlans: true,
      world: (real) => ({ ...real, clock: { ...real.clock, now: () => Date.now() + shift } }),
    });
    const { handlers } = it.engine;
    await it.finished(await handlers['practice.create']({ repository: true }));
    const [one] = await handlers['machines.list']({ host: null });
    const [attic] = await handlers['repositories.list']({});
    if (one === undefined || attic === undefined) throw new Error('no practice machine');
    machine = one.id;
    repository = attic.id;
  }, 60_000);
  afterAll(async () => {
    await it.engine.handlers['practice.remove']({});
    await it.stop();
  });

  async function ended(): Promise<readonly PlanRun[]> {
    const limit = performance.now() + endedWithinMs;
    for (;;) {
      const filter = { plan: null, machineUuid: null, before: null, limit: 50 };
      const runs = await it.engine.handlers['plans.runs'](filter);
      const open = runs.some(({ state }) => state.kind === 'waiting' || state.kind === 'running');
      if (runs.length > 0 && !open) return runs;
      if (performance.now() > limit) throw new Error(`still ${JSON.stringify(runs)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test('is run when its time comes', { timeout: 60_000 }, async () => {
    shift = toNearlyFullMinute();
    const plan = await it.engine.handlers['plans.create']({
      draft: planDraft(machine, repository, {
        calendar: { kind: 'cron', expression: '* * * * *' },
        verify: 'data',
      }),
    });
    expect(plan.members).toMatchObject([{ machine, protection: 'never' }]);
    const [run] = await ended();
    expect(run).toMatchObject({ cause: 'schedule', due: plan.nextDue, state: { kind: 'done' } });
    const point = await it.engine.handlers['points.get']({ point: run?.point ?? ('' as never) });
    expect(point).toMatchObject({ verified: { depth: 'data', ok: true } });
    const shown = await it.engine.handlers['machines.get']({ machine });
    expect(shown.protection).toBe('protected');
    expect(shown.nextRun).toBe((plan.nextDue ?? 0) + 60_000);
  });
});
