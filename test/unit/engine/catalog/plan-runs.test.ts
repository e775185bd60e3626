import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import type { PlanId, PlanRunId } from '#contract/plans.ts';
import { openDatabase, type OpenDb } from '#engine/catalog/database.ts';
import { migrate } from '#engine/catalog/migrate.ts';
import { planRunQueries, type PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import { planQueries } from '#engine/catalog/plans.ts';
import { planDraft } from '../../../fakes/plans.ts';
import { atticId, cellarId } from '../../../fakes/records.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

const plan = 'plan-1' as PlanId;
const web = 'host/uuid-web' as MachineId;
let db: OpenDb;

beforeEach(() => {
  db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db);
  return () => {
    db.close();
  };
});

function run(id: string, change: Partial<PlanRunRecord> = {}): PlanRunRecord {
  return {
    id: id as PlanRunId,
    plan: { id: plan, name: 'Nightly' },
    machine: { id: web, uuid: 'uuid-web', name: 'web' },
    repository: { id: atticId, name: 'attic' },
    cause: 'schedule',
    due: 1000,
    times: 1,
    startedAt: null,
    state: { kind: 'waiting', reason: 'turn', words: 'Waits for its turn.', since: 1000 },
    forced: false,
    continuesFrom: null,
    job: null,
    point: null,
    log: [],
    ...change,
  };
}

const done = { kind: 'done', at: 2000 } as const;

test('a row comes back as it was kept, also after it changed', () => {
  const runs = planRunQueries(db);
  expect(runs.insert(run('1'))).toBe(true);
  const changed = run('1', {
    ...{ startedAt: 1500, state: done, forced: true, job: 'j' as never, point: 'p' as never },
    log: ['one', 'two'],
  });
  runs.update(changed);
  expect(runs.get('1' as PlanRunId)).toEqual(changed);
  expect(runs.get('2' as PlanRunId)).toBeNull();
});

test('a planned time is claimed once; what a person began is not counted', () => {
  const runs = planRunQueries(db);
  expect(runs.insert(run('1'))).toBe(true);
  expect(runs.insert(run('2', { cause: 'catch-up' }))).toBe(false);
  expect(runs.insert(run('3', { cause: 'manual' }))).toBe(true);
  expect(runs.insert(run('4', { repository: { id: cellarId, name: 'cellar' } }))).toBe(true);
  expect(runs.insert(run('5', { due: 2000 }))).toBe(true);
});

test('open runs, most overdue first', () => {
  const runs = planRunQueries(db);
  runs.insert(run('2', { due: 2000 }));
  runs.insert(run('1'));
  runs.insert(run('3', { due: 3000, state: done }));
  expect(runs.open().map(({ id }) => id)).toEqual(['1', '2']);
  expect(runs.waits()).toBe(true);
  for (const one of runs.open())
    runs.update({ ...one, state: { kind: 'running', step: 'backup' } });
  expect(runs.waits()).toBe(false);
  expect(runs.open()).toHaveLength(2);
});

test('lists page by their time and leave none out where many share one', () => {
  const runs = planRunQueries(db);
  for (const [index, due] of [3000, 2000, 2000, 2000, 1000].entries()) {
    runs.insert(run(String(9 - index), { due, cause: 'manual', state: done }));
  }
  const page = (before: number | null) =>
    runs.list({ plan, machineUuid: null, before, limit: 2 }).map(({ due }) => due);
  expect(page(null)).toEqual([3000, 2000, 2000, 2000]);
  expect(page(2000)).toEqual([1000]);
  expect(runs.list({ plan: null, machineUuid: 'uuid-mail', before: null, limit: 5 })).toEqual([]);
  expect(runs.list({ plan: null, machineUuid: 'uuid-web', before: null, limit: 5 })).toHaveLength(
    5,
  );
});

test('the newest that began, and that ended, whatever was skipped since', () => {
  const runs = planRunQueries(db);
  runs.insert(run('1', { due: 1000, startedAt: 1001, state: done }));
  runs.insert(run('2', { due: 2000, startedAt: 2001, state: { kind: 'running', step: 'keep' } }));
  runs.insert(run('3', { due: 3000, state: { kind: 'skipped', at: 3000, words: 'Paused.' } }));
  expect(runs.last(plan, 9000)?.id).toBe('2');
  expect(runs.lastEnded(plan, 'uuid-web', atticId, 9000)?.id).toBe('1');
  expect(runs.lastEnded(plan, 'uuid-web', cellarId, 9000)).toBeNull();
});

