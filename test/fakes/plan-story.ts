/**
 * A life with plans on a clock turned by hand: a catalog on the disk, the real queue of jobs, the
 * real scheduler; hosts, machines and repositories that a test takes away and brings back. A
 * process can be killed at any moment: nothing of it happens any more, and another one starts on
 * the same catalog.
 */
import { onTestFinished } from 'vitest';
import type { HostId, JobId, MachineId, Point, PointId, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { PlanDraft, PlanId, PlanRun } from '#contract/plans.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { planHandlers, type Schedule } from '#engine/handlers/plans.ts';
import type { Jobs, JobSpec } from '#engine/jobs/job-types.ts';
import { createJobs } from '#engine/jobs/jobs.ts';
import type { Wait } from '#engine/schedule/conditions.ts';
import type { Seen, SeenMachine } from '#engine/schedule/members.ts';
import type { HookAbout, ScheduleNews, ScheduleParts } from '#engine/schedule/parts.ts';
import { createScheduler } from '#engine/schedule/scheduler.ts';
import type { Clock } from '#engine/world/clock.ts';
import { handClock, type HandClock } from './clock.ts';
import { point as pointRecord, repositoryRecord } from './records.ts';
import { fakeWorld, temporaryFolder } from './world.ts';

const hostId = 'host-1' as HostId;
const backupMs = 4000;
const verifyMs = 1000;

/** What a test changes to tell its story. */
export interface Surroundings {
  /** Names of machines on the host; the uuid of "web" is "uuid-web". */
  machines: string[];
  hostConnected: boolean;
  /** Machines on other hosts. */
  elsewhere: SeenMachine[];
  /** Repositories whose folder is there. */
  present: Set<string>;
  /** What every condition says; null: nothing is in the way. */
  wait: Wait | null;
  /** Names of machines whose backup fails. */
  failing: Set<string>;
  /** Programs by their first word: whether they succeed. */
  hooks: Map<string, boolean>;
  verifyFinds: string | null;
}

/** One process with an engine in it. */
export interface Life {
  readonly schedule: Schedule;
  readonly handlers: ReturnType<typeof planHandlers>;
  readonly catalog: Catalog;
  readonly jobs: Jobs;
  /** kill -9. */
  kill(): void;
  /** The ordinary end. */
  stop(): Promise<void>;
}

export interface PlanStory {
  readonly clock: HandClock;
  readonly around: Surroundings;
  readonly news: ScheduleNews[];
  readonly hooksRun: HookAbout[];
  readonly life: Life;
  /** What lies in the repositories. */
  readonly stored: Point[];
  /** Disks that stayed out of each backup that was begun. */
  readonly leftOut: (readonly string[])[];
  /** How often each machine's backup was begun. */
  readonly backups: string[];
  readonly removals: string[];
  /** The rule of each of the removals. */
  readonly rules: PlanDraft['keep'][];
  readonly logged: readonly { readonly level: string; readonly message: string }[];
  /** Starts a process on the catalog; `loop` false: a command. */
  start(loop?: boolean): Promise<Life>;
  plan(draft: PlanDraft): Promise<PlanId>;
  runs(plan?: PlanId): Promise<readonly PlanRun[]>;
  /** Sets the clock to `iso` by letting time pass. */
  until(iso: string): Promise<void>;
}

export function machineIdOf(name: string): MachineId {
  return `${hostId}/uuid-${name}` as MachineId;
}

export const attic = 'repo-attic' as RepositoryId;
export const cellar = 'repo-cellar' as RepositoryId;

export async function planStory(startIso: string): Promise<PlanStory> {
  const clock = handClock(Date.parse(startIso));
  const world = fakeWorld();
  const folder = temporaryFolder();
  const around: Surroundings = {
    machines: ['web'],
    hostConnected: true,
    elsewhere: [],
    present: new Set([attic, cellar]),
    wait: null,
    failing: new Set(),
    hooks: new Map(),
    verifyFinds: null,
  };
  const kept = {
    news: [] as ScheduleNews[],
    hooksRun: [] as HookAbout[],
    stored: [] as Point[],
    leftOut: [] as (readonly string[])[],
    backups: [] as string[],
    removals: [] as string[],
    rules: [] as PlanDraft['keep'][],
  };
  let life: Life | null = null;
  const living = () => {
    if (life === null) throw new Error('no process runs');
    return life;
  };
  const start = async (loop = true) => {
    const mortal = mortalClock(clock);
    const own = { ...world, clock: mortal.clock };
    const catalog = await openCatalog(own, folder);
    if (catalog.repositories.list().length === 0) {
      for (const [id, name] of [[attic, 'attic'] as const, [cellar, 'cellar'] as const]) {
        catalog.repositories.insert(repositoryRecord({ id, name, path: `/srv/${name}` }));
      }
    }
    const jobs = createJobs({ world: own, catalog, emit: () => undefined });
    const parts = partsOf({ world: own, catalog, jobs, around, kept, clock: mortal.clock });
    const scheduler = createScheduler(parts);
    const schedule: Schedule = { parts, scheduler, stop: () => scheduler.stop() };
    const end = () => {
      mortal.kill();
      catalog.close();
      life = null;
    };
    life = {
      schedule,
      catalog,
      jobs,
      handlers: planHandlers(schedule, () => Promise.resolve()),
      kill: end,
      stop: async () => {
        await schedule.stop();
        const stopping = jobs.stop();
        await clock.advance(1);
        await stopping;
        end();
      },
    };
    if (loop) schedule.scheduler.start();
    await clock.settle();
    return life;
  };
  onTestFinished(() => {
    life?.kill();
  });
  await start();
  return {
    clock,
    around,
    ...kept,
    logged: world.logged,
    get life() {
      return living();
    },
    start,
    plan: async (draft) => (await living().handlers['plans.create']({ draft })).id,
    runs: (plan) =>
      living().handlers['plans.runs']({
        ...{ plan: plan ?? null, machineUuid: null, before: null, limit: 500 },
      }),
    until: (iso) => clock.advance(Date.parse(iso) - clock.now()),
  };
}

/** The clock of one process: when that is killed nothing fires any more, and nothing resolves. */
function mortalClock(clock: HandClock): { readonly clock: HandClock; kill(): void } {
  let dead = false;
  const cancels = new Set<() => void>();
  const timer: Clock['timer'] = (ms, action) => {
    const cancel = clock.timer(ms, () => {
      cancels.delete(cancel);
      if (!dead) action();
    });
    cancels.add(cancel);
    return () => {
      cancels.delete(cancel);
      cancel();
    };
  };
  return {
    clock: {
      ...clock,
      get waiting() {
        return clock.waiting;
      },
      timer,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const cancel = timer(ms, resolve);
          signal?.addEventListener('abort', () => {
            cancel();
            if (!dead) reject(new AppError('cancelled', 'Cancelled.'));
          });
        }),
    },
    kill: () => {
      dead = true;
      for (const cancel of cancels) cancel();
    },
  };
}

