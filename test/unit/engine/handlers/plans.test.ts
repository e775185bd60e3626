import { describe, expect, test } from 'vitest';
import type { PlanRun } from '#contract/plans.ts';
import { attic, machineIdOf, planStory } from '../../../fakes/plan-story.ts';
import { planDraft } from '../../../fakes/plans.ts';

const web = machineIdOf('web');
const draft = planDraft(web, attic); // daily at 02:00 UTC
const dayMs = 86_400_000;

function told(runs: readonly PlanRun[]): readonly string[] {
  return runs.map(
    ({ cause, state, due }) => `${cause} ${state.kind} ${new Date(due).toISOString().slice(5, 10)}`,
  );
}

function wordsOf(run: PlanRun | undefined): string {
  return run !== undefined && 'words' in run.state ? run.state.words : '';
}

describe('plans', () => {
  test('what cannot be is refused, field by field, and nothing is kept', async () => {
    const { life } = await planStory('2026-11-23T08:00:00Z');
    const bad = { ...draft, zone: 'Europe/Nowhere', keep: noKeep() };
    await expect(life.handlers['plans.create']({ draft: bad })).rejects.toMatchObject({
      code: 'plan-refused',
      data: { problems: [{ field: 'zone' }, { field: 'keep' }] },
    });
    expect(await life.handlers['plans.list']({})).toEqual([]);
  });

  test('paused, its times are skipped with that reason; resumed, it goes on', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const plan = await story.plan(draft);
    const { handlers } = story.life;
    expect(await handlers['plans.pause']({ plan, until: null })).toMatchObject({
      pause: { kind: 'paused', until: null },
    });
    await story.until('2026-11-25T08:00:00Z');
    await handlers['plans.resume']({ plan });
    expect(told(await story.runs())).toEqual(['schedule skipped 11-25', 'schedule skipped 11-24']);
    expect(wordsOf((await story.runs())[0])).toBe('The plan was paused.');
    await story.until('2026-11-26T02:01:00Z');
    expect(told(await story.runs())[0]).toBe('schedule done 11-26');
    await expect(handlers['plans.pause']({ plan, until: 1 })).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  test('a pause until a time is over by itself', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const plan = await story.plan(draft);
    const until = story.clock.now() + dayMs;
    await story.life.handlers['plans.pause']({ plan, until });
    await story.until('2026-11-25T02:01:00Z');
    expect(told(await story.runs())).toEqual(['schedule done 11-25', 'schedule skipped 11-24']);
    expect(await story.life.handlers['plans.get']({ plan })).toMatchObject({
      pause: { kind: 'no' },
    });
  });

  test('removed and brought back: the times in between are explained', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const plan = await story.plan(draft);
    const { handlers } = story.life;
    await story.until('2026-11-24T03:00:00Z');
    await handlers['plans.remove']({ plan });
    expect(await handlers['plans.list']({})).toEqual([]);
    await expect(handlers['plans.get']({ plan })).rejects.toMatchObject({
      code: 'plan-not-found',
    });
    expect(story.life.schedule.scheduler.knowledge.ofMachine('uuid-web')).toBeNull();
    await story.until('2026-11-25T03:00:00Z');
    const back = await handlers['plans.bring-back']({ plan });
    expect(back.nextDue).toBe(Date.parse('2026-11-26T02:00:00Z'));
    expect(told(await story.runs())).toEqual(['schedule skipped 11-25', 'schedule done 11-24']);
    expect(wordsOf((await story.runs())[0])).toBe(
      'The plan was removed then, and was brought back later.',
    );
  });

  test('a new calendar begins now; what waits and is not meant any more is skipped', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    const plan = await story.plan(draft);
    story.around.present.delete(attic);
    await story.until('2026-11-24T03:00:00Z');
    const cellar = draft.repositories.map(() => 'repo-cellar' as never);
    const changed = { ...draft, calendar: { kind: 'hourly', minute: 30 } as const };
    const { nextDue } = await story.life.handlers['plans.change']({
      ...{ plan, draft: { ...changed, repositories: cellar } },
    });
    expect(nextDue).toBe(Date.parse('2026-11-24T03:30:00Z'));
    expect(told(await story.runs())).toEqual(['schedule skipped 11-24']);
    const same = await story.life.handlers['plans.change']({
      ...{ plan, draft: { ...changed, name: 'Another name', repositories: cellar } },
    });
    expect(same).toMatchObject({ name: 'Another name', nextDue });
  });

  test('run by hand: each machine, or one, whatever the conditions say', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    story.around.machines = ['web', 'mail'];
    const plan = await story.plan(planDraft(null, attic));
    story.around.wait = { reason: 'on-battery', words: 'Waits until the computer is plugged in.' };
    const runs = await story.life.handlers['plans.run']({ plan, machine: null });
    expect(runs.map(({ machine }) => machine.name)).toEqual(['mail', 'web']);
    await story.clock.advance(20_000);
    expect(told(await story.runs())).toEqual(Array(2).fill('manual done 11-23'));
    expect(await story.life.handlers['plans.run']({ plan, machine: web })).toHaveLength(1);
    await expect(
      story.life.handlers['plans.run']({ plan, machine: machineIdOf('nobody') }),
    ).rejects.toMatchObject({ code: 'machine-not-found' });
  });

  test('a command begins nothing by itself; run-due begins what is due', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    await story.plan(draft);
    await story.life.stop();
    await story.until('2026-11-24T03:00:00Z');
    const command = await story.start(false);
    await story.clock.advance(10 * 60_000);
    expect(await story.runs()).toEqual([]);
    const begun = await command.handlers['plans.run-due']({});
    expect(begun).toMatchObject([{ cause: 'catch-up', machine: { name: 'web' } }]);
    await story.clock.advance(10_000);
    expect(told(await story.runs())).toEqual(['catch-up done 11-24']);
    expect(await command.handlers['plans.run-due']({})).toEqual([]);
  });

  test('past and coming times for the strip', async () => {
    const story = await planStory('2026-11-23T22:00:00Z');
    const plan = await story.plan(draft);
    await story.until('2026-11-24T03:00:00Z');
    story.clock.sleepComputer(2 * dayMs);
    await story.clock.advance(10 * 60_000);
    const from = Date.parse('2026-11-24T00:00:00Z');
    const times = await story.life.handlers['plans.times']({ plan, from, to: from + 5 * dayMs });
    expect(times.map(({ kind, runs }) => `${kind} ${runs}`)).toEqual([
      ...['done 1', 'missed 1', 'done 1', 'coming 0', 'coming 0'],
    ]);
  });

  test('what makes a plan impossible is told with it', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    story.around.machines = ['web', 'mail'];
    const both = { kind: 'chosen', machines: [web, machineIdOf('mail')] } as const;
    const plan = await story.plan({
      ...draft,
      machines: { ...both, machines: [...both.machines] },
    });
    await story.clock.advance(10 * 60_000);
    story.around.machines = ['mail'];
    const shown = await story.life.handlers['plans.get']({ plan });
    expect(shown.troubles).toEqual(['web is on no host any more. Its restore points stay.']);
    await story.until('2026-11-24T02:01:00Z');
    const runs = await story.runs();
    expect(runs.map(({ machine, state }) => `${machine.name} ${state.kind}`).sort()).toEqual([
      ...['mail done', 'web skipped'],
    ]);
  });
});

function noKeep() {
  return { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
}
