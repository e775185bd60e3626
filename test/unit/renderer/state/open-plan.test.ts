import { describe, expect, test } from 'vitest';
import { createClient } from '#contract/client.ts';
import type { PlanId, PlanRun, PlanRunId } from '#contract/plans.ts';
import { OpenPlan, wholeTimes } from '../../../../src-renderer/state/open-plan.svelte.ts';

const plan = 'p1' as PlanId;
function run(id: string, due: number, kind: 'done' | 'missed' = 'done'): PlanRun {
  const state = kind === 'done' ? { kind, at: due } : { kind, at: due, words: 'Off.' };
  return { id: id as PlanRunId, plan: { id: plan, name: 'Nightly' }, due, state } as PlanRun;
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An engine with so many runs, five hundred at a time as the contract has it. */
function open(runs: readonly PlanRun[]) {
  const listeners: ((name: string, payload: unknown) => void)[] = [];
  const asked: unknown[] = [];
  const client = createClient({
    invoke: (name, input) => {
      if (name === 'plans.times') return Promise.resolve({ ok: true, value: [] });
      asked.push(input);
      const { before, limit } = input as { before: number | null; limit: number };
      const page = runs.filter(({ due }) => before === null || due < before).slice(0, limit);
      return Promise.resolve({ ok: true, value: page });
    },
    subscribe: (listener) => {
      listeners.push(listener as (name: string, payload: unknown) => void);
      return () => undefined;
    },
  });
  const opened = new OpenPlan(client);
  opened.open(plan);
  const emit = (name: string, payload: unknown): void => {
    for (const listener of listeners) listener(name, payload);
  };
  return { opened, asked, emit };
}

describe('pages of runs', () => {
  test('a time that a page would cut in two comes whole with the next page', async () => {
    // Three nights of two hundred machines: the third would be cut at a hundred.
    const runs = [9, 6, 3].flatMap((due) =>
      Array.from({ length: 200 }, (_, index) => run(`${due}-${index}`, due)),
    );
    const { opened } = open(runs);
    await settled();
    expect(opened.runs).toHaveLength(400);
    expect(opened.complete).toBe(false);
    await opened.more();
    expect(opened.runs).toHaveLength(600);
    expect(new Set(opened.runs.map(({ id }) => id)).size).toBe(600);
    expect(opened.complete).toBe(true);
  });

  test('one time that fills a page is shown as far as it came', () => {
    const page = [run('a', 5), run('b', 5)];
    expect(wholeTimes(page)).toEqual(page);
  });
});

test('a run that changes replaces its row, a new one comes on top', async () => {
  const { opened, emit } = open([run('a', 5), run('b', 3)]);
  await settled();
  emit('plan-runs.changed', run('b', 3, 'missed'));
  expect(opened.runs.map(({ id, state }) => `${id} ${state.kind}`)).toEqual(['a done', 'b missed']);
  emit('plan-runs.changed', run('c', 9));
  expect(opened.runs.map(({ id }) => id)).toEqual(['c', 'a', 'b']);
});

test('a run of another plan is none of this page', async () => {
  const { opened, emit } = open([run('a', 5)]);
  await settled();
  emit('plan-runs.changed', { ...run('x', 9), plan: { id: 'other', name: 'Other' } });
  expect(opened.runs.map(({ id }) => id)).toEqual(['a']);
});
