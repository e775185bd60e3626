import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Point, PointId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { maxListedPoints } from '#engine/catalog/points.ts';
import { code } from '../../../fakes/jobs.ts';
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
  catalog.repositories.insert(repositoryRecord());
  catalog.repositories.insert(repositoryRecord({ id: cellarId, name: 'cellar' }));
});
afterEach(() => {
  catalog.close();
});

const cellar = { id: cellarId, name: 'cellar' };
const mail = { uuid: mailUuid, name: 'mail' };
const ids = (points: readonly Point[]) => points.map(({ id }) => id);
const verified = { time: 5, depth: 'data', ok: true } as const;

test('a point comes back as it was put in', () => {
  const whole = point('01A', {
    verified,
    damaged: true,
    tpm: { kind: 'not-included', reason: 'x' },
  });
  catalog.points.insertPoint(whole);
  expect(catalog.points.getPoint('01A')).toEqual(whole);
});

test('it carries the name its repository has here, not the one it was written with', () => {
  catalog.points.insertPoint(point('01A', { repository: { id: atticId, name: 'old name' } }));
  expect(catalog.points.getPoint('01A').repository).toEqual({ id: atticId, name: 'attic' });
});

test('putting it in twice is fine and keeps what was seen of it', () => {
  catalog.points.insertPoint(point('01A'));
  catalog.points.setVerification(atticId, '01A' as PointId, verified);
  catalog.points.insertPoint(point('01A', { seconds: 9 }));
  expect(catalog.points.getPoint('01A')).toMatchObject({ seconds: 9, verified });
});

test('a point of an unknown repository is a defect, not a row', () => {
  const stray = point('01A', { repository: { id: 'none' as typeof atticId, name: 'x' } });
  expect(() => {
    catalog.points.insertPoint(stray);
  }).toThrow(/FOREIGN KEY/);
  expect(catalog.points.listPoints()).toEqual([]);
});

describe('lists', () => {
  beforeEach(() => {
    catalog.points.insertPoint(point('01A', { time: 100 }));
    catalog.points.insertPoint(point('01B', { time: 300, repository: cellar }));
    catalog.points.insertPoint(point('01C', { time: 200, machine: mail }));
  });

  test.each([
    ['everything', {}, ['01B', '01C', '01A']],
    ['everything, said with null', { machineUuid: null, repository: null }, ['01B', '01C', '01A']],
    ['of a machine', { machineUuid: webUuid }, ['01B', '01A']],
    ['of a repository', { repository: atticId }, ['01C', '01A']],
    ['of both', { machineUuid: webUuid, repository: atticId }, ['01A']],
    ['of neither', { machineUuid: 'none' }, []],
  ])('%s, newest first', (_what, filter, expected) => {
    expect(ids(catalog.points.listPoints(filter))).toEqual(expected);
  });

  test('of a machine alone', () => {
    expect(ids(catalog.points.pointsOfMachine(webUuid))).toEqual(['01B', '01A']);
  });

  test('count and sum by machine, with the newest one', () => {
    expect(catalog.points.byMachine()).toEqual(
      new Map([
        [
          webUuid,
          { count: 2, storedBytes: 800, last: { id: '01B', time: 300, repository: cellar } },
        ],
        [
          mailUuid,
          {
            count: 1,
            storedBytes: 400,
            last: { id: '01C', time: 200, repository: { id: atticId, name: 'attic' } },
          },
        ],
      ]),
    );
  });

  test('count and sum by repository', () => {
    expect(catalog.points.ofRepository(atticId)).toEqual({
      pointCount: 2,
      machineCount: 2,
      logicalBytes: 2000,
    });
    expect(catalog.points.ofRepository('none' as typeof atticId)).toEqual({
      pointCount: 0,
      machineCount: 0,
      logicalBytes: 0,
    });
  });

  test('name each machine as its newest point does', () => {
    catalog.points.insertPoint(
      point('01D', { time: 400, machine: { uuid: webUuid, name: 'a renamed web' } }),
    );
    expect(catalog.points.machines()).toEqual([{ uuid: webUuid, name: 'a renamed web' }, mail]);
  });

  test('lose a deleted point, and all of a removed repository', () => {
    expect(catalog.points.deletePoint(atticId, '01A' as PointId)).toBe(true);
    expect(catalog.points.deletePoint(atticId, '01A' as PointId)).toBe(false);
    catalog.repositories.remove(cellarId);
    expect(ids(catalog.points.listPoints())).toEqual(['01C']);
  });
});

