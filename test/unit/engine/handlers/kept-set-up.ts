/**
 * A repository with a clock turned by hand, and the rooms that pins, removals and clean-ups need,
 * anew for each test of whoever imports this.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { HostId, JobResult, MachineId, RepositoryId } from '#contract/domain.ts';
import { defaultPlanDraft } from '#contract/plan-defaults.ts';
import type { PlanDraft, PlanId, Retention } from '#contract/plans.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { Rooms } from '#engine/engine.ts';
import { planPreviewHandlers } from '#engine/handlers/plan-preview.ts';
import { ruleRemoval } from '#engine/handlers/remove-by-rule.ts';
import type { JobContext, JobSpec } from '#engine/jobs/job-types.ts';
import { createShelf, type RepositoryShelf } from '#engine/repositories/repositories.ts';
import { createSecrets } from '#engine/world/secrets.ts';
import { noise } from '../../../fakes/store-fixture.ts';
import { dice, writePoint } from '../../../fakes/store-history.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

export const dayMs = 86_400_000;
export const block = 4096;
export const web = { uuid: '11111111-1111-4111-8111-111111111111', name: 'web 01' };
export const mail = { uuid: '22222222-2222-4222-8222-222222222222', name: 'web 01' };
const host = 'host-1' as HostId;
export const idOf = ({ uuid }: { readonly uuid: string }) => `${host}/${uuid}` as MachineId;

export let world: FakeWorld;
export let folder: string;
export let catalog: Catalog;
export let shelf: RepositoryShelf;
export let rooms: Rooms;
export let attic: RepositoryId;
export let specs: JobSpec[];
/** Repositories that a job uses. */
export const busy: RepositoryId[] = [];

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
export async function settle(data: string): Promise<void> {
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
  busy.length = 0;
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

export async function runJobs(): Promise<(JobResult | null)[]> {
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
export async function daily(machine: { readonly uuid: string }, days: number): Promise<void> {
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

export const keepOf = (change: Partial<Retention>): Retention => ({
  ...{ last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  ...change,
});

export function draft(keep: Retention | null, change: Partial<PlanDraft> = {}): PlanDraft {
  return { ...defaultPlanDraft('UTC'), name: 'Nightly', repositories: [attic], keep, ...change };
}

export const listed = () => catalog.points.listPoints().map(({ id }) => id as string);
export const preview = (plan: PlanDraft) =>
  planPreviewHandlers(rooms)['plans.preview']({ draft: plan, plan: null });
export const byRule = (plan: PlanDraft, machine = web) =>
  ruleRemoval(rooms).removeByRule({ ...plan, id: 'plan-1' as PlanId }, machine, {
    id: attic,
    name: 'attic',
  });

export async function sizeOf(part: string): Promise<number> {
  const names = await readdir(join(folder, 'attic', part), { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(folder, 'attic', part, name))));
  return stats.filter((one) => one.isFile()).reduce((sum, { size }) => sum + size, 0);
}
