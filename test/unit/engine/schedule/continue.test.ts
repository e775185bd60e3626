/** kill -9 at each step of a planned run: the next start explains it, and goes on. */
import { describe, expect, test } from 'vitest';
import type { PlanRun } from '#contract/plans.ts';
import {
  attic,
  cellar,
  machineIdOf,
  planStory,
  type PlanStory,
} from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

const hook = { timeoutSeconds: 60, stopOnFailure: true };
const draft = planDraft(machineIdOf('web'), attic, {
  hooks: { before: { ...hook, argv: ['/bin/dump'] }, after: { ...hook, argv: ['/bin/after'] } },
  verify: 'data',
  keep: { last: 3, hourly: 0, daily: 7, weekly: 0, monthly: 0, yearly: 0 },
});

/** Begins a run at 02:00 UTC and kills the process `ms` later. */
async function killedAfter(ms: number): Promise<PlanStory> {
  const story = await planStory('2026-11-23T22:00:00Z');
  story.around.hooks.set('/bin/dump', true).set('/bin/after', true);
  await story.plan(draft);
  await story.until('2026-11-24T02:00:00Z');
  await story.clock.advance(ms);
  story.life.kill();
  await story.clock.advance(30_000);
  return story;
}

function summary(runs: readonly PlanRun[]): readonly string[] {
  return runs.map(({ cause, state }) => `${cause} ${state.kind}`);
}

async function goesOn(story: PlanStory): Promise<readonly PlanRun[]> {
  await story.start();
  await story.clock.advance(30_000);
  return story.runs();
}