test('a run of a time that is far ahead, when the clock was wrong, is not the newest one', () => {
  const runs = planRunQueries(db);
  runs.insert(run('1', { due: 1000, startedAt: 1001, state: done }));
  runs.insert(run('2', { due: 9001, startedAt: 9001, state: { kind: 'cancelled', at: 9002 } }));
  expect(runs.last(plan, 9000)?.id).toBe('1');
  expect(runs.lastEnded(plan, 'uuid-web', atticId, 9000)?.id).toBe('1');
  expect(runs.last(plan, 9001)?.id).toBe('2');
  expect(runs.lastEnded(plan, 'uuid-web', atticId, 9001)?.id).toBe('2');
});

test('times after a moment that have rows; one that was taken for missed may still come', () => {
  const runs = planRunQueries(db);
  runs.insert(run('1', { due: 1000 }));
  runs.insert(run('2', { due: 2000 }));
  runs.insert(run('3', { due: 3000, state: { kind: 'missed', at: 1, words: 'Ahead.' } }));
  expect([...runs.claimedAfter(plan, 1000)]).toEqual([2000]);
  runs.dropMissed(plan, 3000);
  runs.dropMissed(plan, 2000);
  expect(runs.list({ plan, machineUuid: null, before: null, limit: 9 })).toHaveLength(2);
});

test('what became of each time: a run that goes on from a cut-off one counts, not both', () => {
  const runs = planRunQueries(db);
  const failed = {
    kind: 'failed',
    at: 1,
    error: { code: 'internal', message: '', data: {} },
  } as const;
  runs.insert(run('1', { state: failed }));
  runs.insert(run('2', { cause: 'continued', state: done }));
  runs.insert(run('3', { due: 2000, times: 7, state: { kind: 'missed', at: 1, words: 'Off.' } }));
  expect(runs.dues(plan, 0, 5000, 10)).toEqual([
    { due: 2000, kind: 'missed', runs: 7 },
    { due: 1000, kind: 'done', runs: 1 },
  ]);
});

test('the oldest that ended go; what waits or runs stays however old it is', () => {
  const runs = planRunQueries(db, 2);
  runs.insert(run('0', { due: 1 }));
  for (const due of [10, 20, 30, 40]) runs.insert(run(String(due), { due, state: done }));
  runs.prune();
  const left = runs.list({ plan, machineUuid: null, before: null, limit: 9 });
  expect(left.map(({ due }) => due)).toEqual([40, 30, 20, 1]);
});

test('plans are kept with their next time, pause and removal, and by whom they are meant', () => {
  const plans = planQueries(db);
  const draft = planDraft(web, 'r' as RepositoryId);
  plans.insert({ id: plan, draft, createdAt: 5, nextDue: 10 });
  expect(plans.get(plan)).toEqual({
    ...{ id: plan, draft, createdAt: 5, nextDue: 10, pausedAt: null, removedAt: null },
    pause: { kind: 'no' },
  });
  plans.change(plan, { ...draft, name: 'Weekly' }, 20);
  plans.setPause(plan, 7, null);
  expect(plans.list()).toMatchObject([
    { draft: { name: 'Weekly' }, nextDue: 20, pause: { kind: 'paused', until: null }, pausedAt: 7 },
  ]);
  plans.setRemoved(plan, 8);
  expect(plans.list()).toEqual([]);
  expect(plans.get(plan)?.removedAt).toBe(8);
  plans.remember(plan, [{ uuid: 'uuid-web', id: web, name: 'web' }]);
  plans.setToldOverdue(plan, 'uuid-web', 9);
  plans.remember(plan, [{ uuid: 'uuid-web', id: web, name: 'web-01' }]);
  expect(plans.members(plan)).toEqual([
    { uuid: 'uuid-web', id: web, name: 'web-01', toldOverdueAt: 9 },
  ]);
  plans.forget(plan, 'uuid-web');
  expect(plans.members(plan)).toEqual([]);
});
