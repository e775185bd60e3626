/** The clean-up, and what a wrong clock may not do, on a real repository. */
import { describe, expect, test, vi } from 'vitest';
import type { PointId, RepositoryId } from '#contract/domain.ts';
import type { PlanDraft } from '#contract/plans.ts';
import { keptPointHandlers } from '#engine/handlers/kept-points.ts';
import { pointHandlers } from '#engine/handlers/points.ts';
import {
  dayMs,
  web,
  mail,
  world,
  shelf,
  rooms,
  attic,
  specs,
  busy,
  runJobs,
  daily,
  keepOf,
  draft,
  preview,
  byRule,
} from './kept-set-up.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('the clean-up', () => {
  test('says before what it does, and does it as a job', async () => {
    await daily(web, 5);
    const handlers = keptPointHandlers(rooms);
    await byRule(draft(keepOf({ last: 1 })));
    expect(await handlers['repositories.plan-clean-up']({ repository: attic })).toMatchObject({
      points: [],
      packsDeleted: 0,
      freesBytes: 0,
    });
    world.clock.setWallClock(world.clock.now() + 8 * dayMs);
    const plan = await handlers['repositories.plan-clean-up']({ repository: attic });
    expect(plan.repository.name).toBe('attic');
    expect(plan.points.map(({ id }) => id).sort()).toEqual(['1000', '1001', '1002', '1003']);
    expect(plan.freesBytes).toBeGreaterThan(0);
    const before = shelf.get(attic).usedBytes;
    await handlers['repositories.clean-up']({ repository: attic });
    expect(specs[0]).toMatchObject({ kind: 'gc', title: 'Clean up attic' });
    const [result] = await runJobs();
    expect(result).toMatchObject({
      summary: expect.stringMatching(/freed, 4 removed restore points gone for good/) as string,
    });
    expect(before - shelf.get(attic).usedBytes).toBe(plan.freesBytes);
    expect(await handlers['points.removed']({ repository: attic })).toEqual([]);
    await handlers['repositories.clean-up']({ repository: attic });
    expect(await runJobs()).toEqual([{ kind: 'other', summary: 'There was nothing to free.' }]);
  });

  /** Lets days pass, with a look on each. */
  async function days(count: number, plan: PlanDraft): Promise<void> {
    for (let day = 0; day < count; day += 1) {
      world.clock.setWallClock(world.clock.now() + dayMs);
      await byRule(plan);
    }
  }

  test('begins by itself after a rule removed, once a day, when there is something', async () => {
    await daily(web, 4);
    const plan = draft(keepOf({ last: 1 }));
    await byRule(plan);
    await byRule(plan);
    await days(6, plan);
    expect(specs).toEqual([]);
    busy.push(attic); // it would wait for a check of hours, and every backup behind it
    await days(2, plan);
    expect(specs).toEqual([]);
    busy.splice(0, 1, 'repo-other' as RepositoryId);
    await byRule(plan);
    await byRule(plan);
    expect(specs.map(({ kind }) => kind)).toEqual(['gc']);
    await days(1, plan);
    expect(specs).toHaveLength(2);
    await runJobs();
    expect(await (await shelf.open(attic)).kept.removed()).toEqual([]);
    await days(1, plan);
    expect(specs).toEqual([]);
  });

  test('begins not by itself for what only a clock that jumped says is old', async () => {
    await daily(web, 4);
    const plan = draft(keepOf({ last: 1 }));
    await days(10, plan);
    await runJobs();
    await daily(mail, 3);
    await byRule(plan, mail);
    world.clock.setWallClock(world.clock.now() + 30 * dayMs);
    await byRule(plan, mail);
    expect(specs).toEqual([]);
    await days(5, plan);
    await runJobs();
    const { kept } = await shelf.open(attic);
    expect((await kept.removed()).map(({ point }) => point.id).sort()).toEqual(['2000', '2001']);
    // A person is asked, with the list of them, and may.
    await keptPointHandlers(rooms)['repositories.clean-up']({ repository: attic });
    await runJobs();
    expect(await kept.removed()).toEqual([]);
  });
});

describe('a clock that is behind', () => {
  test('lets no rule remove, and the grace of a removal runs from the newest point', async () => {
    await daily(web, 5);
    const right = world.clock.now();
    const plan = draft(keepOf({ last: 1 }));
    world.clock.setWallClock(right - 60 * dayMs);
    const { removed, words } = await byRule(plan);
    expect(removed).toBe(0);
    expect(words).toContain('later than the clock of this computer says');
    const shown = (await preview(plan)).machines.find(({ uuid }) => uuid === web.uuid);
    expect(shown?.now.filter(({ keep }) => keep.length === 0)).toEqual([]);
    await pointHandlers(rooms)['points.delete']({ points: ['1001' as PointId], last: false });
    await runJobs();
    world.clock.setWallClock(right);
    const handlers = keptPointHandlers(rooms);
    const [marker] = await handlers['points.removed']({ repository: attic });
    expect(marker?.removedAt).toBe(right - dayMs);
    const cleaned = await handlers['repositories.plan-clean-up']({ repository: attic });
    expect(cleaned.points).toEqual([]);
    expect((await byRule(plan)).removed).toBe(3);
  });
});
