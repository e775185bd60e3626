import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import type { JobId } from '#contract/domain.ts';
import { createJobs } from '#engine/jobs/jobs.ts';
import { code, held, jobRoom, mail, obedient, recordedJobs, web } from '../../../fakes/jobs.ts';
import { webUuid } from '../../../fakes/records.ts';

const room = jobRoom();
const queue = () => recordedJobs(room);

describe('a job', () => {
  test('runs after its starter got the id, and ends with its result in the history', async () => {
    const { jobs, states } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    expect(job.started).toBe(false);
    expect(jobs.get(id).state).toEqual({ kind: 'running' });
    await room.world.clock.advance(1500);
    job.finish({ kind: 'other', summary: 'All good.' });
    await room.world.clock.settle();
    expect(jobs.get(id)).toMatchObject({
      title: 'Back up web-01 to attic',
      machine: { id: web.id, name: 'web-01' },
      startedAt: room.world.clock.now() - 1500,
      state: { kind: 'done', at: room.world.clock.now() },
      result: { kind: 'other', summary: 'All good.' },
    });
    expect(states(id)).toEqual(['running', 'done']);
    expect(room.catalog.runs.listRuns(null, 10)).toMatchObject([
      { id, kind: 'backup', machine: { uuid: webUuid, name: 'web-01' }, outcome: { kind: 'done' } },
    ]);
  });

  test('that has problems ends as problems', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await room.world.clock.settle();
    job.context.addProblem('The TPM state could not be read.');
    job.finish();
    await room.world.clock.settle();
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

  test('that throws something else is internal, with the log id and no stack', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    job.fail(new TypeError('secret detail'));
    const { state } = await jobs.ended(id);
    const logged = room.world.logged.find(({ level }) => level === 'error');
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
    await room.world.clock.settle();
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
    await room.world.clock.settle();
    const journal = job.context.journals.beginJournal('backup', { machine: webUuid });
    job.context.journals.addStep(journal, 'checkpoint', { name: 'waymark-1' });
    expect(room.catalog.journals.openJournals()).toMatchObject([
      { id: journal, steps: [{ step: 'checkpoint' }] },
    ]);
  });

  test('ends as problems when its record cannot be written, and says so', async () => {
    const broken = {
      ...room.catalog.runs,
      insertRun: () => {
        throw new AppError('no-space', 'Full.');
      },
    };
    const jobs = createJobs({
      world: room.world,
      catalog: { ...room.catalog, runs: broken },
      emit: () => {},
    });
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
      world: room.world,
      catalog: room.catalog,
      emit: () => {
        throw new Error('listener');
      },
    });
    const job = held();
    const id = jobs.start(job.spec);
    job.finish();
    expect((await jobs.ended(id)).state.kind).toBe('done');
    expect(room.world.logged.some(({ level }) => level === 'error')).toBe(true);
  });
});

describe('progress events', () => {
  test('are at most four a second however much is said, and the last word arrives', async () => {
    const { jobs, events } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await room.world.clock.settle();
    for (let at = 0; at < 3000; at += 10) {
      job.context.progress({ doneBytes: at, totalBytes: 3000 });
      await room.world.clock.advance(10);
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
    await room.world.clock.settle();
    job.context.progress({ doneBytes: 5, totalBytes: 10 });
    await room.world.clock.advance(29_000);
    expect(events.at(-1)?.job.progress?.stalled).toBeNull();
    await room.world.clock.advance(2000);
    expect(events.at(-1)?.job.progress?.stalled).toBe('Waiting for storage…');
  });

  test('stop when the job has ended: no timer stays', async () => {
    const { jobs, events } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await room.world.clock.settle();
    const { context } = job;
    job.finish();
    await jobs.ended(id);
    const count = events.length;
    context.progress({ doneBytes: 1 });
    context.note('late');
    await room.world.clock.advance(5000);
    expect(events).toHaveLength(count);
    expect(room.world.clock.waiting).toBe(0);
  });
});

describe('cancel', () => {
  test('is answered at once as cancelling, fires the signal, ends as cancelled', async () => {
    const { jobs, states } = queue();
    const id = jobs.start(obedient());
    await room.world.clock.settle();
    expect(jobs.cancel(id).state).toEqual({ kind: 'cancelling' });
    expect((await jobs.ended(id)).state.kind).toBe('cancelled');
    expect(states(id)).toEqual(['running', 'cancelling', 'cancelled']);
    expect(room.catalog.runs.listRuns(null, 1)[0]?.outcome.kind).toBe('cancelled');
  });

  test('of a job that does not listen leaves it cancelling', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await room.world.clock.settle();
    jobs.cancel(id);
    await room.world.clock.advance(3_600_000);
    expect(jobs.get(id).state).toEqual({ kind: 'cancelling' });
    expect(jobs.cancel(id).state).toEqual({ kind: 'cancelling' });
    expect(job.context.signal.aborted).toBe(true);
  });

  test('that came too late leaves the job done', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await room.world.clock.settle();
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
    expect(room.catalog.runs.getJob(id)?.state.kind).toBe('cancelled');
  });

  test('keeps what the cleaning up could not do', async () => {
    const { jobs } = queue();
    const job = held();
    const id = jobs.start(job.spec);
    await room.world.clock.settle();
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
    await room.world.clock.settle();
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
