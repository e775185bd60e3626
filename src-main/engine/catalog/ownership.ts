/**
 * One engine owns a data folder at a time. The owner holds an exclusive transaction on a small
 * SQLite file: the lock is the kernel's, so it is free at once when the owner ends, in any way.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { sqliteError } from './sqlite-errors.ts';

export interface Ownership {
  /** Gives the folder back; doing it twice is fine. */
  release(): void;
}

export const ownerFileName = 'owner.db';
const privateFile = 0o600;

/**
 * Takes the data folder, making it if needed.
 * @throws `data-folder-in-use` while another process (or this one) owns it
 */
export async function ownDataFolder(world: World, folder: string): Promise<Ownership> {
  await world.files.makeFolder(folder);
  const path = join(folder, ownerFileName);
  await createPrivate(world, path);
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: 0 });
    // A rollback journal in memory: the file stays empty and nothing is left beside it.
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    db?.close();
    throw inUse(sqliteError(thrown, path), folder);
  }
  const held = db;
  return {
    release: () => {
      held.close();
    },
  };
}

/** Never opens a file that is there: closing it again would drop this process's own lock. */
async function createPrivate(world: World, path: string): Promise<void> {
  try {
    await (await world.files.open(path, 'create', privateFile)).close();
  } catch (thrown) {
    if (!hasCode(thrown, 'path-exists')) throw thrown;
  }
}

function inUse(thrown: unknown, folder: string): unknown {
  if (!hasCode(thrown, 'data-folder-in-use')) return thrown;
  return new AppError(
    'data-folder-in-use',
    `Another Waymark is using the data folder ${folder}.`,
    {
      folder,
      unharmed: 'Nothing was changed.',
      advice: 'Use the Waymark that runs, end it, or choose another data folder with --data.',
    },
    thrown,
  );
}
