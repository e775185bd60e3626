import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '#engine/catalog/database.ts';
import { migrate, schemaVersion } from '#engine/catalog/migrate.ts';
import { temporaryFolder } from '../../../../fakes/world.ts';

test('a catalog of version 1 keeps its rows and gains journals whose steps never change', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 1);
  db.run(`INSERT INTO settings (key, value) VALUES ('kept', 'yes')`);
  migrate(db, 2);
  expect(schemaVersion(db)).toBe(2);
  expect(db.get('SELECT value FROM settings')).toEqual({ value: 'yes' });
  db.run(`INSERT INTO journals (id, kind, data, opened_at) VALUES ('j', 'backup', '{}', 1)`);
  db.run(
    `INSERT INTO journal_steps (journal, number, at, step, data) VALUES ('j', 1, 1, 's', '{}')`,
  );
  expect(() => db.run(`UPDATE journal_steps SET step = 'other'`)).toThrow(/never changes/);
  db.run(`DELETE FROM journals`);
  expect(db.all('SELECT * FROM journal_steps')).toEqual([]);
  db.close();
});

test('running it twice changes nothing', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 2);
  const before = db.all('SELECT sql FROM sqlite_schema');
  migrate(db, 2);
  expect(db.all('SELECT sql FROM sqlite_schema')).toEqual(before);
  db.close();
});
