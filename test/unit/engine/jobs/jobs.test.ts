import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Job, JobId, JobResult, MachineId } from '#contract/domain.ts';
import { AppError, type ErrorCode } from '#contract/errors.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { createJobs } from '#engine/jobs/jobs.ts';
import type { JobContext, JobLimits, JobSpec } from '#engine/jobs/job-types.ts';
import { atticId, cellarId, mailUuid, webUuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

let catalog: Catalog;
let world: FakeWorld;
beforeEach(async () => {
  world = fakeWorld();
  catalog = await openCatalog(world, temporaryFolder());
});
afterEach(() => {
  catalog.close();
});

const web = { id: `host/${webUuid}` as MachineId, uuid: webUuid, name: 'web-01' };
const mail = { id: `host/${mailUuid}` as MachineId, uuid: mailUuid, name: 'mail' };
const attic = { id: atticId, name: 'attic' };
const cellar = { id: cellarId, name: 'cellar' };

/** A job held open by the test. */
function held(change: Partial<JobSpec> = {}) {
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
function obedient(change: Partial<JobSpec> = {}): JobSpec {
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

function queue(limits: Partial<JobLimits> = {}) {
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

const code = (wanted: ErrorCode, data: Record<string, unknown> = {}) =>
  expect.objectContaining({
    code: wanted,
    data: expect.objectContaining(data) as unknown,
  }) as Error;

describe('a job', () => {
  test('runs after its starter got the id, and ends with its result in the history', async () => {
    const { jobs, states } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    expect(job.started).toBe(false);
    expect(jobs.get(id).state).toEqual({ kind: 'running' });
    await world.clock.advance(1500);
    job.finish({ kind: 'other', summary: 'All good.' });
    await world.clock.settle();
    expect(jobs.get(id)).toMatchObject({
      title: 'Back up web-01 to attic',
      machine: { id: web.id, name: 'web-01' },
      startedAt: world.clock.now() - 1500,
      state: { kind: 'done', at: world.clock.now() },
      result: { kind: 'other', summary: 'All good.' },
    });
    expect(states(id)).toEqual(['running', 'done']);
    expect(catalog.runs.listRuns(null, 10)).toMatchObject([
      { id, kind: 'backup', machine: { uuid: webUuid, name: 'web-01' }, outcome: { kind: 'done' } },
    ]);
  });

  test('that has problems ends as problems', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    job.context.addProblem('The TPM state could not be read.');
    job.finish();
    await world.clock.settle();
    expect(jobs.get(id).state).toMatchObject({
      kind: 'problems',
      problems: ['The TPM state could not be read.'],
    });
  });

  test('that fails on purpose keeps code and data', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    job.fail(new AppError('image-missing', 'The image is gone.', { path: '/x' }));
    const { state } = await jobs.ended(id);
    expect(state).toMatchObject({
      kind: 'failed',
      error: { code: 'image-missing', message: 'The image is gone.', data: { path: '/x' } },
    });
  });

  test('that throws something else is internal, with the log id and nothing of the stack', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    job.fail(new TypeError('secret detail'));
    const { state } = await jobs.ended(id);
    const logged = world.logged.find(({ level }) => level === 'error');
    expect(logged?.thrown).toBeInstanceOf(TypeError);
    expect(state).toMatchObject({
      kind: 'failed',
      error: { code: 'internal', data: { logId: logged?.id } },
    });
    expect(JSON.stringify(state)).not.toContain('secret detail');
  });

  test('that throws before its first await fails the same way', async () => {
    const { jobs } = queue();
    const { spec } = held({
      run: () => {
        throw new AppError('machine-gone', 'Gone.');
      },
    });
    const { state } = await jobs.ended(jobs.start(spec));
    expect(state).toMatchObject({ kind: 'failed', error: { code: 'machine-gone' } });
  });

  test('shows nested steps, notes, activity and what a cancel would leave', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    const { context } = job;
    void context.step('Transfer', (inner) => inner.step('vda', () => new Promise(() => {})));
    context.note('half');
    context.setActivity('Reading vda (1 of 1)');
    context.setCancelEffect('Nothing stays behind.');
    expect(jobs.get(id)).toMatchObject({
      cancelEffect: 'Nothing stays behind.',
      progress: { activity: 'Reading vda (1 of 1)' },
      steps: [{ title: 'Transfer', steps: [{ title: 'vda', note: 'half', outcome: 'running' }] }],
    });
  });

  test('writes its journal through its context', async () => {
    const { jobs } = queue();
    const job = held();
    jobs.start(job.spec);
    await world.clock.settle();
    const journal = job.context.journals.beginJournal('backup', { machine: webUuid });
    job.context.journals.addStep(journal, 'checkpoint', { name: 'waymark-1' });
    expect(catalog.journals.openJournals()).toMatchObject([
      { id: journal, steps: [{ step: 'checkpoint' }] },
    ]);
  });

  test('ends as problems when its record cannot be written, and says so', async () => {
    const broken = {
      ...catalog.runs,
      insertRun: () => {
        throw new AppError('no-space', 'Full.');
      },
    };
    const jobs = createJobs({ world, catalog: { ...catalog, runs: broken }, emit: () => {} });
    const job = held();
    const id = jobs.start(job.spec);
    job.finish();
    const { state } = await jobs.ended(id);
    expect(state).toMatchObject({
      kind: 'problems',
      problems: ['The record of this job could not be written to the history.'],
    });
    expect(jobs.get(id).state.kind).toBe('problems');
  });

  test('is not hurt by a listener that throws', async () => {
    const jobs = createJobs({
      world,
      catalog,
      emit: () => {
        throw new Error('listener');
      },
    });
    const job = held();
    const id = jobs.start(job.spec);
    job.finish();
    expect((await jobs.ended(id)).state.kind).toBe('done');
    expect(world.logged.some(({ level }) => level === 'error')).toBe(true);
  });
});

