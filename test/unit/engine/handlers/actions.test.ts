/** Leaving a change that was cut off: the way out where neither finishing nor undoing is left. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostId, Job, MachineId } from '#contract/domain.ts';
import { AppError, type ErrorCode } from '#contract/errors.ts';
import type { UnfinishedId } from '#contract/moments.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { Rooms } from '#engine/engine.ts';
import { actionHandlers } from '#engine/handlers/actions.ts';
import type { Schedule } from '#engine/handlers/plans.ts';
import { createChangeLog, type ChangeLog } from '#engine/interlock/change-log.ts';
import { createJobs } from '#engine/jobs/jobs.ts';
import type { Jobs } from '#engine/jobs/job-types.ts';
import type { EngineStep } from '#engine/interlock/steps.ts';
import { change, step } from '../../../fakes/change.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const oneWay: EngineStep = step('Go back', [{ do: 'revert-snapshot', name: 'a', flags: 0 }], null);
const bothWays: EngineStep = step('Stop', [{ do: 'stop' }], []);

let catalog: Catalog;
let log: ChangeLog;
let jobs: Jobs;
let rooms: Rooms;
/** What the fleet says when it is asked for the machine; null: it has it. */
let absent: ErrorCode | null;

beforeEach(async () => {
  const world = fakeWorld();
  const folder = temporaryFolder();
  catalog = await openCatalog(world, folder);
  log = createChangeLog(world, catalog.journals, `${folder}/changes`);
  jobs = createJobs({ world, catalog, emit: () => undefined });
  absent = null;
  rooms = {
    world,
    catalog,
    jobs,
    changeLog: log,
    emit: () => undefined,
    fleet: {
      find: (id: MachineId) => {
        if (absent !== null) throw new AppError(absent, 'It is not there.');
        return { id, host: { id: 'host-1' as HostId }, hypervisor: null, record: { uuid } };
      },
    },
  } as unknown as Rooms;
});
afterEach(async () => {
  await jobs.stop();
  catalog.close();
});

/** A change that was cut off in its only step. */
async function cutOff(only: EngineStep): Promise<UnfinishedId> {
  const id = await log.begin(change(uuid, [only]));
  log.stepBegun(id, 0);
  log.release(id);
  return id;
}

const noPlans = { scheduler: { knowledge: { plans: () => [] } } } as unknown as Schedule;
const handlers = () => actionHandlers(rooms, noPlans);
const open = async () => (await handlers()['unfinished.list']({}))[0];

async function leave(id: UnfinishedId): Promise<Job> {
  return jobs.ended(await handlers()['unfinished.resolve']({ id, how: 'leave' }));
}

describe('leaving a change', () => {
  test('closes one that can only be finished', async () => {
    const id = await cutOff(oneWay);
    expect(await open()).toMatchObject({ undo: null, leave: expect.stringContaining('stays') });
    const job = await leave(id);
    expect(job.state.kind).toBe('done');
    expect(job.result).toMatchObject({ summary: '“Revert web to before” was left as it is.' });
    expect(await open()).toBeUndefined();
    expect(log.titleOf(uuid)).toBeNull();
  });

  test('is not offered while both ways are open, and refused', async () => {
    const id = await cutOff(bothWays);
    expect((await open())?.leave).toBeNull();
    await expect(leave(id)).rejects.toMatchObject({ code: 'refused' });
    expect(await open()).toBeDefined();
  });

  test('is all that is left of a machine that libvirt forgot, and works', async () => {
    const id = await cutOff(bothWays);
    absent = 'machine-not-found';
    expect(await open()).toMatchObject({ finish: null, undo: null });
    expect((await open())?.leave).toContain('Closes the record');
    await expect(
      Promise.resolve(handlers()['unfinished.resolve']({ id, how: 'finish' })),
    ).rejects.toMatchObject({ code: 'refused' });
    expect((await leave(id)).state.kind).toBe('done');
    expect(await open()).toBeUndefined();
  });

  test('waits for a host that is away: nobody knows what is there', async () => {
    await cutOff(bothWays);
    absent = 'host-unreachable';
    expect(await open()).toMatchObject({ leave: null, finish: expect.any(String) });
  });
});
