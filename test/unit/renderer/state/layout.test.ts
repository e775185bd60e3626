import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobId } from '#contract/domain.ts';
import { Layout } from '../../../../src-renderer/state/layout.svelte.ts';

let kept: Map<string, string>;

beforeEach(() => {
  kept = new Map();
  const localStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  };
  vi.stubGlobal('window', { localStorage });
});
afterEach(() => vi.unstubAllGlobals());

test('the form of the machine page is remembered; nonsense is the timeline', () => {
  expect(new Layout().machineView).toBe('timeline');
  new Layout().showMachineAs('tree');
  expect(new Layout().machineView).toBe('tree');
  for (const key of kept.keys()) kept.set(key, 'pie-chart');
  expect(new Layout().machineView).toBe('timeline');
});

test('what was put away stays away, and the oldest are forgotten', () => {
  const layout = new Layout();
  const job = (n: number) => `job-${n}` as JobId;
  layout.dismiss(job(0));
  expect(new Layout().isDismissed(job(0))).toBe(true);
  expect(new Layout().isDismissed(job(1))).toBe(false);
  for (let n = 1; n <= 100; n += 1) layout.dismiss(job(n));
  expect(new Layout().isDismissed(job(0))).toBe(false);
  expect(new Layout().isDismissed(job(100))).toBe(true);
});
