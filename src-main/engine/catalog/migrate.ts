/** Brings a catalog file to the newest shape this version knows, one migration at a time. */
import { AppError } from '#contract/errors.ts';
import { whole, type OpenDb } from './database.ts';
import { nouns } from './migrations/001-nouns.ts';
import { journals } from './migrations/002-journals.ts';
import { reverts } from './migrations/003-reverts.ts';
import { plans } from './migrations/004-plans.ts';
import { news } from './migrations/005-news.ts';

export interface Migration {
  readonly version: number;
  readonly what: string;
  readonly sql: string;
}

/** In order; the n-th brings the file to version n. Released ones are never edited. */
export const migrations: readonly Migration[] = [nouns, journals, reverts, plans, news];

/** Written into the file's header, so that another program's SQLite file is told apart. "WYMK" */
export const applicationId = 0x57594d4b;

/** The version of the file; 0 for a new one. */
export function schemaVersion(db: OpenDb): number {
  return whole(db.get('PRAGMA user_version') ?? {}, 'user_version');
}

/**
 * Runs what is missing up to `last`; each migration is one transaction, so a crash leaves the file
 * at a version that exists.
 * @throws `unsupported` when a newer Waymark wrote the file; it is not touched then.
 */
export function migrate(db: OpenDb, last: number = migrations.length): void {
  const found = schemaVersion(db);
  if (found > migrations.length) {
    throw new AppError(
      'unsupported',
      `The catalog ${db.path} was written by a newer Waymark (version ${found} of its tables; ` +
        `this one knows up to ${migrations.length}).`,
      {
        path: db.path,
        found,
        known: migrations.length,
        unharmed: 'The catalog and the repositories were not touched.',
        advice: 'Use the newer Waymark, or another data folder with --data.',
      },
    );
  }
  for (const migration of migrations.slice(found, last)) {
    db.durably(() => {
      db.script(migration.sql);
      db.script(`PRAGMA user_version = ${migration.version}`);
      db.script(`PRAGMA application_id = ${applicationId}`);
    });
  }
}
