import { describe, expect, test } from 'vitest';
import type { PlanRun } from '#contract/plans.ts';
import { attic, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

const web = machineIdOf('web');
const daily = planDraft(web, attic); // at 02:00 UTC
const hourMs = 3_600_000;

function told(runs: readonly PlanRun[]): readonly string[] {
  return runs.map(
    ({ cause, state, due }) =>
      `${cause} ${state.kind} ${new Date(due).toISOString().slice(5, 16).replace('T', ' ')}`,
  );
}

function wordsOf(run: PlanRun | undefined): string {
  return run !== undefined && 'words' in run.state ? run.state.words : '';
}

describe('what a run waits for', () => {
  test('a host that does not answer, until it does', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    await story.plan(daily);
    await story.clock.advance(6 * 60_000); // the plan's machines were written down
    story.around.hostConnected = false;
    await story.until('2026-11-24T03:00:00Z');
    const [waiting] = await story.runs();
    expect(waiting?.state).toMatchObject({ kind: 'waiting', reason: 'host-unreachable' });
    expect(wordsOf(waiting)).toBe('Waits for the host here, which does not answer.');
    story.around.hostConnected = true;
    story.life.schedule.scheduler.wake();
    await story.clock.advance(10_000);
    expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
  });

  test('a job that has the machine', async () => {
    const story = await planStory('2026-11-24T01:59:00Z');
    await story.plan(daily);
    story.life.jobs.start({
      kind: 'restore',
      title: 'Restore web',
      machine: { id: web, uuid: 'uuid-web', name: 'web' },
      repository: null,
      cancelEffect: '',
      run: async () => {
        await story.clock.sleep(3 * 60_000);
        return null;
      },
    });
    await story.until('2026-11-24T02:00:30Z');
    expect(wordsOf((await story.runs())[0])).toBe('Waits until “Restore web” has ended.');
    await story.until('2026-11-24T02:04:00Z');
    expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
  });

  test('a repository that goes away in the middle is waited for: no failure', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    await story.plan(daily);
    await story.until('2026-11-24T02:00:00Z');
    story.around.present.delete(attic);
    await story.clock.advance(30_000);
    const [waiting] = await story.runs();
    expect(waiting?.state).toMatchObject({ kind: 'waiting', reason: 'repository-absent' });
    expect(waiting?.log.join()).toContain('It waits: Its folder went away.');
    story.around.present.add(attic);
    await story.clock.advance(2 * 60_000);
    expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
    expect(story.news).toEqual([]);
  });

  test('the run before, where that takes longer than until the next time', async () => {
    const story = await planStory('2026-11-24T01:58:30Z');
    const calendar = { kind: 'cron', expression: '* * * * *' } as const;
    story.around.hooks.set('/bin/slow', true);
    const slow = { argv: ['/bin/slow'], timeoutSeconds: 60, stopOnFailure: true };
    await story.plan({ ...daily, calendar, hooks: { before: slow, after: null } });
    // Held by a job of its repository, so that it is still in its backup.
    story.life.jobs.start({
      kind: 'gc',
      title: 'Clean up attic',
      machine: null,
      repository: { id: attic, name: 'attic' },
      cancelEffect: '',
      run: async () => {
        await story.clock.sleep(100_000);
        return null;
      },
    });
    await story.until('2026-11-24T02:00:05Z');
    const runs = await story.runs();
    expect(told(runs)).toEqual(['schedule waiting 11-24 02:00', 'schedule running 11-24 01:59']);
    expect(wordsOf(runs[0])).toBe(
      'Waits until the run of 24 November 2026 at 02:59 to attic has ended.',
    );
    await story.until('2026-11-24T02:00:40Z');
    expect(told(await story.runs())).toEqual([
      ...['schedule done 11-24 02:00', 'schedule done 11-24 01:59'],
    ]);
  });
});