interface Making {
  readonly world: ReturnType<typeof fakeWorld>;
  readonly catalog: Catalog;
  readonly jobs: Jobs;
  readonly around: Surroundings;
  readonly clock: Clock;
  readonly kept: {
    readonly news: ScheduleNews[];
    readonly hooksRun: HookAbout[];
    readonly stored: Point[];
    readonly leftOut: (readonly string[])[];
    readonly backups: string[];
    readonly removals: string[];
    readonly rules: PlanDraft['keep'][];
  };
}

function partsOf(making: Making): ScheduleParts {
  const { world, catalog, jobs, around, kept } = making;
  return {
    world,
    catalog,
    jobs,
    conditions: {
      check: (_plan, _machine, { id, name }) => {
        if (around.present.has(id)) return Promise.resolve(around.wait);
        const words = `Waits for the folder of ${name}, which is not there.`;
        return Promise.resolve({ reason: 'repository-absent', words });
      },
    },
    hooks: {
      check: (hook) =>
        Promise.resolve(around.hooks.has(hook.argv[0] ?? '') ? null : 'It is not there.'),
      run: async (hook, about) => {
        kept.hooksRun.push(about);
        await making.clock.sleep(1000);
        const ok = around.hooks.get(hook.argv[0] ?? '') === true;
        return { ok, words: `${hook.argv[0] ?? ''} ended`, output: [`printed ${about.when}`] };
      },
    },
    awake: { hold: () => () => undefined },
    retention: {
      removeByRule: async (plan, machine) => {
        kept.rules.push(plan.keep);
        await making.clock.sleep(500);
        kept.removals.push(machine.name);
        return { removed: 1, words: 'One restore point was removed by the rule.' };
      },
    },
    starters: {
      backup: ({ machine, repository, exclude }) => {
        kept.leftOut.push(exclude);
        return startBackup(making, machine, repository);
      },
      verify: (point) => startVerify(making, point),
    },
    seen: () => seenNow(around),
    readPoints: async (repository) => {
      if (!around.present.has(repository)) {
        throw new AppError('repository-unavailable', 'Its folder is not there.');
      }
      const there = kept.stored.filter((one) => one.repository.id === repository);
      catalog.points.replaceAllOf(repository, there);
      await Promise.resolve();
    },
    onNews: (news) => kept.news.push(news),
    onRun: () => undefined,
    onPlans: () => undefined,
  };
}

