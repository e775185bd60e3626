/** Jobs held open by a test, and a queue that writes down what it said. */
import { afterEach, beforeEach, expect } from 'vitest';
import type { Job, JobId, JobResult, MachineId } from '#contract/domain.ts';
import type { ErrorCode } from '#contract/errors.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { createJobs } from '#engine/jobs/jobs.ts';
import type { JobContext, JobLimits, JobSpec } from '#engine/jobs/job-types.ts';
import { atticId, cellarId, mailUuid, webUuid } from './records.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from './world.ts';

export const web = { id: `host/${webUuid}` as MachineId, uuid: webUuid, name: 'web-01' };
export const mail = { id: `host/${mailUuid}` as MachineId, uuid: mailUuid, name: 'mail' };
export const attic = { id: atticId, name: 'attic' };
export const cellar = { id: cellarId, name: 'cellar' };

/** A job held open by the test. */
export function held(change: Partial<JobSpec> = {}) {
  let context: JobContext | null = null;
  let finish: (result: JobResult | null) => void = () => {};
  let fail: (thrown: unknown) => void = () => {};
  const ended = new Promise<JobResult | null>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  ended.catch(() => {});
  const spec: JobSpec = {
    kind: 'backup',
    title: 'Back up web-01 to attic',
    machine: web,
    repository: attic,
    cancelEffect: 'The checkpoint will be removed; earlier backups are unaffected.',
    run: (given) => {
      context = given;
      return ended;
    },
    ...change,
  };
  return {
    spec,
    finish: (result: JobResult | null = null) => finish(result),
    fail: (thrown: unknown) => fail(thrown),
    get context() {
      return context!;
    },
    get started() {
      return context !== null;
    },
  };
}

/** A job that ends as soon as its signal fires. */
export function obedient(change: Partial<JobSpec> = {}): JobSpec {
  return held({
    ...change,
    run: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  }).spec;
}

export interface JobRoom {
  readonly catalog: Catalog;
  readonly world: FakeWorld;
}

/** A fresh world and catalog before each test of the file that calls this. */
export function jobRoom(): JobRoom {
  let room: JobRoom | null = null;
  const current = () => {
    if (room === null) throw new Error('only inside a test');
    return room;
  };
  beforeEach(async () => {
    const world = fakeWorld();
    room = { world, catalog: await openCatalog(world, temporaryFolder()) };
  });
  afterEach(() => {
    current().catalog.close();
  });
  return {
    get catalog() {
      return current().catalog;
    },
    get world() {
      return current().world;
    },
  };
}

export function recordedJobs({ world, catalog }: JobRoom, limits: Partial<JobLimits> = {}) {
  const events: { at: number; job: Job }[] = [];
  const jobs = createJobs({
    world,
    catalog,
    limits,
    emit: (job) => events.push({ at: world.clock.monotonic(), job }),
  });
  const states = (id: JobId) =>
    events.filter(({ job }) => job.id === id).map(({ job }) => job.state.kind);
  return { jobs, events, states };
}

/** An AppError of this code whose data holds at least this. */
export const code = (wanted: ErrorCode, data: Record<string, unknown> = {}) =>
  expect.objectContaining({
    code: wanted,
    data: expect.objectContaining(data) as unknown,
  }) as Error;