describe('what begins a run beside the calendar', () => {
  const only = { ...daily, calendar: null };
  const none = { changedBytes: null, shutdown: false, beforeRevert: false };

  test('a machine that was shut down, not more often than the plan allows', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const triggers = { ...none, shutdown: true, shortestIntervalSeconds: 3600 };
    const plan = await story.plan({ ...only, triggers });
    const { scheduler } = story.life.schedule;
    expect(scheduler.trigger({ kind: 'shutdown' }, web)).toMatchObject([{ cause: 'shutdown' }]);
    expect(scheduler.trigger({ kind: 'shutdown' }, web)).toEqual([]);
    await story.clock.advance(60_000);
    expect(scheduler.trigger({ kind: 'shutdown' }, web)).toEqual([]);
    await story.clock.advance(hourMs);
    expect(scheduler.trigger({ kind: 'shutdown' }, machineIdOf('other'))).toEqual([]);
    await story.life.handlers['plans.pause']({ plan, until: null });
    expect(scheduler.trigger({ kind: 'shutdown' }, web)).toEqual([]);
    await story.life.handlers['plans.resume']({ plan });
    expect(scheduler.trigger({ kind: 'shutdown' }, web)).toHaveLength(1);
    await story.clock.advance(60_000);
    expect((await story.runs()).map(({ state }) => state.kind)).toEqual(['done', 'done']);
  });

  test('so much that changed since the last restore point', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const triggers = { ...none, changedBytes: 1000, shortestIntervalSeconds: 0 };
    await story.plan({ ...only, triggers });
    const { scheduler } = story.life.schedule;
    expect(scheduler.trigger({ kind: 'changed', bytes: 999 }, web)).toEqual([]);
    expect(scheduler.trigger({ kind: 'changed', bytes: 1000 }, web)).toHaveLength(1);
  });

  test('a revert waits for it, and not for what may take for ever', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const triggers = { ...none, beforeRevert: true, shortestIntervalSeconds: 0 };
    await story.plan({ ...only, triggers });
    const { scheduler } = story.life.schedule;
    story.around.wait = { reason: 'on-battery', words: 'Waits until the computer is plugged in.' };
    const first = scheduler.beforeRevert(web);
    await story.clock.advance(30_000);
    expect(await first).toMatchObject([{ cause: 'before-revert', state: { kind: 'done' } }]);
    story.around.hostConnected = false;
    await story.clock.advance(60_000);
    const second = scheduler.beforeRevert(web);
    await story.clock.advance(30_000);
    const [skipped] = await second;
    expect(skipped?.state.kind).toBe('skipped');
    expect(wordsOf(skipped)).toContain('It could not run at once.');
  });
});

