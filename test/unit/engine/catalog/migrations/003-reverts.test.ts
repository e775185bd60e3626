import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '#engine/catalog/database.ts';
import { migrate, schemaVersion } from '#engine/catalog/migrate.ts';
import { temporaryFolder } from '../../../../fakes/world.ts';

test('a catalog of version 2 keeps its rows and gains reverts, one a job', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 2);
  db.run(`INSERT INTO settings (key, value) VALUES ('kept', 'yes')`);
  migrate(db, 3);
  expect(schemaVersion(db)).toBe(3);
  expect(db.get('SELECT value FROM settings')).toEqual({ value: 'yes' });
  const insert = `INSERT INTO reverts (job, machine_uuid, time, snapshot)
    VALUES ('j', 'm', 1, 's')`;
  db.run(insert);
  expect(() => db.run(insert)).toThrow();
  db.close();
});
