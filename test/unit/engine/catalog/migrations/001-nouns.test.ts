import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '#engine/catalog/database.ts';
import { applicationId, migrate, schemaVersion } from '#engine/catalog/migrate.ts';
import { temporaryFolder } from '../../../../fakes/world.ts';

test('an empty file gets the five tables, its version and its mark', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 1);
  const tables = db
    .all(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .map(({ name }) => name);
  expect(tables).toEqual(['settings', 'hosts', 'repositories', 'points', 'runs']);
  expect(schemaVersion(db)).toBe(1);
  expect(db.get('PRAGMA application_id')).toEqual({ application_id: applicationId });
  db.close();
});

test('names of hosts and repositories are unique, and points need their repository', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 1);
  const host = `INSERT INTO hosts (id, name, uri, practice) VALUES (?, 'one', 'qemu:///system', 0)`;
  db.run(host, 'a');
  expect(() => db.run(host, 'b')).toThrow(/UNIQUE constraint failed: hosts.name/);
  const orphan = `INSERT INTO points (repository, id, machine_uuid, machine_name, time, size_bytes,
    stored_bytes, damaged, content) VALUES ('none', 'p', 'u', 'n', 1, 1, 1, 0, '{}')`;
  expect(() => db.run(orphan)).toThrow(/FOREIGN KEY constraint failed/);
  db.close();
});