describe('a revert with a backup promised before it', () => {
  const triggers = {
    ...{ changedBytes: null, shutdown: false, beforeRevert: true, shortestIntervalSeconds: 0 },
  };

  test('takes the run that waits already, and begins it at once', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    await story.plan({ ...daily, triggers });
    story.around.wait = { reason: 'on-battery', words: 'Waits until the computer is plugged in.' };
    await story.until('2026-11-24T02:10:00Z');
    const promised = story.life.schedule.scheduler.beforeRevert(web);
    await story.clock.advance(30_000);
    expect(await promised).toMatchObject([{ cause: 'schedule', state: { kind: 'done' } }]);
    expect(story.backups).toHaveLength(1);
  });

  test('waits for the run that runs, and has another made of what was written since', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    await story.plan({ ...daily, triggers });
    await story.until('2026-11-24T02:00:00Z');
    await story.clock.advance(1000);
    const promised = story.life.schedule.scheduler.beforeRevert(web);
    await story.clock.advance(30_000);
    expect(await promised).toMatchObject([
      { cause: 'schedule', state: { kind: 'done' } },
      { cause: 'before-revert', state: { kind: 'done' } },
    ]);
  });

  test('takes the one that runs where its restore point is new enough', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    await story.plan({ ...daily, triggers: { ...triggers, shortestIntervalSeconds: 600 } });
    await story.until('2026-11-24T02:00:00Z');
    await story.clock.advance(1000);
    const { scheduler } = story.life.schedule;
    const promised = scheduler.beforeRevert(web);
    await story.clock.advance(30_000);
    expect(await promised).toMatchObject([{ cause: 'schedule', state: { kind: 'done' } }]);
    expect(await scheduler.beforeRevert(web)).toEqual([]);
  });

  test('does not wait for long for what the run cannot do without; that waits on', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    await story.plan({ ...daily, triggers });
    story.around.present.delete(attic);
    await story.until('2026-11-24T02:10:00Z');
    const promised = story.life.schedule.scheduler.beforeRevert(web);
    await story.clock.advance(10_000);
    expect(await promised).toMatchObject([
      { cause: 'schedule', state: { kind: 'waiting', reason: 'repository-absent' } },
    ]);
    story.around.present.add(attic);
    await story.clock.advance(2 * 60_000);
    expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
  });

  test('is refused where its repository is not known any more', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    await story.plan({ ...daily, triggers });
    story.life.catalog.repositories.remove(attic);
    await expect(story.life.schedule.scheduler.beforeRevert(web)).rejects.toMatchObject({
      code: 'refused',
      message:
        'The backup before it cannot be made: ' +
        'The repository of this plan is not known here any more.',
      data: { unharmed: 'The machine was not touched.' },
    });
  });

  test('is refused while the clock shows a time before 2020, and when Waymark ends', async () => {
    const story = await planStory('1970-01-01T00:10:00Z');
    await story.plan({ ...daily, zone: 'UTC', triggers });
    const { scheduler } = story.life.schedule;
    await expect(scheduler.beforeRevert(web)).rejects.toMatchObject({
      message: 'The backup before it cannot be made: The clock shows a time before 2020.',
    });
    await scheduler.stop();
    await expect(scheduler.beforeRevert(web)).rejects.toMatchObject({
      code: 'refused',
      message: 'Waymark is ending and begins no backup any more.',
    });
    expect(story.backups).toEqual([]);
  });
});

describe('a clock that is set', () => {
  test('forward: what it jumped over is told; back: its times come all the same', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const plan = await story.plan({ ...daily, catchUp: false });
    story.clock.setWallClock(Date.parse('2026-11-25T08:00:00Z'));
    await story.clock.advance(6 * 60_000);
    const ahead = await story.runs();
    expect(told(ahead)).toEqual(['schedule missed 11-25 02:00', 'schedule missed 11-24 02:00']);
    expect(wordsOf(ahead[0])).toContain('The clock was set forward from 23 November 2026');
    story.clock.setWallClock(Date.parse('2026-11-23T08:06:00Z'));
    await story.clock.advance(6 * 60_000);
    expect(await story.life.handlers['plans.get']({ plan })).toMatchObject({
      nextDue: Date.parse('2026-11-24T02:00:00Z'),
    });
    await story.until('2026-11-25T02:01:00Z');
    expect(told(await story.runs())).toEqual([
      ...['schedule done 11-25 02:00', 'schedule done 11-24 02:00'],
    ]);
  });

  test('back: no time comes twice', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    await story.plan(daily);
    await story.until('2026-11-24T02:30:00Z');
    story.clock.setWallClock(Date.parse('2026-11-24T01:30:00Z'));
    await story.until('2026-11-24T03:00:00Z');
    expect(told(await story.runs())).toEqual(['schedule done 11-24 02:00']);
    expect(story.backups).toHaveLength(1);
  });

  test('before 2020: nothing begins, and fifty years are not made up for', async () => {
    const story = await planStory('1970-01-01T00:10:00Z');
    const plan = await story.plan({ ...daily, zone: 'UTC' });
    await story.clock.advance(2 * 24 * hourMs);
    expect(await story.runs()).toEqual([]);
    const wrong = await story.life.handlers['plans.get']({ plan });
    expect(wrong.troubles[0]).toContain('a time before 2020');
    story.clock.setWallClock(Date.parse('2026-11-23T08:00:00Z'));
    await story.until('2026-11-24T03:01:00Z');
    expect(told(await story.runs())).toEqual(['schedule done 11-24 03:00']);
  });
});
