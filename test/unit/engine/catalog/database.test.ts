import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { flag, json, openDatabase, text, whole } from '#engine/catalog/database.ts';
import { sqliteError } from '#engine/catalog/sqlite-errors.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

const full = 2; // sqlite.org/pragma.html#pragma_synchronous
const normal = 1;

describe('an open database', () => {
  test('is in WAL mode, keeps foreign keys, waits for nobody and syncs normally', () => {
    const db = openDatabase(join(temporaryFolder(), 'a.db'));
    expect(db.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
    expect(db.get('PRAGMA busy_timeout')).toEqual({ timeout: 0 });
    expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: normal });
    db.close();
  });

  test('durably syncs fully inside, and normally again after success and after failure', () => {
    const db = openDatabase(join(temporaryFolder(), 'a.db'));
    db.script('CREATE TABLE t (x INTEGER) STRICT');
    const inside = db.durably(() => {
      db.run('INSERT INTO t VALUES (1)');
      return db.get('PRAGMA synchronous');
    });
    expect(inside).toEqual({ synchronous: full });
    expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: normal });
    expect(() =>
      db.durably(() => {
        db.run('INSERT INTO t VALUES (2)');
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(db.get('PRAGMA synchronous')).toEqual({ synchronous: normal });
    expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }]);
    db.close();
  });

  test('refuses durably inside a transaction, where SQLite would not sync', () => {
    const db = openDatabase(join(temporaryFolder(), 'a.db'));
    expect(() => db.transaction(() => db.durably(() => 1))).toThrow(/inside a transaction/);
    db.close();
  });

  test('tells a file that is no database as catalog-damaged', () => {
    const path = join(temporaryFolder(), 'a.db');
    writeFileSync(path, 'no database'.repeat(100));
    expect(() => openDatabase(path)).toThrow(
      expect.objectContaining({ code: 'catalog-damaged' }) as Error,
    );
  });

  test('tells a file another connection holds as data-folder-in-use, at once', () => {
    const path = join(temporaryFolder(), 'a.db');
    const other = new Database(path);
    other.exec('BEGIN EXCLUSIVE');
    const started = performance.now();
    expect(() => openDatabase(path)).toThrow(
      expect.objectContaining({ code: 'data-folder-in-use' }) as Error,
    );
    expect(performance.now() - started).toBeLessThan(1000);
    other.close();
  });
});

test('a full file system is no-space; the message says which file and what is unharmed', () => {
  const path = join(temporaryFolder(), 'a.db');
  const db = openDatabase(path);
  db.script('CREATE TABLE t (x TEXT)');
  db.script('PRAGMA max_page_count = 4'); // SQLite's own way to run out of space
  const fill = () => {
    for (let i = 0; i < 100; i += 1) db.run('INSERT INTO t VALUES (?)', 'x'.repeat(4000));
  };
  expect(fill).toThrow(expect.objectContaining({ code: 'no-space' }) as Error);
  db.close();
});

test.each([
  ['SQLITE_FULL', 'no-space'],
  ['SQLITE_IOERR_SHMSIZE', 'no-space'],
  ['SQLITE_READONLY_DBMOVED', 'read-only'],
  ['SQLITE_CANTOPEN_ISDIR', 'permission-denied'],
  ['SQLITE_BUSY_SNAPSHOT', 'data-folder-in-use'],
  ['SQLITE_CORRUPT_INDEX', 'catalog-damaged'],
  ['SQLITE_NOTADB', 'catalog-damaged'],
  ['SQLITE_IOERR_FSYNC', 'file-failed'],
])('%s becomes %s', (sqlite, code) => {
  const thrown = sqliteError(new Database.SqliteError('x', sqlite), '/d/catalog.db');
  expect(thrown).toMatchObject({ code, data: { sqlite, path: '/d/catalog.db' } });
});

test('a defect of ours passes through unchanged', () => {
  const wrong = new Database.SqliteError('no such table: x', 'SQLITE_ERROR');
  expect(sqliteError(wrong, '/d')).toBe(wrong);
  const other = new TypeError('x');
  expect(sqliteError(other, '/d')).toBe(other);
});

test.each([
  ['text', () => text({ a: 1 }, 'a')],
  ['whole', () => whole({ a: 1.5 }, 'a')],
  ['whole beyond 2^53', () => whole({ a: 2 ** 53 }, 'a')],
  ['flag', () => flag({ a: 'yes' }, 'a')],
  ['json', () => json({ a: '{' }, 'a')],
  ['a missing column', () => text({}, 'a')],
])('a row that holds something else than %s is catalog-damaged', (_what, read) => {
  expect(read).toThrow(AppError);
});
