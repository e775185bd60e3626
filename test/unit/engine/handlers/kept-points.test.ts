/** Pins, removals, previews and the clean-up, on a real repository with a clock turned by hand. */
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { HostId, JobResult, MachineId, PointId, RepositoryId } from '#contract/domain.ts';
import { defaultPlanDraft } from '#contract/plan-defaults.ts';
import type { PlanDraft, PlanId, Retention } from '#contract/plans.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { Rooms } from '#engine/engine.ts';
import { keptPointHandlers } from '#engine/handlers/kept-points.ts';
import { planPreviewHandlers } from '#engine/handlers/plan-preview.ts';
import { pointHandlers } from '#engine/handlers/points.ts';
import { ruleRemoval } from '#engine/handlers/remove-by-rule.ts';
import type { JobContext, JobSpec } from '#engine/jobs/job-types.ts';
import { createShelf, type RepositoryShelf } from '#engine/repositories/repositories.ts';
import { createSecrets } from '#engine/world/secrets.ts';
import { noise } from '../../../fakes/store-fixture.ts';
import { dice, writePoint } from '../../../fakes/store-history.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

vi.setConfig({ testTimeout: 60_000 });

const dayMs = 86_400_000;
const block = 4096;
const web = { uuid: '11111111-1111-4111-8111-111111111111', name: 'web 01' };
const mail = { uuid: '22222222-2222-4222-8222-222222222222', name: 'web 01' };
const host = 'host-1' as HostId;
const idOf = ({ uuid }: { readonly uuid: string }) => `${host}/${uuid}` as MachineId;

let world: FakeWorld;
let folder: string;
let catalog: Catalog;
let shelf: RepositoryShelf;
let rooms: Rooms;
let attic: RepositoryId;
let specs: JobSpec[];
/** Repositories that a job uses. */
let busy: RepositoryId[];

beforeEach(async () => {
  world = fakeWorld();
  folder = temporaryFolder();
  await settle(folder);
  const wanted = { name: 'attic', path: join(folder, 'attic'), practice: false };
  const options = { password: null, remember: false, blockSizeBytes: block };
  attic = (await shelf.create({ ...wanted, ...options })).repository.id;
});
afterEach(async () => {
  await shelf.stop();
  catalog.close();
});

/** A catalog and a shelf in a data folder; `attic` is added again where it is not known. */
async function settle(data: string): Promise<void> {
  catalog = await openCatalog(world, data);
  const indexFolder = join(data, 'index');
  await mkdir(indexFolder, { recursive: true });
  shelf = createShelf({
    world,
    catalog,
    secrets: createSecrets(world.processes, world.files, data),
    emit: () => undefined,
    indexFolder,
    onPoints: () => undefined,
  });
  specs = [];
  busy = [];
  const about = { host, state: 'running', disks: ['vda'] } as const;
  const machines = [web, mail].map((one) => ({ ...one, id: idOf(one), ...about }));
  rooms = {
    world,
    catalog,
    shelf,
    emit: () => undefined,
    jobs: {
      start: (spec: JobSpec) => `job-${specs.push(spec)}`,
      list: (all: boolean) => (all ? [] : busy.map((id) => ({ repository: { id } }))),
    },
    fleet: {
      touch: () => undefined,
      seen: () => ({ hosts: [{ id: host, name: 'here', connected: true }], machines }),
    },
  } as unknown as Rooms;
}

async function runJobs(): Promise<(JobResult | null)[]> {
  const context = {
    signal: new AbortController().signal,
    progress: () => undefined,
    addProblem: () => undefined,
  } as unknown as JobContext;
  const results = [];
  for (const spec of specs.splice(0)) results.push(await spec.run(context));
  return results;
}

/** A point every day for `days` days before now, oldest first, each with a little that is new. */
async function daily(machine: { readonly uuid: string }, days: number): Promise<void> {
  const random = dice(machine.uuid.charCodeAt(0) + days);
  const store = await shelf.open(attic);
  const image = noise(`first ${machine.uuid}`, 30 * block);
  for (let ago = days; ago > 0; ago -= 1) {
    const time = world.clock.now() - ago * dayMs;
    const at = random.next(30) * block;
    noise(`new ${random.next(40)}`, block).copy(image, at);
    const id = `${machine.uuid.charAt(0)}${String(days - ago).padStart(3, '0')}`;
    await writePoint(store, { id, machineUuid: machine.uuid }, image, time);
  }
  await shelf.sync(attic);
}

const keepOf = (change: Partial<Retention>): Retention => ({
  ...{ last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  ...change,
});

function draft(keep: Retention | null, change: Partial<PlanDraft> = {}): PlanDraft {
  return { ...defaultPlanDraft('UTC'), name: 'Nightly', repositories: [attic], keep, ...change };
}

const listed = () => catalog.points.listPoints().map(({ id }) => id as string);
const preview = (plan: PlanDraft) =>
  planPreviewHandlers(rooms)['plans.preview']({ draft: plan, plan: null });
const byRule = (plan: PlanDraft, machine = web) =>
  ruleRemoval(rooms).removeByRule({ ...plan, id: 'plan-1' as PlanId }, machine, {
    id: attic,
    name: 'attic',
  });

async function sizeOf(part: string): Promise<number> {
  const names = await readdir(join(folder, 'attic', part), { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(folder, 'attic', part, name))));
  return stats.filter((one) => one.isFile()).reduce((sum, { size }) => sum + size, 0);
}

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
    busy = [attic]; // it would wait for a check of hours, and every backup behind it
    await days(2, plan);
    expect(specs).toEqual([]);
    busy = ['repo-other' as RepositoryId];
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
