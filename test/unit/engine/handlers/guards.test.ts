/** What is refused because something still needs it: points, repositories, hosts, the practice. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostId, Job, PointId, RepositoryId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { Rooms } from '#engine/engine.ts';
import { hostHandlers } from '#engine/handlers/hosts.ts';
import { pointHandlers } from '#engine/handlers/points.ts';
import { practiceHandlers } from '#engine/handlers/practice.ts';
import { repositoryHandlers } from '#engine/handlers/repositories.ts';
import type { JobContext, JobSpec } from '#engine/jobs/job-types.ts';
import { atticId, hostRecord, point, repositoryRecord, webUuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

let catalog: Catalog;
let specs: JobSpec[];
let running: Partial<Job>[];
let removed: string[];
let rooms: Rooms;

beforeEach(async () => {
  const world = fakeWorld();
  catalog = await openCatalog(world, temporaryFolder());
  specs = [];
  running = [];
  removed = [];
  const remember = (what: string) => () => {
    removed.push(what);
    return Promise.resolve({ hostKept: false });
  };
  rooms = {
    world,
    catalog,
    emit: () => undefined,
    jobs: {
      start: (spec: JobSpec) => `job-${specs.push(spec)}`,
      list: () => running,
      ofMachine: () => null,
    },
    fleet: {
      record: (id: HostId) => catalog.hosts.get(id),
      touch: () => undefined,
      machines: () => [],
      remove: remember('host'),
    },
    shelf: {
      list: () => [],
      sync: () => Promise.resolve(0),
      open: () =>
        Promise.resolve({
          kept: { remove: ({ id }: { id: string }) => Promise.resolve(removed.push(id)) },
        }),
      remove: remember('repository'),
    },
    practice: { remove: remember('practice'), status: () => Promise.resolve({ kind: 'absent' }) },
  } as unknown as Rooms;
  catalog.repositories.insert(repositoryRecord());
});
afterEach(() => {
  catalog.close();
});

const context = { signal: new AbortController().signal } as unknown as JobContext;

test('two deletions at once do not take the last point between them', async () => {
  const ids = ['01A', '01B'] as PointId[];
  for (const id of ids) catalog.points.insertPoint(point(id));
  const handlers = pointHandlers(rooms);
  for (const id of ids) await handlers['points.delete']({ points: [id], last: false });
  await specs[0]!.run(context);
  await expect(specs[1]!.run(context)).rejects.toMatchObject({ code: 'confirmation-required' });
  expect(removed).toEqual(['01A']);
});

test('a repository is not taken away from the job that uses it', async () => {
  const remove = repositoryHandlers(rooms)['repositories.remove'];
  running = [{ title: 'Back up web-01', repository: { id: atticId, name: 'attic' } }];
  await expect(remove({ repository: atticId })).rejects.toMatchObject({ code: 'repository-busy' });
  running = [];
  await remove({ repository: atticId });
  expect(removed).toEqual(['repository']);
});

test('a host is not forgotten while a machine of it is worked on', async () => {
  const host = hostRecord();
  catalog.hosts.insert(host);
  const remove = hostHandlers(rooms)['hosts.remove'];
  const id = `${host.id}/${webUuid}` as never;
  running = [{ title: 'Back up web-01', machine: { id, name: 'web-01' } }];
  await expect(remove({ host: host.id })).rejects.toMatchObject({ code: 'machine-busy' });
  running = [];
  await remove({ host: host.id });
  expect(removed).toEqual(['host']);
});

test('points of a machine of one’s own never go with the practice', async () => {
  const id = 'practice' as RepositoryId;
  const name = 'Practice';
  catalog.repositories.insert(repositoryRecord({ id, name, practice: true, path: '/nowhere' }));
  const repository = { id, name };
  catalog.points.insertPoint(point('01A', { repository, host: 'this computer' }));
  const remove = practiceHandlers(rooms)['practice.remove'];
  await expect(remove({})).rejects.toMatchObject({
    code: 'refused',
    data: { machines: ['web-01'] },
  });
  expect(removed).toEqual([]);
});