describe('progress events', () => {
  test('are at most four a second however often the job speaks, and the last word arrives', async () => {
    const { jobs, events } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    for (let at = 0; at < 3000; at += 10) {
      job.context.progress({ doneBytes: at, totalBytes: 3000 });
      await world.clock.advance(10);
    }
    const times = events.map(({ at }) => at);
    for (const start of times) {
      expect(times.filter((at) => at >= start && at < start + 1000).length).toBeLessThanOrEqual(4);
    }
    expect(times.length).toBeGreaterThan(10);
    job.finish();
    await jobs.ended(id);
    expect(events.at(-1)?.job).toMatchObject({
      state: { kind: 'done' },
      progress: { doneBytes: 2990 },
    });
  });

  test('say that nothing moves after 30 s without the job saying anything', async () => {
    const { jobs, events } = queue();
    const job = held();
    jobs.start(job.spec);
    await world.clock.settle();
    job.context.progress({ doneBytes: 5, totalBytes: 10 });
    await world.clock.advance(29_000);
    expect(events.at(-1)?.job.progress?.stalled).toBeNull();
    await world.clock.advance(2000);
    expect(events.at(-1)?.job.progress?.stalled).toBe('Waiting for storage…');
  });

  test('stop when the job has ended: no timer stays', async () => {
    const { jobs, events } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    const { context } = job;
    job.finish();
    await jobs.ended(id);
    const count = events.length;
    context.progress({ doneBytes: 1 });
    context.note('late');
    await world.clock.advance(5000);
    expect(events).toHaveLength(count);
    expect(world.clock.waiting).toBe(0);
  });
});

