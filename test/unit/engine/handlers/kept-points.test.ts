/** Pins, removals and previews, on a real repository with a clock turned by hand. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { PointId } from '#contract/domain.ts';
import type { PlanDraft, PlanId } from '#contract/plans.ts';
import { keptPointHandlers } from '#engine/handlers/kept-points.ts';
import { planPreviewHandlers } from '#engine/handlers/plan-preview.ts';
import { pointHandlers } from '#engine/handlers/points.ts';
import { noise } from '../../../fakes/store-fixture.ts';
import { writePoint } from '../../../fakes/store-history.ts';
import { temporaryFolder } from '../../../fakes/world.ts';
import {
  block,
  dayMs,
  web,
  mail,
  idOf,
  world,
  folder,
  catalog,
  shelf,
  rooms,
  attic,
  specs,
  settle,
  runJobs,
  daily,
  keepOf,
  draft,
  listed,
  preview,
  byRule,
  sizeOf,
} from './kept-set-up.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('pins and removals', () => {
  test('are in the repository: another data folder that adds it knows them', async () => {
    await daily(web, 4);
    const handlers = keptPointHandlers(rooms);
    const pinned = await handlers['points.pin']({ point: '1001' as PointId, pinned: true });
    expect(pinned.pinned).toBe(true);
    expect(catalog.points.getPoint('1001').pinned).toBe(true);
    await pointHandlers(rooms)['points.delete']({ points: ['1002' as PointId], last: false });
    const [result] = await runJobs();
    expect(result).toMatchObject({ summary: expect.stringContaining('7 days') as string });
    expect(listed().sort()).toEqual(['1000', '1001', '1003']);
    await shelf.stop();
    catalog.close();
    await settle(temporaryFolder());
    const path = join(folder, 'attic');
    const options = { password: null, remember: false, practice: false };
    await shelf.add({ name: 'attic', path, ...options });
    expect(listed().sort()).toEqual(['1000', '1001', '1003']);
    expect(catalog.points.getPoint('1001').pinned).toBe(true);
    const again = keptPointHandlers(rooms);
    const [removed] = await again['points.removed']({ repository: null });
    expect(removed).toMatchObject({ id: '1002', machine: web, by: 'A person' });
    expect(removed?.goneAfter).toBe((removed?.removedAt ?? 0) + 7 * dayMs);
    await again['points.take-back']({ points: ['1002' as PointId] });
    expect(listed().sort()).toEqual(['1000', '1001', '1002', '1003']);
    expect(await again['points.removed']({ repository: attic })).toEqual([]);
    await again['points.pin']({ point: '1001' as PointId, pinned: false });
    await shelf.sync(attic);
    expect(catalog.points.getPoint('1001').pinned).toBe(false);
  });

  test('a pinned one is not deleted, nor others with it; what is unknown stays away', async () => {
    await daily(web, 3);
    const handlers = keptPointHandlers(rooms);
    await handlers['points.pin']({ point: '1000' as PointId, pinned: true });
    const points = ['1001', '1000'] as PointId[];
    await expect(
      pointHandlers(rooms)['points.delete']({ points, last: false }),
    ).rejects.toMatchObject({ code: 'refused' });
    expect(specs).toEqual([]);
    await expect(
      handlers['points.take-back']({ points: ['1001' as PointId] }),
    ).rejects.toMatchObject({ code: 'point-not-found' });
    expect(listed()).toHaveLength(3);
  });

  test('of one repository are listed and taken back while another is unplugged', async () => {
    await daily(web, 3);
    const path = join(folder, 'cellar');
    const options = { password: null, remember: false, blockSizeBytes: block, practice: false };
    const cellar = (await shelf.create({ name: 'cellar', path, ...options })).repository.id;
    const store = await shelf.open(cellar);
    const name = { id: '3000', machineUuid: mail.uuid };
    await writePoint(store, name, noise('cellar', block), world.clock.now());
    await store.kept.remove({ ...name, machineName: 'web 01', time: 1 }, 'A person');
    await pointHandlers(rooms)['points.delete']({ points: ['1001' as PointId], last: false });
    await runJobs();
    await rename(path, `${path} unplugged`);
    const handlers = keptPointHandlers(rooms);
    const removed = await handlers['points.removed']({ repository: null });
    expect(removed.map(({ id }) => id)).toEqual(['1001']);
    const unavailable = { code: 'repository-unavailable' };
    await expect(handlers['points.removed']({ repository: cellar })).rejects.toMatchObject(
      unavailable,
    );
    await expect(
      handlers['points.take-back']({ points: ['1001', '3000'] as PointId[] }),
    ).rejects.toMatchObject(unavailable);
    await handlers['points.take-back']({ points: ['1001' as PointId] });
    expect(listed().sort()).toEqual(['1000', '1001', '1002']);
    await rename(`${path} unplugged`, path);
  });
});

describe('a rule', () => {
  test('removes exactly what its preview said, and the clean-up frees those bytes', async () => {
    await daily(web, 9);
    await daily(mail, 6);
    const handlers = keptPointHandlers(rooms);
    await handlers['points.pin']({ point: '1002' as PointId, pinned: true });
    catalog.points.setDamaged(attic, '1004' as PointId, true);
    // Removed before: what it alone held is not counted again.
    await pointHandlers(rooms)['points.delete']({ points: ['1000' as PointId], last: false });
    await runJobs();
    const plan = draft(keepOf({ last: 1, daily: 3 }));
    const shown = await preview(plan);
    const now = (uuid: string) => shown.machines.find((one) => one.uuid === uuid)?.now ?? [];
    const why = Object.fromEntries(now(web.uuid).map(({ id, keep }) => [id, keep]));
    expect(why).toEqual({
      '1001': [],
      '1002': ['pinned'],
      '1003': [],
      '1004': ['not-ruled'],
      '1005': [],
      '1006': ['daily'],
      '1007': ['daily'],
      '1008': ['last', 'daily', 'newest-good'],
    });
    const going = shown.machines.flatMap((machine) =>
      machine.now.flatMap(({ id, keep }) => (keep.length === 0 ? [id as string] : [])),
    );
    expect(going.sort()).toEqual(['1001', '1003', '1005', '2000', '2001', '2002']);
    const before = listed();
    const removed = [await byRule(plan, web), await byRule(plan, mail)];
    expect(removed.map((one) => one.removed)).toEqual([3, 3]);
    expect(removed[0]?.words).toContain('3 restore points of web 01 in attic');
    expect(before.filter((id) => !listed().includes(id)).sort()).toEqual(going.sort());
    expect((await byRule(plan, web)).words).toBe('');
    expect((await preview(plan)).repositories[0]).toMatchObject({ go: 0, freesBytes: 0 });
    const store = await shelf.open(attic);
    const markers = await store.kept.removed();
    expect(new Set(markers.map(({ by }) => by))).toEqual(new Set(['A person', 'Plan Nightly']));
    // What is shown is what is freed: the removal before it, then these.
    const all = [...markers].map(({ point }) => point);
    const sharing = await store.sharing();
    const total = sharing.freedBy(all).reduce((sum, bytes) => sum + bytes, 0);
    const first = all.filter(({ id }) => id === '1000');
    const [alone = 0] = sharing.freedBy(first);
    expect(shown.repositories[0]?.freesBytes).toBe(total - alone);
    const sizes = (await sizeOf('packs')) + (await sizeOf('points'));
    const packs = (await store.usage()).packs;
    world.clock.setWallClock(world.clock.now() + 8 * dayMs);
    const owner = { installation: 'test', what: 'cleaning up' };
    const done = await store.cleanUp(owner, { rewrittenBelow: 1 });
    const left = (await sizeOf('packs')) + (await sizeOf('points'));
    expect(sizes - left).toBe(done.freesBytes);
    expect(done.freesBytes - total).toBe((packs - (await store.usage()).packs) * 68);
    expect((await store.verify('data')).damage).toEqual([]);
  });

  test('stops when the newest good one is lost, and passes over what is pinned', async () => {
    await daily(web, 6);
    const store = await shelf.open(attic);
    const point = { id: '1001', machineUuid: web.uuid, machineName: 'web 01', time: 1 };
    await store.kept.pin(point, 'somebody on another computer');
    const remove = store.kept.remove.bind(store.kept);
    let removals = 0;
    const spy = vi.spyOn(store.kept, 'remove').mockImplementation(async (one, by) => {
      await remove(one, by);
      removals += 1;
      if (removals === 2) catalog.points.setDamaged(attic, '1005' as PointId, true);
    });
    const { removed } = await byRule(draft(keepOf({ last: 1 })));
    spy.mockRestore();
    expect(removed).toBe(2);
    expect(listed().sort()).toEqual(['1001', '1003', '1004', '1005']);
    expect((await byRule(draft(null))).removed).toBe(0);
    await expect(byRule(draft(keepOf({})))).rejects.toMatchObject({ code: 'invalid-input' });
  });

  test('leaves what another plan for the machine and the repository keeps', async () => {
    await daily(web, 6);
    const keep = keepOf({ last: 3 });
    const add = (id: string, one: PlanDraft) => {
      catalog.plans.insert({ id: id as PlanId, draft: one, createdAt: 1, nextDue: null });
    };
    add('plan-1', draft(keep));
    add('plan-2', draft(keepOf({ last: 5 }), { name: 'Weekly' }));
    const going = async (plan: string) => {
      const asked = { draft: draft(keepOf({ last: 2 })), plan: plan as PlanId };
      const { machines } = await planPreviewHandlers(rooms)['plans.preview'](asked);
      return machines[0]?.now.filter((one) => one.keep.length === 0).map(({ id }) => id);
    };
    expect(await going('plan-1')).toEqual(['1000']);
    // Weekly as it is drafted now, instead of as it was: Nightly's three stay.
    expect(await going('plan-2')).toEqual(['1000', '1001', '1002']);
    expect((await byRule(draft(keep))).removed).toBe(1);
    expect(listed().sort()).toEqual(['1001', '1002', '1003', '1004', '1005']);
    catalog.plans.change('plan-2' as PlanId, draft(null, { name: 'Weekly' }), null);
    expect((await byRule(draft(keep))).removed).toBe(0);
    catalog.plans.setRemoved('plan-2' as PlanId, 2);
    expect((await byRule(draft(keep))).removed).toBe(2);
    expect(listed().sort()).toEqual(['1003', '1004', '1005']);
  });

  test('sees a year ahead what would stay then', async () => {
    await daily(web, 3);
    const shown = await preview(draft(keepOf({ daily: 7, monthly: 12 })));
    const [machine] = shown.machines;
    const stays = machine?.inAYear.filter(({ keep }) => keep.length > 0) ?? [];
    expect(stays).toHaveLength(7 + 11);
    expect(stays.filter(({ id }) => id !== null)).toEqual([]); // today's are older than a year then
    expect(machine?.inAYear.filter(({ id }) => id !== null)).toHaveLength(3);
    const last = stays.at(-1);
    expect(last?.keep).toEqual(['daily', 'monthly', 'newest-good']);
    expect(last?.time).toBeGreaterThan(world.clock.now() + 364 * dayMs);
    expect(shown).toMatchObject({ firstRemoval: null, graceSeconds: 7 * 86_400 });
    expect((await preview(draft(keepOf({ last: 1 })))).firstRemoval).toBe(
      Date.UTC(2026, 10, 24, 2),
    );
  });

  test('a machine that is gone keeps everything, and so does a plan without a rule', async () => {
    await daily(web, 3);
    const machines = { kind: 'chosen' as const, machines: [idOf(web)] };
    const kept = await preview(draft(null, { machines }));
    expect(kept.machines[0]?.now.map(({ keep }) => keep)).toEqual([
      ['not-ruled'],
      ['not-ruled'],
      ['not-ruled'],
    ]);
    const none = { ...rooms, fleet: { ...rooms.fleet, seen: () => ({ hosts: [], machines: [] }) } };
    const gone = await planPreviewHandlers(none)['plans.preview']({
      draft: draft(keepOf({ last: 1 }), { machines }),
      plan: null,
    });
    const reasons = gone.machines[0]?.now.map(({ keep }) => keep) ?? [];
    expect(reasons).toHaveLength(3);
    expect(reasons.every((keep) => keep.includes('machine-gone'))).toBe(true);
    expect(gone.repositories[0]).toMatchObject({ stay: 3, go: 0, freesBytes: 0 });
  });
});
