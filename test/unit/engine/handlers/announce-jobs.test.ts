import { beforeEach, expect, test } from 'vitest';
import type { Job, JobState } from '#contract/domain.ts';
import { announceJobs } from '#engine/handlers/announce-jobs.ts';
import { endedJob } from '../../../fakes/records.ts';

let held: string[];
let touched: string[];
let emitted: number;
let announce: (one: Job) => void;

beforeEach(() => {
  held = [];
  touched = [];
  emitted = 0;
  const emit = () => {
    emitted += 1;
  };
  const fleet = { touch: (uuid: string) => touched.push(uuid) };
  announce = announceJobs(emit, () => fleet, {
    hold: (why) => {
      held.push(why);
      return () => {
        held = held.filter((one) => one !== why);
      };
    },
  });
});

function tell(id: string, state: JobState): void {
  announce(endedJob(id, { title: id, state }));
}

const queued = { kind: 'queued', waitsFor: '' } as const;

test.each<[string, JobState]>([
  ['done', { kind: 'done', at: 1 }],
  ['with problems', { kind: 'problems', at: 1, problems: [] }],
  ['failed', { kind: 'failed', at: 1, error: { code: 'internal', message: '', data: {} } }],
  ['cancelled', { kind: 'cancelled', at: 1 }],
])('awake from the begin of a job to its end: %s', (_how, end) => {
  tell('a', queued);
  expect(held).toEqual([]);
  tell('a', { kind: 'running' });
  tell('a', { kind: 'running' });
  tell('a', { kind: 'cancelling' });
  expect(held).toEqual(['a']);
  tell('a', end);
  expect(held).toEqual([]);
});

test('two jobs each for themselves; one that never began holds nothing', () => {
  tell('a', { kind: 'running' });
  tell('b', queued);
  tell('c', { kind: 'running' });
  tell('a', { kind: 'done', at: 1 });
  tell('b', { kind: 'cancelled', at: 1 });
  expect(held).toEqual(['c']);
});

test('every event goes out; the row of the machine is told when a job begins or ends', () => {
  for (const state of [queued, { kind: 'running' } as const, { kind: 'running' } as const]) {
    tell('a', state);
  }
  tell('a', { kind: 'done', at: 1 });
  expect(emitted).toBe(4);
  expect(touched).toHaveLength(3);
});
