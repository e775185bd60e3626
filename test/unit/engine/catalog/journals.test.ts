import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { openDatabase } from '#engine/catalog/database.ts';
import { journalQueries } from '#engine/catalog/journals.ts';
import { migrate } from '#engine/catalog/migrate.ts';
import { code } from '../../../fakes/jobs.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

let catalog: Catalog;
let world: FakeWorld;
let folder: string;
beforeEach(async () => {
  world = fakeWorld();
  folder = temporaryFolder();
  catalog = await openCatalog(world, folder);
});
afterEach(() => {
  catalog.close();
});

describe('a journal', () => {
  test('keeps its steps in order with their data and times, until it is closed', async () => {
    const { journals } = catalog;
    const id = journals.beginJournal('backup', { machine: 'web-01', disks: ['vda'] });
    await world.clock.advance(1000);
    journals.addStep(id, 'checkpoint', { name: 'waymark-1' });
    journals.addStep(id, 'begin', null);
    const at = world.clock.now();
    expect(journals.openJournals()).toEqual([
      {
        id,
        kind: 'backup',
        data: { machine: 'web-01', disks: ['vda'] },
        openedAt: at - 1000,
        steps: [
          { number: 1, at, step: 'checkpoint', data: { name: 'waymark-1' } },
          { number: 2, at, step: 'begin', data: null },
        ],
      },
    ]);
    journals.closeJournal(id);
    journals.closeJournal(id);
    expect(journals.openJournals()).toEqual([]);
  });

  test('takes no step once closed, and none when it never was', () => {
    const { journals } = catalog;
    const id = journals.beginJournal('restore', {});
    journals.closeJournal(id);
    for (const unknown of [id, 'none']) {
      expect(() => {
        journals.addStep(unknown, 'late', {});
      }).toThrow(code('not-found'));
    }
  });

  test('is found again, oldest first, when the catalog is opened anew', async () => {
    const first = catalog.journals.beginJournal('backup', {});
    await world.clock.advance(1);
    const second = catalog.journals.beginJournal('restore', {});
    catalog.close();
    catalog = await openCatalog(world, folder);
    expect(catalog.journals.openJournals().map(({ id }) => id)).toEqual([first, second]);
  });

  test('is not written inside a transaction, where it would not be on the disk yet', () => {
    const { journals } = catalog;
    const id = journals.beginJournal('backup', {});
    const writes = [
      () => journals.beginJournal('backup', {}),
      () => journals.addStep(id, 'step', {}),
      () => journals.closeJournal(id),
    ];
    for (const write of writes) {
      expect(() => {
        catalog.transaction(write);
      }).toThrow(/inside a transaction/);
    }
    expect(journals.openJournals()).toMatchObject([{ id, steps: [] }]);
  });
});

test('closed ones are kept with their steps up to the limit; open ones always', () => {
  const db = openDatabase(join(folder, 'other.db'));
  migrate(db);
  const journals = journalQueries(db, world, 3);
  const open = journals.beginJournal('backup', {});
  const closed = Array.from({ length: 5 }, () => {
    const id = journals.beginJournal('backup', {});
    journals.addStep(id, 'step', {});
    journals.closeJournal(id);
    return id;
  });
  const kept = db.all('SELECT id FROM journals WHERE closed_at IS NOT NULL ORDER BY id');
  expect(kept.map(({ id }) => id)).toEqual(closed.slice(2));
  expect(db.get('SELECT count(*) AS n FROM journal_steps')).toEqual({ n: 3 });
  expect(journals.openJournals().map(({ id }) => id)).toEqual([open]);
  db.close();
});
