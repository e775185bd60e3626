import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Job, PointId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { openDatabase } from '#engine/catalog/database.ts';
import { localDay, shownDays } from '#engine/catalog/days.ts';
import { migrate } from '#engine/catalog/migrate.ts';
import { runOf, runQueries } from '#engine/catalog/runs.ts';
import { handClockStart } from '../../../fakes/clock.ts';
import { endedJob, mailUuid, point, repositoryRecord, webUuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

let catalog: Catalog;
beforeEach(async () => {
  catalog = await openCatalog(fakeWorld(), temporaryFolder());
});
afterEach(() => {
  catalog.close();
});

const failed: Job['state'] = {
  kind: 'failed',
  at: 5,
  error: { code: 'image-missing', message: 'Gone.', data: {} },
};

function insert(id: string, change: Partial<Job> = {}, uuid: string | null = webUuid) {
  catalog.runs.insertRun(endedJob(id, change), uuid);
}

const listed = (before: number | null, limit: number) =>
  catalog.runs.listRuns(before, limit).map(({ id }) => id as string);

describe('the record of a job', () => {
  test('holds the point it made and its numbers', () => {
    const made = point('01P', { readBytes: 11, storedBytes: 7 });
    const job = endedJob('j', { result: { kind: 'backup', point: made, seconds: 2 } });
    expect(runOf(job, webUuid)).toEqual({
      id: 'j',
      kind: 'backup',
      title: 'Back up web-01 to attic',
      machine: { uuid: webUuid, name: 'web-01' },
      repository: job.repository,
      startedAt: handClockStart,
      outcome: job.state,
      readBytes: 11,
      storedBytes: 7,
      point: '01P' as PointId,
      steps: [],
    });
  });

  test('takes its numbers from the progress where there is no point, and none from nowhere', () => {
    const progress = {
      activity: '',
      doneBytes: 3,
      totalBytes: null,
      readBytes: 2,
      storedBytes: 1,
      bytesPerSecond: 0,
      secondsLeft: null,
      stalled: null,
    };
    expect(runOf(endedJob('j', { progress }), null)).toMatchObject({
      machine: null,
      readBytes: 2,
      storedBytes: 1,
      point: null,
    });
    expect(runOf(endedJob('j'), null)).toMatchObject({ readBytes: 0, storedBytes: 0 });
  });

  test('comes back whole, with its result', () => {
    const job = endedJob('j', { result: { kind: 'other', summary: 'kept' } });
    catalog.runs.insertRun(job, webUuid);
    expect(catalog.runs.getJob('j')).toEqual(job);
    expect(catalog.runs.recentJobs(5)).toEqual([job]);
    expect(catalog.runs.getJob('none')).toBeNull();
  });
});

describe('the history', () => {
  test('is read newest first, page by page, without losing any or showing one twice', () => {
    for (let i = 1; i <= 7; i += 1) insert(`j${i}`, { startedAt: i * 100 });
    expect(listed(null, 3)).toEqual(['j7', 'j6', 'j5']);
    expect(listed(500, 3)).toEqual(['j4', 'j3', 'j2']);
    expect(listed(200, 3)).toEqual(['j1']);
    expect(listed(100, 3)).toEqual([]);
  });

  test('gives runs of the same millisecond together, so that the next page misses none', () => {
    for (const id of ['a', 'b', 'c']) insert(id, { startedAt: 100 });
    insert('d', { startedAt: 200 });
    expect(listed(null, 2)).toEqual(['d', 'c', 'b', 'a']);
    expect(listed(100, 2)).toEqual([]);
  });

  test('places a job that never started where it was created', () => {
    insert('waited', { startedAt: null, createdAt: 150, state: { kind: 'cancelled', at: 160 } });
    insert('later', { startedAt: 200 });
    expect(listed(200, 5)).toEqual(['waited']);
  });

  test('keeps the newest up to its limit, whatever order they end in', () => {
    const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
    migrate(db);
    const runs = runQueries(db, 3);
    for (const start of [50, 10, 40, 20, 30]) {
      runs.insertRun(endedJob(`j${start}`, { startedAt: start }), webUuid);
    }
    expect(runs.listRuns(null, 10).map(({ id }) => id)).toEqual(['j50', 'j40', 'j30']);
    db.close();
  });
});

describe('failures of a machine', () => {
  test('are those that failed, of that machine, newest first', () => {
    insert('good', { startedAt: 1 });
    insert('bad', { startedAt: 2, state: failed });
    insert('worse', { startedAt: 3, state: failed });
    insert('cancelled', { startedAt: 4, state: { kind: 'cancelled', at: 5 } });
    insert('other', { startedAt: 5, state: failed }, mailUuid);
    const ids = catalog.runs.failuresOfMachine(webUuid).map(({ id }) => id);
    expect(ids).toEqual(['worse', 'bad']);
    expect(catalog.runs.failuresOfMachine(webUuid, 1)).toHaveLength(1);
  });
});

describe('the strip of days', () => {
  const now = new Date(2026, 10, 23, 9, 30).getTime();

  test('is fourteen local days, oldest first, today last', () => {
    const days = catalog.days.emptyDays(now).map(({ day }) => day);
    expect(days).toHaveLength(shownDays);
    expect(days[0]).toBe('2026-11-10');
    expect(days.at(-1)).toBe('2026-11-23');
    expect(new Set(days).size).toBe(shownDays);
  });

  test('counts points and failures on their own day, and nothing older', () => {
    catalog.repositories.insert(repositoryRecord());
    const at = (day: number, hour: number, minute = 0) =>
      new Date(2026, 10, day, hour, minute).getTime();
    catalog.points.insertPoint(point('01A', { time: at(23, 0, 0) }));
    catalog.points.insertPoint(point('01B', { time: at(22, 23, 59) }));
    catalog.points.insertPoint(point('01C', { time: at(22, 8) }));
    catalog.points.insertPoint(point('01D', { time: at(9, 23, 59) }));
    insert('f1', { startedAt: at(10, 0, 0), state: failed });
    insert('f2', { startedAt: at(9, 12), state: failed });
    insert('ok', { startedAt: at(11, 12) });
    insert('f3', { startedAt: at(23, 9), state: failed }, mailUuid);
    const activity = catalog.days.activity(now);
    expect([...activity.keys()].sort()).toEqual([webUuid, mailUuid].sort());
    const web = activity.get(webUuid)!;
    expect(web.filter(({ points, failed: bad }) => points + bad > 0)).toEqual([
      { day: '2026-11-10', points: 0, snapshots: 0, failed: 1 },
      { day: '2026-11-22', points: 2, snapshots: 0, failed: 0 },
      { day: '2026-11-23', points: 1, snapshots: 0, failed: 0 },
    ]);
    expect(web).toHaveLength(shownDays);
    expect(activity.get(mailUuid)?.at(-1)).toMatchObject({ failed: 1 });
  });

  // Berlin changes its clocks at night, Santiago at midnight itself.
  test.each([
    ['Europe/Berlin', 120],
    ['America/Santiago', 240],
  ])('has no day twice and none missing where the clocks change: %s', (zone, offset) => {
    const before = process.env['TZ'];
    onTestFinished(() => {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    });
    process.env['TZ'] = zone;
    expect(Math.abs(new Date(2026, 6, 1).getTimezoneOffset())).toBe(offset);
    for (let day = 0; day < 366; day += 1) {
      const noon = new Date(2026, 0, 1 + day, 12).getTime();
      for (const moment of [new Date(2026, 0, 1 + day, 0, 1).getTime(), noon]) {
        const days = catalog.days.emptyDays(moment).map((one) => one.day);
        expect(new Set(days).size).toBe(shownDays);
        expect(days.at(-1)).toBe(localDay(moment));
      }
    }
  });
});
