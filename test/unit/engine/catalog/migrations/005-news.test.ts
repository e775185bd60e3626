import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '#engine/catalog/database.ts';
import { migrate, schemaVersion } from '#engine/catalog/migrate.ts';
import { temporaryFolder } from '../../../../fakes/world.ts';

test('a catalog of version 4 keeps its rows and gains news, whose deliveries go with it', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 4);
  db.run(`INSERT INTO settings (key, value) VALUES ('kept', 'yes')`);
  migrate(db, 5);
  expect(schemaVersion(db)).toBe(5);
  expect(db.get('SELECT value FROM settings')).toEqual({ value: 'yes' });
  db.run(`INSERT INTO news (id, kind, title, body, time) VALUES ('n', 'failed', 't', 'b', 1)`);
  db.run(`INSERT INTO news_deliveries (news, channel, next_at) VALUES ('n', 'mail', 1)`);
  db.run(`DELETE FROM news WHERE id = 'n'`);
  expect(db.all('SELECT * FROM news_deliveries')).toEqual([]);
  db.close();
});
