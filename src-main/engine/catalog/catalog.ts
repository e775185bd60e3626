/**
 * The catalog: one SQLite file in the data folder with what a person added (hosts, repositories,
 * plans), a cache of restore points, the history of jobs and of planned runs, and the journals of
 * what is running.
 *
 * Promises: every call is synchronous and takes a few milliseconds at most; journal rows are on the
 * disk when the call returns; a damaged file is moved aside and never deleted; deleting the file
 * loses nothing that `host add`, `repository add` and making the plans again do not bring back.
 * Does not: hold keys, passwords or disk content, or know machines (libvirt does).
 */
import { join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { openDatabase, text, whole, type OpenDb } from './database.ts';
import { dayQueries, type Days } from './days.ts';
import { hostQueries, type Hosts } from './hosts.ts';
import { rememberInstallation } from './installation.ts';
import { journalQueries, type Journals } from './journals.ts';
import { applicationId, migrate, schemaVersion } from './migrate.ts';
import { newsQueries, type NewsRows } from './news.ts';
import { planRunQueries, type PlanRuns } from './plan-runs.ts';
import { planQueries, type Plans } from './plans.ts';
import { pointQueries, type Points } from './points.ts';
import { reportQueries, type ReportRows } from './report-rows.ts';
import { repositoryQueries, type Repositories } from './repositories.ts';
import { revertQueries, type Reverts } from './reverts.ts';
import { runQueries, type Runs } from './runs.ts';
import { settingQueries, type Settings } from './settings.ts';

export interface Catalog {
  readonly path: string;
  /** `catalog-damaged` when the file had to be moved aside; to be shown, not thrown. */
  readonly warning: AppError | null;
  readonly hosts: Hosts;
  readonly repositories: Repositories;
  readonly points: Points;
  readonly runs: Runs;
  readonly journals: Journals;
  readonly reverts: Reverts;
  readonly plans: Plans;
  readonly planRuns: PlanRuns;
  readonly news: NewsRows;
  readonly report: ReportRows;
  readonly settings: Settings;
  readonly days: Days;
  /** All of `work` or nothing of it. */
  transaction<T>(work: () => T): T;
  close(): void;
}

const catalogFileName = 'catalog.db';
const privateFile = 0o600;
/** SQLite's own files beside the database; they must move with it. */
const companions = ['', '-wal', '-shm'];
const maxDamagedNames = 1000;

/**
 * Opens or makes the catalog of a data folder. Only the owner of the folder may (ownership.ts).
 * @throws `unsupported` (a newer Waymark wrote it), `permission-denied`, `no-space`, `read-only`
 */
export async function openCatalog(world: World, folder: string): Promise<Catalog> {
  const path = join(folder, catalogFileName);
  await world.files.makeFolder(folder);
  let warning: AppError | null = null;
  let db: OpenDb;
  try {
    db = await openChecked(world, path);
  } catch (thrown) {
    if (!hasCode(thrown, 'catalog-damaged')) throw thrown;
    warning = damagedWarning(path, await moveAside(world, path), thrown);
    world.log.error('The catalog is damaged and was moved aside', warning);
    db = await openChecked(world, path);
  }
  try {
    const settings = settingQueries(db, world.ids.uuid());
    await rememberInstallation(world, folder, settings);
    return {
      path,
      warning,
      hosts: hostQueries(db),
      repositories: repositoryQueries(db),
      points: pointQueries(db),
      runs: runQueries(db),
      journals: journalQueries(db, world),
      reverts: revertQueries(db),
      plans: planQueries(db),
      planRuns: planRunQueries(db),
      news: newsQueries(db),
      report: reportQueries(db),
      settings,
      days: dayQueries(db),
      transaction: (work) => db.transaction(work),
      close: () => {
        db.close();
      },
    };
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

async function openChecked(world: World, path: string): Promise<OpenDb> {
  await makePrivate(world, path);
  const db = openDatabase(path);
  try {
    checkWhole(db);
    migrate(db);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** SQLite gives its companions the mode of the file itself, so only that one has to be right. */
async function makePrivate(world: World, path: string): Promise<void> {
  const stat = await world.files.stat(path);
  // Opening it for writing tells a read-only file system from a missing right; SQLite does not.
  const file = await world.files.open(path, stat === null ? 'create' : 'write', privateFile);
  await file.close();
  if (stat !== null && stat.mode !== privateFile) await world.files.chmod(path, privateFile);
}

function checkWhole(db: OpenDb): void {
  const owner = whole(db.get('PRAGMA application_id') ?? {}, 'application_id');
  const answer = text(db.get('PRAGMA quick_check(1)') ?? {}, 'quick_check');
  const empty = db.get('SELECT name FROM sqlite_schema LIMIT 1') === undefined;
  const ours = owner === applicationId || (owner === 0 && empty && schemaVersion(db) === 0);
  if (answer === 'ok' && ours) return;
  throw new AppError('catalog-damaged', `The content of ${db.path} is damaged.`, {
    path: db.path,
    detail: ours ? answer : 'it was not made by Waymark',
  });
}

async function moveAside(world: World, path: string): Promise<string> {
  const stamp = new Date(world.clock.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  const base = path.replace(/\.db$/, `.damaged-${stamp}`);
  for (let count = 1; count <= maxDamagedNames; count += 1) {
    const to = count === 1 ? `${base}.db` : `${base}-${count}.db`;
    if ((await world.files.stat(to)) !== null) continue;
    for (const end of companions) {
      if ((await world.files.stat(path + end)) !== null) {
        await world.files.rename(path + end, to + end);
      }
    }
    return to;
  }
  throw new AppError('path-exists', `There are too many damaged catalogs beside ${path}.`, {
    path,
  });
}

function damagedWarning(path: string, movedTo: string, cause: unknown): AppError {
  return new AppError(
    'catalog-damaged',
    `The catalog ${path} was damaged. It was kept as ${movedTo} and a fresh one was made.`,
    {
      path,
      movedTo,
      unharmed: 'Machines, repositories and restore points are as they were.',
      advice:
        'Add your hosts again ("host add") and your repositories ("repository add"); adding one ' +
        'lists its restore points again, "repository rebuild" does it once more. Make your plans ' +
        'again ("plan create"): they and the history of past jobs are in the damaged file alone.',
    },
    cause,
  );
}
