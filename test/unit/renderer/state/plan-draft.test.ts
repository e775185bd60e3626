import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { MachineId, Repository, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { PlanCheck, PlanDraft, RetentionPreview } from '#contract/plans.ts';
import {
  askAfterMs,
  freeName,
  newPlan,
  usualRepository,
  type EditedPlan,
} from '../../../../src-renderer/state/plan-draft.svelte.ts';

const attic = 'r-attic' as RepositoryId;
const check = (field: string): PlanCheck => ({
  problems: [{ field, level: 'warning', message: field }],
  next: [],
  clockChange: '',
  members: [],
});
const preview: RetentionPreview = {
  machines: [],
  repositories: [],
  firstRemoval: null,
  graceSeconds: 0,
};

let checked: { draft: PlanDraft; answer: (value: PlanCheck | AppError) => void }[];
let previewed: PlanDraft[];
let edited: EditedPlan;

beforeEach(() => {
  vi.useFakeTimers();
  checked = [];
  previewed = [];
  const answers = {
    check: (draft: PlanDraft) =>
      new Promise<PlanCheck>((resolve, reject) => {
        const answer = (value: PlanCheck | AppError): void => {
          if (value instanceof AppError) reject(value);
          else resolve(value);
        };
        checked.push({ draft, answer });
      }),
    preview: (draft: PlanDraft) => {
      previewed.push(draft);
      return Promise.resolve(preview);
    },
  };
  edited = newPlan(answers, null, 'UTC');
  edited.fill({ name: 'Nightly', repositories: [attic] });
});
afterEach(() => {
  edited.stop();
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('while it is edited', () => {
  test('one question is asked for a burst of changes, about the last', async () => {
    for (const daily of [3, 4, 5]) {
      edited.set({ keep: { last: 1, hourly: 0, daily, weekly: 0, monthly: 0, yearly: 0 } });
      await pass(askAfterMs - 10);
    }
    expect(checked).toHaveLength(0);
    await pass(10);
    expect(checked.map(({ draft }) => draft.keep?.daily)).toEqual([5]);
  });

  test('the old answer stays until the new one is there', async () => {
    await pass(askAfterMs);
    checked[0]?.answer(check('first'));
    await pass(0);
    edited.set({ catchUp: false });
    await pass(askAfterMs);
    expect(edited.check.busy).toBe(true);
    expect(edited.check.value?.problems[0]?.field).toBe('first');
    checked[1]?.answer(check('second'));
    await pass(0);
    expect(edited.check.busy).toBe(false);
    expect(edited.check.value?.problems[0]?.field).toBe('second');
  });

  test('a slow answer never covers a newer one', async () => {
    await pass(askAfterMs);
    edited.set({ catchUp: false });
    await pass(askAfterMs);
    checked[1]?.answer(check('new'));
    checked[0]?.answer(check('old'));
    await pass(0);
    expect(edited.check.value?.problems[0]?.field).toBe('new');
  });

  test('a failed question says so and keeps what was known', async () => {
    await pass(askAfterMs);
    checked[0]?.answer(check('first'));
    await pass(0);
    edited.set({ catchUp: false });
    await pass(askAfterMs);
    checked[1]?.answer(new AppError('not-connected', 'Gone.'));
    await pass(0);
    expect(edited.check.problem?.code).toBe('not-connected');
    expect(edited.check.value?.problems[0]?.field).toBe('first');
  });

  test('what was filled in is no change of the person', () => {
    expect(edited.touched).toBe(false);
    edited.set({ catchUp: false });
    expect(edited.touched).toBe(true);
  });

  test('a name that is missing does not keep the rest from being checked', async () => {
    edited.set({ name: '  ' });
    await pass(askAfterMs);
    expect(checked[0]?.draft.name).toBe('–');
    expect(edited.draft.name).toBe('  ');
  });
});

describe('the preview', () => {
  test('is asked for only while it is shown', async () => {
    await pass(askAfterMs);
    expect(previewed).toHaveLength(0);
    edited.showPreview(true);
    await pass(askAfterMs);
    expect(previewed).toHaveLength(1);
    edited.showPreview(false);
    edited.set({ catchUp: false });
    await pass(askAfterMs);
    expect(previewed).toHaveLength(1);
  });

  test('is not asked of a rule that keeps nothing', async () => {
    edited.showPreview(true);
    edited.set({ keep: { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 } });
    await pass(askAfterMs);
    expect(previewed).toHaveLength(0);
  });
});

test('a plan for some machines means those and no others', () => {
  const web = 'host/web' as MachineId;
  const answers = {
    check: () => Promise.reject(new Error()),
    preview: () => Promise.reject(new Error()),
  };
  expect(newPlan(answers, [web], 'UTC').draft.machines).toEqual({
    kind: 'chosen',
    machines: [web],
  });
});

test('a free name is the wanted one, or has the next number', () => {
  expect(freeName('Nightly', ['Weekly'])).toBe('Nightly');
  expect(freeName('Nightly', ['Nightly', 'Nightly 2'])).toBe('Nightly 3');
});

test('the usual repository answers and is not for practice, if there is such a one', () => {
  const one = (id: string, ready: boolean, practice: boolean): Repository =>
    ({ id, practice, state: { kind: ready ? 'ready' : 'locked' } }) as unknown as Repository;
  expect(
    usualRepository([one('a', false, false), one('p', true, true), one('b', true, false)]),
  ).toBe('b');
  expect(usualRepository([one('p', true, true), one('a', false, false)])).toBe('p');
  expect(usualRepository([one('a', false, false)])).toBe('a');
  expect(usualRepository([])).toBeNull();
});
