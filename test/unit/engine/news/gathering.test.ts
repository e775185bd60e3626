import { expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import type { News } from '#contract/news.ts';
import type { PlanId } from '#contract/plans.ts';
import { createGathering, gatherMs, longestGatherMs } from '#engine/news/gathering.ts';
import { handClock } from '../../../fakes/clock.ts';

type Telling = Omit<News, 'id' | 'time'>;

function failure(name: string, plan: string | null = 'nightly'): Telling {
  return {
    ...{ kind: 'failed', title: `${name} was not backed up`, body: 'The folder is full.' },
    ...{ plan: plan as PlanId | null, machine: `h/${name}` as MachineId },
  };
}

function room() {
  const clock = handClock(0);
  const told: Telling[] = [];
  const gathering = createGathering(clock, (news) => told.push(news));
  const tell = (news: Telling) => {
    if (!gathering.holds(news)) told.push(news);
  };
  return { clock, told, gathering, tell, titles: () => told.map(({ title }) => title) };
}

test('the first is told at once, those that follow it closely in one', async () => {
  const { clock, told, tell } = room();
  for (let n = 1; n <= 200; n += 1) tell(failure(`vm-${n}`));
  expect(told).toEqual([failure('vm-1')]);
  await clock.advance(gatherMs);
  expect(told.slice(1)).toEqual([
    {
      kind: 'failed',
      title: '199 more backups failed',
      body:
        'vm-2 was not backed up, vm-3 was not backed up, vm-4 was not backed up, vm-5 was not ' +
        'backed up, vm-6 was not backed up, and 194 more. The first of them: The folder is full.',
      plan: 'nightly',
      machine: null,
    },
  ]);
});

test('one that was held alone is told as it is', async () => {
  const { clock, told, tell } = room();
  tell(failure('web'));
  tell(failure('mail'));
  await clock.advance(gatherMs);
  expect(told).toEqual([failure('web'), failure('mail')]);
});

test('another plan, other news and what is of no plan are told at once', () => {
  const { tell, titles } = room();
  tell(failure('web'));
  tell(failure('mail', 'hourly'));
  tell(failure('a', null));
  tell(failure('b', null));
  tell({ ...failure('web'), kind: 'overdue', title: 'web is overdue' });
  expect(titles()).toHaveLength(5);
});

test('after a quiet while the next one is told at once again', async () => {
  const { clock, told, tell } = room();
  tell(failure('web'));
  await clock.advance(gatherMs);
  tell(failure('web'));
  expect(told).toHaveLength(2);
});

test('while more come it is told ever more seldom, at least once an hour', async () => {
  const { clock, told, tell } = room();
  const times: number[] = [];
  for (let minute = 0; minute < 8 * 60; minute += 1) {
    const before = told.length;
    tell(failure(`vm-${minute}`));
    await clock.advance(60_000);
    if (told.length > before) times.push(minute + 1);
  }
  expect(times).toEqual([1, 5, 15, 35, 75, 135, 195, 255, 315, 375, 435]);
  expect(longestGatherMs).toBe(60 * 60_000);
});

test('what is held is told at the end, and nothing is held any more', async () => {
  const { clock, gathering, tell, titles } = room();
  for (const name of ['a', 'b', 'c']) tell(failure(name));
  gathering.end();
  expect(titles()).toEqual(['a was not backed up', '2 more backups failed']);
  tell(failure('d'));
  expect(titles()).toHaveLength(3);
  await clock.advance(longestGatherMs);
  expect(titles()).toHaveLength(3);
});
