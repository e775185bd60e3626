import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '#engine/catalog/database.ts';
import { migrate, schemaVersion } from '#engine/catalog/migrate.ts';
import { temporaryFolder } from '../../../../fakes/world.ts';

test('a catalog of version 3 keeps its rows and gains plans, whose times are claimed once', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db, 3);
  db.run(`INSERT INTO settings (key, value) VALUES ('kept', 'yes')`);
  migrate(db, 4);
  expect(schemaVersion(db)).toBe(4);
  expect(db.get('SELECT value FROM settings')).toEqual({ value: 'yes' });
  const insert = (id: string, cause: string) =>
    db.run(
      `INSERT INTO plan_runs (id, plan, plan_name, machine_uuid, machine_name, repository,
        repository_name, cause, due, kind, state, log)
        VALUES (?, 'p', 'Nightly', 'm', 'web', 'r', 'attic', ?, 1, 'done', '{}', '[]')`,
      id,
      cause,
    );
  insert('1', 'schedule');
  expect(() => insert('2', 'catch-up')).toThrow();
  insert('3', 'continued');
  insert('4', 'manual');
  insert('5', 'manual');
  db.close();
});

test('what is asked at every look is answered from an index, not by reading all runs', () => {
  const db = openDatabase(join(temporaryFolder(), 'catalog.db'));
  migrate(db);
  const ended = `('done', 'problems', 'failed', 'cancelled')`;
  for (const where of [
    `kind IN ('waiting', 'running') AND kind = 'waiting' LIMIT 1`,
    `machine_uuid = 'm' AND plan = 'p' AND repository = 'r' AND kind IN ${ended}
      AND due <= 9 ORDER BY due DESC, id DESC LIMIT 1`,
    `plan = 'p' AND started_at IS NOT NULL AND due <= 9 ORDER BY due DESC, id DESC LIMIT 1`,
  ]) {
    const [plan] = db.all(`EXPLAIN QUERY PLAN SELECT * FROM plan_runs WHERE ${where}`);
    expect(plan?.['detail'], where).toMatch(/SEARCH .* USING INDEX plan_runs_(open|ended|began) /);
  }
  db.close();
});
