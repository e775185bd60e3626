/** What breaks in a look or at the end of a run stops nothing that comes after it. */
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

const web = machineIdOf('web');
const daily = planDraft(web, attic); // at 02:00 UTC
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function summary(runs: readonly PlanRun[]): readonly string[] {
  return runs.map(({ plan, cause, state }) => `${plan.name} ${cause} ${state.kind}`);
}

/** Makes a method of the catalog throw until the returned function is called. */
function breaking<Name extends string>(
  queries: Record<Name, (...args: never[]) => unknown>,
  name: Name,
  when: (...args: unknown[]) => boolean = () => true,
): () => void {
  const whole = queries[name] as (...args: unknown[]) => unknown;
  const broken = (...args: unknown[]) => {
    if (when(...args)) throw new Error('the disk is full');
    return whole(...args);
  };
  queries[name] = broken as (typeof queries)[Name];
  return () => {
    queries[name] = whole as (typeof queries)[Name];
  };
}

function errorsOf(story: PlanStory): readonly string[] {
  return story.logged.filter(({ level }) => level === 'error').map(({ message }) => message);
}

describe('a look', () => {
  test('that cannot keep when it was goes on, and so do the next', async () => {
    const story = await planStory('2026-11-24T01:50:00Z');
    await story.plan(daily);
    breaking(story.life.catalog.settings, 'set');
    await story.until('2026-11-25T02:01:00Z');
    expect(summary(await story.runs())).toEqual(Array(2).fill('Nightly schedule done'));
    expect(errorsOf(story)).toContain('When the plans were looked at could not be kept');
    await story.life.stop(); // which keeps it as well
  });

  test('that breaks whole is tried again a minute later, and begins what was due', async () => {
    const story = await planStory('2026-11-24T01:50:00Z');
    await story.plan(daily);
    const mend = breaking(story.life.catalog.plans, 'list');
    await story.until('2026-11-24T02:03:30Z');
    const errors = errorsOf(story);
    expect(errors).toContain('The plans could not be looked at');
    expect(errors.length).toBeLessThan(40); // and not round and round without a pause
    mend();
    await story.until('2026-11-24T02:05:00Z');
    expect(summary(await story.runs())).toEqual(['Nightly schedule done']);
  });

  test('goes on when what is overdue of a plan cannot be told', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const notify = { success: false, overdueAfterSeconds: 3600 };
    await story.plan({ ...daily, calendar: null, notify });
    await story.plan({ ...planDraft(web, cellar), name: 'Other' });
    breaking(story.life.catalog.plans, 'setToldOverdue');
    await story.until('2026-11-24T02:01:00Z');
    expect(summary(await story.runs())).toEqual(['Other schedule done']);
    const told = errorsOf(story).find((message) => message.startsWith('What is overdue'));
    expect(told).toBe('What is overdue of the plan Nightly could not be told');
  });

  test('passes over a plan that cannot be read; what waits of it waits on', async () => {
    const story = await planStory('2026-11-23T08:00:00Z');
    const bad = await story.plan(daily);
    await story.plan({ ...planDraft(web, cellar), name: 'Other' });
    story.around.wait = { reason: 'on-battery', words: 'Waits for power.' };
    await story.until('2026-11-24T02:01:00Z');
    story.around.wait = null;
    const mend = breaking(story.life.catalog.plans, 'members', (id) => id === bad);
    await story.clock.advance(5 * minuteMs);
    expect(summary(await story.runs()).toSorted()).toEqual([
      ...['Nightly schedule waiting', 'Other schedule done'],
    ]);
    expect((await story.runs(bad))[0]?.state).toMatchObject({
      words: 'Waits until its plan can be read; the log says what is wrong with it.',
    });
    mend();
    await story.clock.advance(5 * minuteMs);
    expect(summary(await story.runs(bad))).toEqual(['Nightly schedule done']);
  });
});

describe('the end of a run that cannot be kept', () => {
  test('ends it all the same: what waits for it goes on, and it is kept later', async () => {
    const story = await planStory('2026-11-24T01:59:00Z');
    const triggers = { ...daily.triggers, shutdown: true };
    await story.plan({ ...daily, triggers });
    const { planRuns } = story.life.catalog;
    await story.until('2026-11-24T02:00:01Z');
    const mend = breaking(planRuns, 'update');
    await story.clock.advance(minuteMs);
    expect(story.news).toMatchObject([{ kind: 'failed' }]); // as it could not note its steps
    expect(errorsOf(story)).toContain('The end of a planned run could not be kept');
    mend();
    await story.clock.advance(5 * minuteMs);
    expect(summary(await story.runs())).toEqual(['Nightly schedule failed']);
    const { scheduler } = story.life.schedule;
    expect(scheduler.trigger({ kind: 'shutdown' }, web)).toHaveLength(1);
    await story.clock.advance(minuteMs);
    expect(summary(await story.runs())[0]).toBe('Nightly shutdown done');
  });

  test('a run that cannot be noted as begun stands in nobody’s way', async () => {
    const story = await planStory('2026-11-24T01:59:00Z');
    await story.plan(daily);
    const mend = breaking(story.life.catalog.planRuns, 'update');
    await story.until('2026-11-24T02:01:00Z');
    mend();
    await story.clock.advance(hourMs);
    expect(summary(await story.runs())).toEqual(['Nightly schedule done']);
  });
});