describe('finding one', () => {
  beforeEach(() => {
    catalog.points.insertPoint(point('01JDABCD00'));
    catalog.points.insertPoint(point('01JDABCE00'));
    catalog.points.insertPoint(point('01JD'));
  });

  test.each([
    ['its id', '01JDABCD00', '01JDABCD00'],
    ['the beginning of its id', '01JDABCD', '01JDABCD00'],
    ['the same in small letters', '01jdabce', '01JDABCE00'],
    ['a whole id that others begin with', '01JD', '01JD'],
  ])('by %s', (_how, given, found) => {
    expect(catalog.points.getPoint(given).id).toBe(found);
  });

  test.each([
    ['nothing', ''],
    ['too few characters', '01J'],
    ['an unknown id', '01XX'],
    ['a pattern', '01J%'],
    ['a single-character pattern', '01JDABC_00'],
  ])('not by %s', (_how, given) => {
    expect(() => catalog.points.getPoint(given)).toThrow(code('point-not-found'));
  });

  test('several that begin so are named', () => {
    expect(() => catalog.points.getPoint('01JDABC')).toThrow(
      code('invalid-input', { points: ['01JDABCE00', '01JDABCD00'] }),
    );
  });
});

describe('replaceAllOf', () => {
  test('makes the cache equal to the repository and leaves the others alone', () => {
    catalog.points.insertPoint(point('01A'));
    catalog.points.insertPoint(point('01B', { repository: cellar }));
    catalog.points.replaceAllOf(atticId, [point('01C', { time: 1 }), point('01D', { time: 2 })]);
    expect(ids(catalog.points.listPoints({ repository: atticId }))).toEqual(['01D', '01C']);
    expect(ids(catalog.points.listPoints({ repository: cellarId }))).toEqual(['01B']);
  });

  test('keeps when a point was verified and that it is damaged', () => {
    catalog.points.insertPoint(point('01A'));
    catalog.points.insertPoint(point('01B'));
    catalog.points.setVerification(atticId, '01A' as PointId, verified);
    catalog.points.setDamaged(atticId, '01B' as PointId, true);
    catalog.points.replaceAllOf(atticId, [point('01A'), point('01B')]);
    expect(catalog.points.getPoint('01A')).toMatchObject({ verified, damaged: false });
    expect(catalog.points.getPoint('01B')).toMatchObject({ verified: null, damaged: true });
  });

  test('leaves what came and what went while the repository was read', () => {
    catalog.points.insertPoint(point('01A'));
    catalog.points.insertPoint(point('01B'));
    const before = catalog.points.idsOf(atticId);
    catalog.points.deletePoint(atticId, '01A' as PointId);
    catalog.points.insertPoint(point('01C'));
    catalog.points.replaceAllOf(atticId, [point('01A'), point('01D')], before);
    expect(ids(catalog.points.listPoints()).sort()).toEqual(['01C', '01D']);
  });

  test('is all or nothing', () => {
    catalog.points.insertPoint(point('01A'));
    const stray = point('01C', { repository: { id: 'none' as typeof atticId, name: 'x' } });
    expect(() => {
      catalog.points.replaceAllOf(atticId, [point('01B'), stray]);
    }).toThrow();
    expect(ids(catalog.points.listPoints())).toEqual(['01A']);
  });
});

test('damage can be taken back', () => {
  catalog.points.insertPoint(point('01A'));
  catalog.points.setDamaged(atticId, '01A' as PointId, true);
  catalog.points.setDamaged(atticId, '01A' as PointId, false);
  expect(catalog.points.getPoint('01A').damaged).toBe(false);
});

test('a pin is shown, goes with a replacement, and old rows have none', () => {
  catalog.points.insertPoint(point('01A'));
  catalog.points.setPinned(atticId, '01A' as PointId, true);
  expect(catalog.points.getPoint('01A').pinned).toBe(true);
  catalog.points.replaceAllOf(atticId, [point('01A', { pinned: false })]);
  expect(catalog.points.getPoint('01A').pinned).toBe(false);
  const { pinned: _pinned, ...before } = point('01B');
  catalog.points.insertPoint(before as Point);
  expect(catalog.points.getPoint('01B').pinned).toBe(false);
});

test('a listing gives the newest up to its limit and no more', () => {
  catalog.transaction(() => {
    for (let i = 0; i <= maxListedPoints; i += 1) {
      catalog.points.insertPoint(point(`P${i}`, { time: i }));
    }
  });
  const listed = catalog.points.listPoints();
  expect(listed).toHaveLength(maxListedPoints);
  expect([listed[0]?.time, listed.at(-1)?.time]).toEqual([maxListedPoints, 1]);
});
