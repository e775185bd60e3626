/** An engine on a data folder of its own, driven through the contract like every way in does. */
import { mkdtemp, readFile, rm, mkdir, chmod } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Input } from '#contract/contract.ts';
import type {
  Host,
  Job,
  JobId,
  MachineId,
  Point,
  PointId,
  Repository,
  RepositoryId,
} from '#contract/domain.ts';
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import { fromWireError } from '#contract/errors.ts';
import { createEngine, type Engine } from '#engine/engine.ts';
import { lineLog } from '#engine/world/log.ts';
import { realWorld, type World } from '#engine/world/world.ts';

export interface TestEngine {
  readonly engine: Engine;
  readonly folder: string;
  readonly log: string[];
  /** Adds the host once and returns the machine's id there, as soon as it is seen. */
  addHost(uri: string, uuid: string): Promise<MachineId>;
  host(uri: string): Promise<Host>;
  createRepository(name: string, password: string | null): Promise<Repository>;
  /** Runs a backup to its end; throws its error. */
  backup(
    machine: MachineId,
    repository: RepositoryId,
    options?: Partial<Input<'backup.start'>>,
  ): Promise<Point>;
  plan(machine: MachineId, action: MachineAction): Promise<ActionPlan>;
  /** Plans an action, agrees to everything that is asked, runs it; throws its error. */
  act(machine: MachineId, action: MachineAction): Promise<Job>;
  /** Restores one disk and returns its bytes. */
  restoreImage(point: PointId, disk: string, format: 'raw' | 'qcow2'): Promise<Buffer>;
  /** Waits for a job and throws its error if it failed or was cancelled. */
  finished(id: JobId): Promise<Job>;
  ended(id: JobId): Promise<Job>;
  stop(): Promise<void>;
}

export interface TestEngineOptions {
  /** Reuse a data folder, as after a crash. */
  readonly folder?: string;
  readonly world?: (real: World) => World;
  readonly keep?: boolean;
  /** Where a session libvirt of this user keeps its things. */
  readonly configFolder?: string;
  /** Plans begin by themselves. */
  readonly runsPlans?: boolean;
}

export async function startTestEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const folder = options.folder ?? (await mkdtemp('/tmp/wm-e-'));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'run'), { recursive: true });
  await mkdir(join(folder, 'out'), { recursive: true });
  const log: string[] = [];
  const real = realWorld();
  const logged: World = {
    ...real,
    log: lineLog((line) => log.push(line), real.clock.now, real.ids.ulid),
  };
  const engine = await createEngine(options.world?.(logged) ?? logged, {
    dataFolder: join(folder, 'data'),
    runtimeFolder: join(folder, 'run'),
    front: 'command-line',
    version: '0.0.0-test',
    user: 'tester',
    configFolder: options.configFolder ?? join(folder, 'config'),
    runsPlans: options.runsPlans === true,
  });
  await engine.start();
  await engine.settled();
  return toTestEngine(engine, folder, log, options.keep === true);
}

function toTestEngine(engine: Engine, folder: string, log: string[], keep: boolean): TestEngine {
  const { handlers } = engine;
  const ended = async (id: JobId): Promise<Job> => {
    for (;;) {
      const job = await handlers['jobs.get']({ job: id });
      if (['done', 'problems', 'failed', 'cancelled'].includes(job.state.kind)) return job;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const finished = async (id: JobId): Promise<Job> => {
    const job = await ended(id);
    if (job.state.kind === 'failed') {
      if (job.state.error.code === 'internal') console.log(log.at(-1)); // a defect: show it
      throw fromWireError(job.state.error);
    }
    if (job.state.kind === 'cancelled') throw new Error('The job was cancelled.');
    return job;
  };
  const host = async (uri: string): Promise<Host> => {
    const known = (await handlers['hosts.list']({})).find((candidate) => candidate.uri === uri);
    return known ?? handlers['hosts.add']({ name: null, uri });
  };
  return {
    engine,
    folder,
    log,
    host,
    ended,
    finished,
    addHost: async (uri, uuid) => {
      const id = `${(await host(uri)).id}/${uuid}` as MachineId;
      while (!(await handlers['machines.list']({ host: null })).some((one) => one.id === id)) {
        await new Promise((resolve) => setTimeout(resolve, 20)); // its event is on the way
      }
      return id;
    },
    createRepository: async (name, password) => {
      const path = join(folder, `repository-${name}`);
      const wanted = { name, path, password, remember: true };
      return (await handlers['repositories.create'](wanted)).repository;
    },
    backup: async (machine, repository, more = {}) => {
      const job = await finished(
        await handlers['backup.start']({
          machine,
          repository,
          exclude: [],
          reread: false,
          accepted: [],
          ...more,
        }),
      );
      if (job.result?.kind !== 'backup') throw new Error('A backup without a point.');
      return job.result.point;
    },
    plan: (machine, action) => handlers['actions.plan']({ machine, action }),
    act: async (machine, action) => {
      const { fingerprint, checks, confirm } = await handlers['actions.plan']({ machine, action });
      const accepted = checks.filter(({ accept }) => accept !== undefined).map(({ id }) => id);
      const start = { machine, action, fingerprint, accepted, typed: confirm };
      return finished(await handlers['actions.start'](start));
    },
    restoreImage: async (point, disk, format) => {
      const path = join(folder, 'out', `${randomUUID()}.${format}`);
      const to = { kind: 'image' as const, disk, path, format };
      await finished(await handlers['restore.start']({ point, to, accepted: [] }));
      return readFile(path);
    },
    stop: async () => {
      await engine.stop();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}
