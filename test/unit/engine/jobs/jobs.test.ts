import { describe, expect, test } from 'vitest';
import type { JobId, JobResult } from '#contract/domain.ts';
import type { JobLimits } from '#engine/jobs/job-types.ts';
import {
  attic,
  cellar,
  code,
  held,
  jobRoom,
  mail,
  obedient,
  recordedJobs,
  web,
} from '../../../fakes/jobs.ts';

const room = jobRoom();
const queue = (limits: Partial<JobLimits> = {}) => recordedJobs(room, limits);

describe('the queue', () => {
  test('refuses a second backup of a machine to any repository and names the first', () => {
    const { jobs } = queue();
    const first = jobs.start(held().spec);
    for (const repository of [attic, cellar]) {
      expect(() => jobs.start(held({ repository }).spec)).toThrow(
        code('machine-busy', { job: first, title: 'Back up web-01 to attic' }),
      );
    }
    expect(jobs.list(true)).toHaveLength(1);
  });

  test('refuses a second practice job also before there is a practice machine', () => {
    const { jobs } = queue();
    const nothing = { kind: 'practice', machine: null, repository: null } as const;
    const first = jobs.start(held(nothing).spec);
    expect(() => jobs.start(held(nothing).spec)).toThrow(code('machine-busy', { job: first }));
  });

  test('refuses it as well while the first only waits', () => {
    const { jobs } = queue();
    jobs.start(held({ machine: mail }).spec);
    const waiting = jobs.start(held().spec);
    expect(jobs.get(waiting).state.kind).toBe('queued');
    expect(() => jobs.start(held().spec)).toThrow(code('machine-busy', { job: waiting }));
  });

  test('lets the second writer of a repository wait, says for what, then starts it', async () => {
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
    await room.world.clock.settle();
    expect(second.started).toBe(true);
    expect(states(secondId)).toEqual(['queued', 'running']);
  });

  test('lets a restore read beside a backup of the same repository and machine', async () => {
    const { jobs } = queue();
    jobs.start(held().spec);
    const restore = held({ kind: 'restore' });
    jobs.start(restore.spec);
    await room.world.clock.settle();
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
    await room.world.clock.settle();
    expect([gc.started, late.started]).toEqual([true, false]);
    gc.finish();
    await jobs.ended(gcId);
    await room.world.clock.settle();
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
    await room.world.clock.settle();
    expect(second.started).toBe(true);
  });

  test('ignores what a job says it does not use', async () => {
    const { jobs } = queue();
    jobs.start(held({ kind: 'backup' }).spec);
    const practice = held({ kind: 'practice', requires: { machine: false, repository: false } });
    jobs.start(practice.spec);
    await room.world.clock.settle();
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
    await room.world.clock.settle();
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
    await room.world.clock.advance(10);
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
    await room.world.clock.settle();
    expect(await jobs.stop()).toEqual([]);
    expect(jobs.get(running).state.kind).toBe('cancelled');
    expect(jobs.get(waiting)).toMatchObject({ startedAt: null, state: { kind: 'cancelled' } });
    expect(() => jobs.start(held().spec)).toThrow(code('refused'));
    expect(room.world.clock.waiting).toBe(0);
  });

  test('starts none of the waiting ones while it cancels those before them', async () => {
    const { jobs, states } = queue();
    const spec = { machine: null };
    jobs.start(obedient({ ...spec, kind: 'verify' }));
    jobs.start(obedient({ ...spec, kind: 'gc' }));
    const last = jobs.start(obedient({ ...spec, kind: 'verify' }));
    await room.world.clock.settle();
    await jobs.stop();
    expect(states(last)).toEqual(['queued', 'cancelled']);
  });

  test('names the jobs that do not end, after the limit', async () => {
    const { jobs } = queue({ stopTimeoutMs: 5000 });
    const id = jobs.start(held().spec);
    const stopped = jobs.stop();
    await room.world.clock.advance(5000);
    // It never ran, so it could end: only one that runs and does not listen is named.
    expect(await stopped).toEqual([]);
    const deaf = queue({ stopTimeoutMs: 5000 });
    const deafId = deaf.jobs.start(held().spec);
    await room.world.clock.settle();
    const late = deaf.jobs.stop();
    await room.world.clock.advance(5000);
    expect(await late).toEqual([deafId]);
    expect(jobs.get(id).state.kind).toBe('cancelled');
  });
});
