/** A job that something has to happen before: it is listed, and in nobody's way. */
import { expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { code, held, jobRoom, recordedJobs, web } from '../../../fakes/jobs.ts';

const room = jobRoom();

/** What has to happen first, in the test's hand. */
function first() {
  let happen: () => void = () => undefined;
  let fail: (thrown: unknown) => void = () => undefined;
  let aborted = false;
  const after = {
    words: 'Waits for the backup before it',
    run: (signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise<void>((resolve, reject) => {
        happen = resolve;
        fail = reject;
      });
    },
  };
  return {
    after,
    happen: () => {
      happen();
    },
    fail: (thrown: unknown) => {
      fail(thrown);
    },
    get aborted() {
      return aborted;
    },
  };
}

const revert = { kind: 'revert', title: 'Go back to clean', repository: null } as const;

test('a backup of the same machine runs meanwhile, and the job begins after it', async () => {
  const { jobs, states } = recordedJobs(room);
  const before = first();
  const late = held({ ...revert, after: before.after });
  const id = jobs.start(late.spec);
  expect(jobs.get(id).state).toEqual({ kind: 'queued', waitsFor: before.after.words });
  expect(jobs.list(false).map((job) => job.id)).toEqual([id]);
  expect(jobs.ofMachine(web.id)).toBeNull();
  const backup = held();
  const backupId = jobs.start(backup.spec);
  expect(backup.started || jobs.get(backupId).state.kind === 'running').toBe(true);
  expect(late.started).toBe(false);
  backup.finish();
  await jobs.ended(backupId);
  before.happen();
  await room.world.clock.settle();
  expect(late.started).toBe(true);
  expect(jobs.ofMachine(web.id)).toBe(id);
  late.finish();
  expect((await jobs.ended(id)).state.kind).toBe('done');
  expect(states(id)).toEqual(['queued', 'running', 'done']);
});

test('what fails before is what the job fails with; its work is not begun', async () => {
  const { jobs } = recordedJobs(room);
  const before = first();
  const late = held({ ...revert, after: before.after });
  const id = jobs.start(late.spec);
  before.fail(new AppError('refused', 'The backup was not made.', { advice: 'Pause the plan.' }));
  const { state } = await jobs.ended(id);
  expect(state).toMatchObject({
    kind: 'failed',
    error: { code: 'refused', message: 'The backup was not made.' },
  });
  expect(late.started).toBe(false);
});

test('cancelled meanwhile it ends at once and is not begun when the time comes', async () => {
  const { jobs } = recordedJobs(room);
  const before = first();
  const late = held({ ...revert, after: before.after });
  const id = jobs.start(late.spec);
  jobs.cancel(id);
  expect((await jobs.ended(id)).state.kind).toBe('cancelled');
  expect(before.aborted).toBe(true);
  before.happen();
  await room.world.clock.settle();
  expect(late.started).toBe(false);
  expect(jobs.list(false)).toEqual([]);
});

test('stopping the engine does not wait for what had to come first', async () => {
  const { jobs } = recordedJobs(room);
  const before = first();
  const id = jobs.start(held({ ...revert, after: before.after }).spec);
  expect(await jobs.stop()).toEqual([]);
  expect(jobs.get(id).state.kind).toBe('cancelled');
});

test('those that wait for something count among the queued', () => {
  const { jobs } = recordedJobs(room, { maxQueuedJobs: 1 });
  jobs.start(held({ ...revert, after: first().after }).spec);
  expect(() => jobs.start(held().spec)).toThrow(code('refused'));
});

test('when the time comes and the machine is worked on, it waits like any other', async () => {
  const { jobs } = recordedJobs(room);
  const before = first();
  const late = held({ ...revert, after: before.after });
  const id = jobs.start(late.spec);
  const backup = held();
  jobs.start(backup.spec);
  before.happen();
  await room.world.clock.settle();
  expect(jobs.get(id).state).toEqual({
    kind: 'queued',
    waitsFor: 'Waits for “Back up web-01 to attic”',
  });
  backup.finish();
  await room.world.clock.settle();
  expect(late.started).toBe(true);
});
