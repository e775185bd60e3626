/** The report from a real catalog: what of it becomes which line. */
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Machine, Repository } from '#contract/domain.ts';
import type { PlanRunState } from '#contract/plans.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { Schedule } from '#engine/handlers/plans.ts';
import { makeReport, reportMs, type ReportRooms } from '#engine/handlers/report.ts';
import { atticId, point, repositoryRecord, webUuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const day = 86_400_000;
const gib = 1024 ** 3;
let world: FakeWorld;
let catalog: Catalog;
let machine: Pick<Machine, 'name' | 'protection' | 'protectionWords'>;
let state: Repository['state'];

beforeEach(async () => {
  world = fakeWorld();
  catalog = await openCatalog(world, temporaryFolder());
  catalog.repositories.insert(repositoryRecord());
  machine = { name: 'web-01', protection: 'protected', protectionWords: '' };
  state = { kind: 'ready' };
  onTestFinished(() => {
    catalog.close();
  });
});

function text(): string {
  const rooms = {
    ...{ world, catalog },
    options: { version: '0.1.0' },
    fleet: { machines: () => [{ ...machine, uuid: webUuid, host: { name: 'this computer' } }] },
    shelf: {
      list: () => [
        {
          ...repositoryRecord(),
          state,
          usedBytes: 2 * gib,
          freeBytes: 8 * gib,
          lastVerified: null,
        },
      ],
    },
  } as unknown as ReportRooms;
  const plan = { draft: { name: 'Lab' }, pause: { kind: 'paused', until: null } };
  const scheduler = { knowledge: { plans: () => [{ record: plan }] } };
  const { html } = makeReport(rooms, { scheduler } as unknown as Schedule);
  return html
    .replace(/<style>.*<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}

function run(id: string, ago: number, ended: PlanRunState): void {
  catalog.planRuns.insert({
    ...{ id, plan: { id: 'p', name: 'Nightly' }, repository: { id: atticId, name: 'attic' } },
    machine: { id: null, uuid: webUuid, name: 'web-01' },
    ...{ cause: 'manual', due: world.clock.now() - ago, times: 1, startedAt: null, state: ended },
    ...{ job: null, point: null, log: [], forced: false, continuesFrom: null },
  } as unknown as PlanRunRecord);
}

test('runs of the week, each with its reason and what to do; older ones are not in it', () => {
  const error = { code: 'no-space', message: 'The disk is full.', data: { advice: 'Free space.' } };
  run('a', day, { kind: 'failed', at: 1, error } as PlanRunState);
  run('b', 2 * day, { kind: 'missed', at: 1, words: 'The computer slept.' });
  run('c', reportMs + 1, { kind: 'missed', at: 1, words: 'Long ago.' });
  run('d', 20 * day, {
    ...{ kind: 'waiting', reason: 'repository-absent', since: 1 },
    words: 'Waits for the folder of attic, which is not there.',
  });
  const page = text();
  expect(page).toContain('The disk is full. Free space.');
  expect(page).toContain('The computer slept.');
  expect(page).not.toContain('Long ago.');
  expect(page).toContain('Waits for the folder of attic, which is not there.');
  expect(page).toContain('Paused plans Nothing begins by itself for them. Plan Until Lab it is');
});

test('points and the room left are those of the catalog', () => {
  const now = world.clock.now();
  for (let days = 28; days >= 0; days -= 1) {
    const id = `P${String(days).padStart(2, '0')}`;
    catalog.points.insertPoint(point(id, { time: now - days * day, storedBytes: gib / 8 }));
  }
  const page = text();
  expect(page).toContain('7 made, 896.0 MiB added');
  expect(page).toContain('2.0 GiB used, 8.0 GiB free');
  // 28 points after the first in 28 days, 128 MiB each: 8 GiB are 64 days.
  expect(page).toContain('Full around 2027-01-26 at this rate.');
});

test('one that cannot be looked at says why, and shows no old numbers', () => {
  state = {
    kind: 'unavailable',
    error: { code: 'internal', message: 'It is not there.', data: {} },
  };
  const page = text();
  expect(page).toContain('It is not there.');
  expect(page).not.toContain(' GiB');
});
