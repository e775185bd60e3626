import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { PlanRunState } from '#contract/plans.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import {
  atticId,
  cellarId,
  mailUuid,
  point,
  repositoryRecord,
  webUuid,
} from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

let catalog: Catalog;

beforeEach(async () => {
  catalog = await openCatalog(fakeWorld(), temporaryFolder());
  onTestFinished(() => {
    catalog.close();
  });
  catalog.repositories.insert(repositoryRecord());
  catalog.repositories.insert(repositoryRecord({ id: cellarId, name: 'cellar', path: '/c' }));
});

function add(id: string, due: number, state: PlanRunState, times = 1): void {
  catalog.planRuns.insert({
    id,
    plan: { id: 'plan', name: 'Nightly' },
    machine: { id: null, uuid: webUuid, name: 'web-01' },
    repository: { id: atticId, name: 'attic' },
    cause: 'manual',
    startedAt: null,
    job: null,
    point: null,
    log: [],
    forced: false,
    continuesFrom: null,
    ...{ due, state, times },
  } as unknown as PlanRunRecord);
}

test('planned times are counted by what came of them, also those that share a row', () => {
  add('a', 10, { kind: 'done', at: 11 });
  add('b', 20, { kind: 'missed', at: 21, words: 'Waymark was not running.' }, 5);
  add('c', 21, { kind: 'missed', at: 21, words: 'Waymark was not running.' });
  add('d', 30, { kind: 'done', at: 31 });
  expect(catalog.report.counts(10, 30)).toEqual(
    new Map([
      ['done', 1],
      ['missed', 6],
    ]),
  );
});

test('runs of some kinds come newest first, and no more than asked for', () => {
  add('a', 10, { kind: 'done', at: 11 });
  add('b', 20, { kind: 'missed', at: 21, words: 'Off.' }, 5);
  add('c', 30, { kind: 'skipped', at: 31, words: 'Paused.' });
  add('d', 40, { kind: 'skipped', at: 41, words: 'Paused.' });
  const rows = catalog.report.runs(['missed', 'skipped'], 0, 40, 10);
  expect(rows).toEqual([
    {
      ...{ due: 30, times: 1, plan: 'Nightly', machine: 'web-01', repository: 'attic' },
      state: { kind: 'skipped', at: 31, words: 'Paused.' },
    },
    {
      ...{ due: 20, times: 5, plan: 'Nightly', machine: 'web-01', repository: 'attic' },
      state: { kind: 'missed', at: 21, words: 'Off.' },
    },
  ]);
  expect(catalog.report.runs(['missed', 'skipped'], 0, 100, 1).map(({ due }) => due)).toEqual([40]);
});

test('what was stored, and of the time before only the first point of each machine', () => {
  const mail = { uuid: mailUuid, name: 'mail' };
  const cellar = { id: cellarId, name: 'cellar' };
  catalog.points.insertPoint(point('A', { time: 10, storedBytes: 1000 }));
  catalog.points.insertPoint(point('B', { time: 20, storedBytes: 10 }));
  catalog.points.insertPoint(point('C', { time: 30, storedBytes: 20 }));
  catalog.points.insertPoint(point('D', { time: 30, storedBytes: 500, machine: mail }));
  catalog.points.insertPoint(point('E', { time: 25, storedBytes: 7, repository: cellar }));
  expect([...catalog.report.stored(10, 30)].sort((a, b) => b.points - a.points)).toEqual([
    { repository: atticId, points: 3, storedBytes: 530 },
    { repository: cellarId, points: 1, storedBytes: 7 },
  ]);
  expect(catalog.report.madeByMachine(10, 25)).toEqual(new Map([[webUuid, 2]]));
  const growth = [...catalog.report.growth(29)].sort((a, b) => b.storedBytes - a.storedBytes);
  expect(growth).toEqual([
    { repository: atticId, machineUuid: webUuid, time: 10, storedBytes: 1000 },
    { repository: atticId, machineUuid: mailUuid, time: 30, storedBytes: 500 },
    { repository: atticId, machineUuid: webUuid, time: 30, storedBytes: 20 },
    { repository: cellarId, machineUuid: webUuid, time: 25, storedBytes: 7 },
  ]);
});

test('a damaged point and one from the future are not the newest good one', () => {
  catalog.points.insertPoint(point('A', { time: 10 }));
  catalog.points.insertPoint(point('B', { time: 20, damaged: true }));
  catalog.points.insertPoint(point('C', { time: 90 }));
  expect(catalog.report.newestGood(50)).toEqual(new Map([[webUuid, 10]]));
});
