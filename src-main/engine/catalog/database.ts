/**
 * One open SQLite file behind two small types: what may read and what may also write. Statements
 * are prepared once, values come back as plain rows that the query files read with `text`, `whole`
 * and `flag`, and every failure of SQLite becomes an AppError here and nowhere else.
 */
import Database from 'better-sqlite3';
import { AppError } from '#contract/errors.ts';
import { sqliteError } from './sqlite-errors.ts';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

export interface ReadableDb {
  /** The first row, or undefined. */
  get(sql: string, ...values: readonly SqlValue[]): Row | undefined;
  all(sql: string, ...values: readonly SqlValue[]): readonly Row[];
}

export interface WritableDb extends ReadableDb {
  /** Returns how many rows changed. */
  run(sql: string, ...values: readonly SqlValue[]): number;
  /** Several statements at once, without values; for migrations. */
  script(sql: string): void;
  /** All of `work` or nothing of it. Nests. */
  transaction<T>(work: () => T): T;
  /** A transaction that is on the disk when this returns; never inside another one. */
  durably<T>(work: () => T): T;
}

export interface OpenDb extends WritableDb {
  readonly path: string;
  close(): void;
}

/** Only the owner of the data folder writes, so nothing is ever waited for. Milliseconds. */
const busyTimeoutMs = 0;

/**
 * Opens an existing or new file in WAL mode. Does not look at what is inside.
 * @throws `catalog-damaged`, `permission-denied`, `no-space`, `data-folder-in-use`, …
 */
export function openDatabase(path: string): OpenDb {
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (thrown) {
      throw sqliteError(thrown, path);
    }
  };
  const raw = attempt(() => new Database(path, { timeout: busyTimeoutMs }));
  try {
    attempt(() => {
      raw.pragma('journal_mode = WAL');
      raw.pragma('synchronous = NORMAL');
      raw.pragma('foreign_keys = ON');
      raw.pragma('trusted_schema = OFF');
    });
  } catch (thrown) {
    raw.close();
    throw thrown;
  }
  const statements = new Map<string, Database.Statement<SqlValue[], Row>>();
  const prepared = (sql: string) => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = raw.prepare<SqlValue[], Row>(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    path,
    get: (sql, ...values) => attempt(() => prepared(sql).get(...values)),
    all: (sql, ...values) => attempt(() => prepared(sql).all(...values)),
    run: (sql, ...values) => attempt(() => prepared(sql).run(...values).changes),
    script: (sql) => {
      attempt(() => raw.exec(sql));
    },
    transaction: (work) => attempt(() => raw.transaction(work).immediate()),
    durably: (work) => {
      // SQLite refuses to change this inside a transaction, and would then be silently less safe.
      if (raw.inTransaction) throw new Error('durably() inside a transaction');
      return attempt(() => {
        raw.pragma('synchronous = FULL');
        try {
          return raw.transaction(work).immediate();
        } finally {
          raw.pragma('synchronous = NORMAL');
        }
      });
    },
    close: () => {
      raw.close();
    },
  };
}

function unexpected(column: string): AppError {
  return new AppError('catalog-damaged', `The catalog holds something unexpected in "${column}".`, {
    column,
  });
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw unexpected(column);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** A safe integer. */
export function whole(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unexpected(column);
  return value;
}

/** A safe integer or NULL. */
export function wholeOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : whole(row, column);
}

export function flag(row: Row, column: string): boolean {
  return whole(row, column) !== 0;
}

/** JSON this catalog wrote itself; the caller says what it is. */
export function json(row: Row, column: string): unknown {
  try {
    return JSON.parse(text(row, column));
  } catch {
    throw unexpected(column);
  }
}