describe('cancel', () => {
  test('is answered at once as cancelling, with the signal fired, and ends as cancelled', async () => {
    const { jobs, states } = queue();
    const id = jobs.start(obedient());
    await world.clock.settle();
    expect(jobs.cancel(id).state).toEqual({ kind: 'cancelling' });
    expect((await jobs.ended(id)).state.kind).toBe('cancelled');
    expect(states(id)).toEqual(['running', 'cancelling', 'cancelled']);
    expect(catalog.runs.listRuns(null, 1)[0]?.outcome.kind).toBe('cancelled');
  });

  test('of a job that does not listen leaves it cancelling', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    jobs.cancel(id);
    await world.clock.advance(3_600_000);
    expect(jobs.get(id).state).toEqual({ kind: 'cancelling' });
    expect(jobs.cancel(id).state).toEqual({ kind: 'cancelling' });
    expect(job.context.signal.aborted).toBe(true);
  });

  test('that came too late leaves the job done', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    jobs.cancel(id);
    job.finish();
    expect((await jobs.ended(id)).state.kind).toBe('done');
    expect(jobs.cancel(id).state.kind).toBe('done');
  });

  test('before the first turn never runs the job', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    jobs.cancel(id);
    expect((await jobs.ended(id)).state.kind).toBe('cancelled');
    expect(job.started).toBe(false);
  });

  test('of a waiting job ends it at once without running it', async () => {
    const { jobs } = queue();
    jobs.start(held().spec);
    const waiting = held({ machine: mail, title: 'Back up mail' });
    const id = jobs.start(waiting.spec);
    expect(jobs.cancel(id)).toMatchObject({ startedAt: null, state: { kind: 'cancelled' } });
    expect(waiting.started).toBe(false);
    expect(catalog.runs.getJob(id)?.state.kind).toBe('cancelled');
  });

  test('keeps what the cleaning up could not do', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    jobs.cancel(id);
    job.context.addProblem('The checkpoint could not be removed.');
    job.fail(new AppError('nbd-connection-lost', 'Cut.'));
    expect((await jobs.ended(id)).state).toMatchObject({
      kind: 'cancelled',
      problems: ['The checkpoint could not be removed.'],
    });
  });

  test('does not hide a defect', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await world.clock.settle();
    jobs.cancel(id);
    job.fail(new TypeError('x'));
    expect((await jobs.ended(id)).state).toMatchObject({
      kind: 'failed',
      error: { code: 'internal' },
    });
  });

  test('of an unknown job is not-found', () => {
    const { jobs } = queue();
    expect(() => jobs.cancel('nope' as JobId)).toThrow(code('not-found'));
  });
});

describe('the queue', () => {
  test('refuses a second backup of a machine and names the first, also to another repository', () => {
    const { jobs } = queue();
    const first = jobs.start(held().spec);
    for (const repository of [attic, cellar]) {
      expect(() => jobs.start(held({ repository }).spec)).toThrow(
        code('machine-busy', { job: first, title: 'Back up web-01 to attic' }),
      );
    }
    expect(jobs.list(true)).toHaveLength(1);
  });

  test('refuses it as well while the first only waits', () => {
    const { jobs } = queue();
    jobs.start(held({ machine: mail }).spec);
    const waiting = jobs.start(held().spec);
    expect(jobs.get(waiting).state.kind).toBe('queued');
    expect(() => jobs.start(held().spec)).toThrow(code('machine-busy', { job: waiting }));
  });

  test('lets the second writer of a repository wait, says for what, and starts it then', async () => {
    const { jobs, states } = queue();
    const first = held();
    const second = held({ machine: mail, title: 'Back up mail to attic' });
    const firstId = jobs.start(first.spec);
    const secondId = jobs.start(second.spec);
    expect(jobs.get(secondId).state).toEqual({
      kind: 'queued',
      waitsFor: 'Waits for “Back up web-01 to attic”',
    });
    first.finish();
    await jobs.ended(firstId);
    await world.clock.settle();
    expect(second.started).toBe(true);
    expect(states(secondId)).toEqual(['queued', 'running']);
  });

  test('lets a restore read beside a backup of the same repository and machine', async () => {
    const { jobs } = queue();
    jobs.start(held().spec);
    const restore = held({ kind: 'restore' });
    jobs.start(restore.spec);
    await world.clock.settle();
    expect(restore.started).toBe(true);
  });

  test('keeps order: nothing overtakes a job it would block', async () => {
    const { jobs } = queue();
    const verify = held({ kind: 'verify', machine: null });
    const gc = held({ kind: 'gc', machine: null, title: 'Clean attic' });
    const late = held({ kind: 'verify', machine: null });
    const verifyId = jobs.start(verify.spec);
    const gcId = jobs.start(gc.spec);
    const lateId = jobs.start(late.spec);
    expect(jobs.get(lateId).state).toEqual({ kind: 'queued', waitsFor: 'Waits for “Clean attic”' });
    verify.finish();
    await jobs.ended(verifyId);
    await world.clock.settle();
    expect([gc.started, late.started]).toEqual([true, false]);
    gc.finish();
    await jobs.ended(gcId);
    await world.clock.settle();
    expect(late.started).toBe(true);
  });

  test('goes on after a job failed', async () => {
    const { jobs } = queue();
    const first = held();
    const second = held({ machine: mail });
    const firstId = jobs.start(first.spec);
    jobs.start(second.spec);
    first.fail(new Error('x'));
    await jobs.ended(firstId);
    await world.clock.settle();
    expect(second.started).toBe(true);
  });

  test('ignores what a job says it does not use', async () => {
    const { jobs } = queue();
    jobs.start(held({ kind: 'backup' }).spec);
    const practice = held({ kind: 'practice', requires: { machine: false, repository: false } });
    jobs.start(practice.spec);
    await world.clock.settle();
    expect(practice.started).toBe(true);
    expect(() => jobs.start(held({ kind: 'practice' }).spec)).toThrow(code('machine-busy'));
  });

  test('runs no more at once than the limit', async () => {
    const { jobs } = queue({ maxRunningJobs: 2 });
    const three = [1, 2, 3].map(() => held({ kind: 'restore', machine: null }));
    const ids = three.map(({ spec }) => jobs.start(spec));
    expect(jobs.get(ids[2]!).state.kind).toBe('queued');
    three[0]!.finish();
    await jobs.ended(ids[0]!);
    await world.clock.settle();
    expect(three.map(({ started }) => started)).toEqual([true, true, true]);
  });

  test('takes as many waiting jobs as the limit and refuses one more', () => {
    const { jobs } = queue({ maxRunningJobs: 1, maxQueuedJobs: 2 });
    const restore = () => jobs.start(held({ kind: 'restore', machine: null }).spec);
    restore();
    restore();
    restore();
    expect(restore).toThrow(code('refused'));
    expect(jobs.list(false)).toHaveLength(3);
  });

  test('knows the job of a machine', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    expect(jobs.ofMachine(web.id)).toBe(id);
    expect(jobs.ofMachine(mail.id)).toBeNull();
    job.finish();
    await jobs.ended(id);
    expect(jobs.ofMachine(web.id)).toBeNull();
  });
});