describe('killed', () => {
  // Milliseconds after its time: the hook takes 1 s, the backup 4 s with its restore point whole
  // after 2 s, the check 1 s, the hook after 1 s, removing half a second.
  test.each<[string, number, readonly string[], number]>([
    ['before the backup', 500, ['continued done', 'schedule failed'], 1],
    ['in the backup', 2000, ['continued done', 'schedule failed'], 2],
    ['in the backup, with its restore point whole', 3500, ['schedule done'], 1],
    ['while it is checked', 5500, ['schedule done'], 1],
    ['after the backup', 6500, ['schedule done'], 1],
    ['while old ones are removed', 7250, ['schedule done'], 1],
  ])('%s', async (_, ms, expected, backups) => {
    const story = await killedAfter(ms);
    const runs = await goesOn(story);
    expect(summary(runs)).toEqual(expected);
    expect(story.backups).toHaveLength(backups);
    expect(story.stored).toHaveLength(1);
    expect(story.removals).toEqual(['web']);
    const [last, cut] = runs;
    expect(last?.point).toBe(story.stored[0]?.id);
    if (cut === undefined) {
      expect(last?.log.join('\n')).toContain('Waymark was ended');
    } else {
      expect(cut.state).toMatchObject({ kind: 'failed', error: { code: 'plan-run-cut-off' } });
      expect(last?.log[0]).toContain('Goes on from a run that was cut off');
    }
    // It goes on where it was: nothing is told as failed, and the next time is where it was.
    expect(story.news).toEqual([]);
    const [plan] = await story.life.handlers['plans.list']({});
    expect(plan?.nextDue).toBe(Date.parse('2026-11-25T02:00:00Z'));
  });

  test('a second time it has failed, and says so', async () => {
    const story = await killedAfter(2000);
    await story.start();
    await story.clock.advance(2000);
    story.life.kill();
    const runs = await goesOn(story);
    expect(summary(runs)).toEqual(['continued failed', 'schedule failed']);
    const [last] = runs;
    expect(last?.state).toMatchObject({ error: { code: 'plan-run-cut-off' } });
    expect(story.news).toMatchObject([{ kind: 'failed' }]);
    expect(story.backups).toHaveLength(2);
    // What the program before began is ended by the one after, although there is no backup.
    expect(story.hooksRun.map(({ when }) => when)).toEqual(['before', 'before', 'after']);
    expect(story.hooksRun[2]).toMatchObject({ run: last?.id, outcome: 'failed', point: null });
    expect(last?.log.join('\n')).toContain('printed after');
  });

  test('where the repository is away, its restore point is found when it is back', async () => {
    const story = await killedAfter(3500);
    story.around.present.delete(attic);
    expect(summary(await goesOn(story))).toEqual(['continued waiting', 'schedule failed']);
    story.around.present.add(attic);
    await story.life.schedule.parts.readPoints(attic);
    await story.clock.advance(2 * 60_000);
    const runs = await story.runs();
    expect(summary(runs)).toEqual(['continued done', 'schedule failed']);
    expect(runs[0]?.point).toBe(story.stored[0]?.id);
    expect(story.backups).toHaveLength(1);
  });

  test('a repository that never answers stops no plan, nor the end of Waymark', async () => {
    const story = await killedAfter(3500);
    const asked: string[] = [];
    const silent = (life: typeof story.life) => {
      Object.assign(life.schedule.parts, {
        readPoints: (id: string) => {
          asked.push(id);
          return new Promise(() => undefined);
        },
      });
      life.schedule.scheduler.start();
    };
    silent(await story.start(false));
    await story.clock.advance(1000);
    expect(summary(await story.runs())).toEqual(['schedule running']);
    await story.life.stop(); // does not wait for it
    silent(await story.start(false));
    await story.clock.advance(16_000);
    expect(asked).toEqual([attic, attic]);
    expect(summary(await story.runs())).toEqual(['continued running', 'schedule failed']);
    await story.until('2026-11-25T02:01:00Z');
    expect((await story.runs())[0]).toMatchObject({ cause: 'schedule', state: { kind: 'done' } });
  });

  test('one that cannot be explained leaves the others to go on', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    story.around.machines = ['web', 'mail'];
    await story.plan(planDraft(null, attic));
    await story.plan({ ...planDraft(null, cellar), name: 'Other' });
    await story.until('2026-11-24T02:00:00Z');
    await story.clock.advance(1000);
    const running = (await story.runs()).filter(({ state }) => state.kind === 'running');
    expect(running).toHaveLength(2);
    story.life.kill();
    const { catalog, schedule } = await story.start(false);
    const { update } = catalog.planRuns;
    let broken = true;
    const first = catalog.planRuns.open().find(({ state }) => state.kind === 'running')?.id;
    catalog.planRuns.update = (run) => {
      if (broken && run.id === first) throw new Error('the disk is full');
      update(run);
    };
    schedule.scheduler.start();
    await story.clock.advance(30_000);
    broken = false;
    const [stuck, ...others] = (await story.runs())
      .filter(({ id, due }) => {
        return id === first || due === running[0]?.due;
      })
      .toSorted((a) => (a.id === first ? -1 : 1));
    expect(stuck?.state.kind).toBe('running');
    expect(others.filter(({ state }) => state.kind === 'running')).toEqual([]);
    expect(others.filter(({ cause }) => cause === 'continued')).toMatchObject([
      { state: { kind: 'done' } },
    ]);
  });

  test('a plan that was removed meanwhile ends with its program after', async () => {
    const story = await killedAfter(2000);
    await story.start(false);
    const [plan] = await story.life.handlers['plans.list']({});
    if (plan === undefined) throw new Error('no plan');
    await story.life.handlers['plans.remove']({ plan: plan.id });
    await story.life.stop();
    const [ended, ...more] = await goesOn(story);
    expect(more).toEqual([]);
    expect(ended?.state).toMatchObject({ kind: 'failed', error: { code: 'plan-run-cut-off' } });
    expect(story.backups).toHaveLength(1);
    expect(story.hooksRun.map(({ when }) => when)).toEqual(['before', 'after']);
    expect(story.hooksRun[1]).toMatchObject({ outcome: 'failed' });
    expect(story.news).toMatchObject([{ kind: 'failed', title: 'web was not backed up' }]);
  });

  test('killed again while the program after ends it, that runs once more', async () => {
    const story = await killedAfter(2000);
    await story.start();
    await story.clock.advance(2000);
    story.life.kill();
    await story.start();
    await story.clock.advance(500); // in the program after
    expect(story.hooksRun.map(({ when }) => when)).toEqual(['before', 'before', 'after']);
    story.life.kill();
    const runs = await goesOn(story);
    expect(summary(runs)).toEqual(['continued failed', 'schedule failed']);
    expect(story.hooksRun.map(({ when }) => when)).toEqual(['before', 'before', 'after', 'after']);
    expect(story.news).toMatchObject([{ kind: 'failed' }]);
  });

  test('a removed plan whose restore point was made says that it is there', async () => {
    const story = await killedAfter(5500);
    await story.start(false);
    const [plan] = await story.life.handlers['plans.list']({});
    if (plan === undefined) throw new Error('no plan');
    await story.life.handlers['plans.remove']({ plan: plan.id });
    await story.life.stop();
    const [ended] = await goesOn(story);
    expect(ended?.state).toMatchObject({
      kind: 'failed',
      error: {
        message:
          'Waymark was ended while the restore point was checked. ' +
          'Its plan was removed. Its restore point is there.',
      },
    });
    expect(story.news).toMatchObject([{ title: 'The planned run of web was cut off' }]);
    expect(story.hooksRun.map(({ when }) => when)).toEqual(['before', 'after']);
  });

  test('the ordinary end of Waymark in the middle is gone on from as well', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    story.around.hooks.set('/bin/dump', true).set('/bin/after', true);
    await story.plan(draft);
    await story.until('2026-11-24T02:00:00Z');
    await story.clock.advance(2000);
    await story.life.stop();
    expect(summary(await goesOn(story))).toEqual(['continued done', 'schedule failed']);
  });
});