function seenNow(around: Surroundings): Seen {
  const machines = around.machines.map((name) => ({
    id: machineIdOf(name),
    uuid: `uuid-${name}`,
    name,
    ...{ host: hostId, state: 'running' as const },
    disks: ['vda', 'vdb'],
  }));
  const here = { id: hostId, name: 'here', connected: around.hostConnected };
  return {
    hosts: [
      here,
      ...around.elsewhere.map(({ host }) => ({ id: host, name: host, connected: true })),
    ],
    machines: [...(around.hostConnected ? machines : []), ...around.elsewhere],
  };
}

function startBackup(making: Making, id: MachineId, repository: RepositoryId): JobId {
  const { jobs, kept, around, catalog, clock, world } = making;
  const name = id.replace(/^.*uuid-/, '');
  const named = { id: repository, name: repository.replace('repo-', '') };
  const spec: JobSpec = {
    kind: 'backup',
    title: `Back up ${name} to ${named.name}`,
    machine: { id, uuid: `uuid-${name}`, name },
    repository: named,
    cancelEffect: '',
    run: async ({ signal }) => {
      kept.backups.push(name);
      const time = clock.now();
      await clock.sleep(backupMs / 2, signal);
      if (!around.present.has(repository)) {
        throw new AppError('repository-unavailable', 'Its folder went away.');
      }
      if (around.failing.has(name)) throw new AppError('no-space', 'There is no space left.');
      const made = pointRecord(world.ids.ulid(), {
        ...{ machine: { uuid: `uuid-${name}`, name }, repository: named, time },
      });
      kept.stored.push(made);
      await clock.sleep(backupMs / 2); // the manifest is written; what follows is told to nobody
      catalog.points.insertPoint(made);
      return { kind: 'backup', point: made, seconds: backupMs / 1000 };
    },
  };
  return jobs.start(spec);
}

function startVerify({ jobs, catalog, clock, around }: Making, id: PointId): JobId {
  const found = catalog.points.getPoint(id);
  return jobs.start({
    kind: 'verify',
    title: 'Verify a restore point',
    machine: { id: null, ...found.machine },
    repository: found.repository,
    cancelEffect: '',
    requires: { machine: false, repository: true },
    run: async () => {
      await clock.sleep(verifyMs);
      const detail = around.verifyFinds;
      const damage = detail === null ? [] : [{ what: 'block', id: 'b', detail, points: [id] }];
      if (detail !== null) catalog.points.setDamaged(found.repository.id, id, true);
      return {
        kind: 'verify',
        report: {
          ...{ depth: 'data', pointsChecked: 1, blocksChecked: 1, bytesRead: 1, seconds: 1 },
          damage,
        },
      };
    },
  });
}