describe('ended jobs', () => {
  test('are listed newest first with all, and not without', async () => {
    const { jobs } = queue();
    const first = held();
    const firstId = jobs.start(first.spec);
    first.finish();
    await jobs.ended(firstId);
    await world.clock.advance(10);
    const secondId = jobs.start(held({ machine: mail }).spec);
    expect(jobs.list(false).map(({ id }) => id)).toEqual([secondId]);
    expect(jobs.list(true).map(({ id }) => id)).toEqual([secondId, firstId]);
  });

  test('keep their result beyond memory and beyond a restart', async () => {
    const { jobs } = queue({ maxRecentJobs: 1 });
    const result: JobResult = { kind: 'other', summary: 'kept' };
    const ids: JobId[] = [];
    for (const kind of ['verify', 'restore'] as const) {
      const job = held({ kind });
      ids.push(jobs.start(job.spec));
      job.finish(result);
      await jobs.ended(ids.at(-1)!);
    }
    expect(jobs.get(ids[0]!).result).toEqual(result);
    const later = queue().jobs;
    expect(later.get(ids[0]!).result).toEqual(result);
    expect(later.list(true)).toHaveLength(2);
    expect((await later.ended(ids[1]!)).state.kind).toBe('done');
    await expect(later.ended('nope' as JobId)).rejects.toThrow(code('not-found'));
  });
});

describe('stop', () => {
  test('cancels what waits and what runs, waits for it and starts nothing new', async () => {
    const { jobs } = queue();
    const running = jobs.start(obedient());
    const waiting = jobs.start(obedient({ machine: mail }));
    await world.clock.settle();
    expect(await jobs.stop()).toEqual([]);
    expect(jobs.get(running).state.kind).toBe('cancelled');
    expect(jobs.get(waiting)).toMatchObject({ startedAt: null, state: { kind: 'cancelled' } });
    expect(() => jobs.start(held().spec)).toThrow(code('refused'));
    expect(world.clock.waiting).toBe(0);
  });

  test('names the jobs that do not end, after the limit', async () => {
    const { jobs } = queue({ stopTimeoutMs: 5000 });
    const id = jobs.start(held().spec);
    const stopped = jobs.stop();
    await world.clock.advance(5000);
    // It never ran, so it could end: only one that runs and does not listen is named.
    expect(await stopped).toEqual([]);
    const deaf = queue({ stopTimeoutMs: 5000 });
    const deafId = deaf.jobs.start(held().spec);
    await world.clock.settle();
    const late = deaf.jobs.stop();
    await world.clock.advance(5000);
    expect(await late).toEqual([deafId]);
    expect(jobs.get(id).state.kind).toBe('cancelled');
  });
});
