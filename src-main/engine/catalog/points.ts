import type {
  LastPoint,
  Named,
  Point,
  PointId,
  RepositoryId,
  Verification,
} from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { flag, json, text, whole, type Row, type SqlValue, type WritableDb } from './database.ts';

export interface PointFilter {
  readonly machineUuid?: string | null; // null: of every machine
  readonly repository?: RepositoryId | null; // null: of every repository
}

/** What the machines list shows of a machine's points. */
export interface MachinePoints {
  readonly count: number;
  readonly storedBytes: number;
  readonly last: LastPoint;
}

export interface RepositoryPoints {
  readonly pointCount: number;
  readonly machineCount: number;
  /** Sum of the sizes of all points' disks. */
  readonly logicalBytes: number;
}

/**
 * The cache of manifests. The truth is in the repositories; `replaceAllOf` makes it true again.
 * `verified` and `damaged` are what this installation saw, and outlive a `replaceAllOf`.
 */
export interface Points {
  /** The point's repository must be known; the point's own name for it is not kept. */
  insertPoint(point: Point): void;
  /** Newest first. */
  listPoints(filter?: PointFilter): readonly Point[];
  /** Newest first. */
  pointsOfMachine(machineUuid: string): readonly Point[];
  /**
   * By id or the beginning of one, in any case. @throws `point-not-found`, or `invalid-input` when
   * several begin so (data.points lists them).
   */
  getPoint(idOrPrefix: string): Point;
  /** The newest that is not damaged and was not made after `atMost` (epoch ms). */
  newestGood(
    machineUuid: string,
    repository: RepositoryId,
    atMost: number,
  ): { readonly id: PointId; readonly time: number } | null;
  /** The time of the newest point, of any machine; 0 without one. */
  newestTime(repository: RepositoryId): number;
  deletePoint(repository: RepositoryId, id: PointId): boolean;
  /** Of every point of a repository, however many there are. */
  idsOf(repository: RepositoryId): ReadonlySet<string>;
  /**
   * `before`: the ids that were here when `points` began to be read; default: those here now. What
   * came since stays, and what went since stays away.
   */
  replaceAllOf(
    repository: RepositoryId,
    points: readonly Point[],
    before?: ReadonlySet<string>,
  ): void;
  setVerification(repository: RepositoryId, id: PointId, verification: Verification): void;
  setDamaged(repository: RepositoryId, id: PointId, damaged: boolean): void;
  /** It is there and not known to be damaged. */
  isGood(repository: RepositoryId, id: string): boolean;
  /** What the repository says, kept here for the lists. */
  setPinned(repository: RepositoryId, id: PointId, pinned: boolean): void;
  /** Every machine that has points, by uuid. */
  byMachine(): ReadonlyMap<string, MachinePoints>;
  /** The newest names of machines that have points, also those whose host is gone. */
  machines(): readonly { readonly uuid: string; readonly name: string }[];
  ofRepository(repository: RepositoryId): RepositoryPoints;
}

/** Most points one listing returns, the newest: more would hold the event loop for 100 ms. */
export const maxListedPoints = 5000;
/** Shortest beginning of an id that `getPoint` takes; characters. */
const minPrefixLength = 4;
const maxAmbiguousShown = 10;

const columns = `SELECT p.content, p.verified, p.damaged, p.repository, r.name AS repository_name
  FROM points p JOIN repositories r ON r.id = p.repository`;
const newestFirst = 'ORDER BY p.time DESC, p.id DESC';

function repositoryOf(row: Row): Named<RepositoryId> {
  return { id: text(row, 'repository') as RepositoryId, name: text(row, 'repository_name') };
}

function verifiedOf(row: Row): Verification | null {
  return row['verified'] === null ? null : (json(row, 'verified') as Verification);
}

function toPoint(row: Row): Point {
  return {
    pinned: false, // rows from before there were pins do not say
    ...(json(row, 'content') as Omit<Point, 'pinned'> & Partial<Pick<Point, 'pinned'>>),
    repository: repositoryOf(row),
    verified: verifiedOf(row),
    damaged: flag(row, 'damaged'),
  };
}

function insert(db: WritableDb, point: Point): void {
  db.run(
    `INSERT INTO points (repository, id, machine_uuid, machine_name, time, size_bytes,
      stored_bytes, verified, damaged, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (repository, id) DO UPDATE SET content = excluded.content`,
    point.repository.id,
    point.id,
    point.machine.uuid,
    point.machine.name,
    point.time,
    point.sizeBytes,
    point.storedBytes,
    point.verified === null ? null : JSON.stringify(point.verified),
    point.damaged ? 1 : 0,
    JSON.stringify(point),
  );
}

export function pointQueries(db: WritableDb): Points {
  const listPoints = ({ machineUuid = null, repository = null }: PointFilter = {}) =>
    db
      .all(
        `${columns} WHERE p.machine_uuid = coalesce(?, p.machine_uuid)
          AND p.repository = coalesce(?, p.repository) ${newestFirst} LIMIT ?`,
        machineUuid,
        repository,
        maxListedPoints,
      )
      .map(toPoint);
  const update = (set: string, value: SqlValue, repository: RepositoryId, id: PointId) => {
    db.run(`UPDATE points SET ${set} WHERE repository = ? AND id = ?`, value, repository, id);
  };
  return {
    insertPoint: (point) => {
      insert(db, point);
    },
    listPoints,
    pointsOfMachine: (machineUuid) =>
      db.all(`${columns} WHERE p.machine_uuid = ? ${newestFirst}`, machineUuid).map(toPoint),
    getPoint: (idOrPrefix) => findPoint(db, idOrPrefix),
    newestGood: (...about) => newestGood(db, ...about),
    newestTime: (repository) => {
      const sql = 'SELECT coalesce(max(time), 0) AS time FROM points WHERE repository = ?';
      return whole(db.get(sql, repository) ?? { time: 0 }, 'time');
    },
    deletePoint: (repository, id) =>
      db.run('DELETE FROM points WHERE repository = ? AND id = ?', repository, id) > 0,
    idsOf: (repository) =>
      new Set(
        db
          .all('SELECT id FROM points WHERE repository = ?', repository)
          .map((row) => text(row, 'id')),
      ),
    replaceAllOf: (repository, points, before) => {
      replaceAll(db, repository, points, before);
    },
    setVerification: (repository, id, verification) => {
      update('verified = ?', JSON.stringify(verification), repository, id);
    },
    setDamaged: (repository, id, damaged) => {
      update('damaged = ?', damaged ? 1 : 0, repository, id);
    },
    isGood: (repository, id) => {
      const where = 'WHERE repository = ? AND id = ?';
      const row = db.get(`SELECT damaged FROM points ${where}`, repository, id);
      return row !== undefined && !flag(row, 'damaged');
    },
    setPinned: (repository, id, pinned) => {
      const set = "content = json_set(content, '$.pinned', json(?))";
      update(set, pinned ? 'true' : 'false', repository, id);
    },
    byMachine: () => byMachine(db),
    machines: () =>
      db
        .all(
          // SQLite takes the other columns from the row that holds the max().
          `SELECT machine_uuid, machine_name, max(time) AS time FROM points GROUP BY machine_uuid
            ORDER BY machine_name, machine_uuid`,
        )
        .map((row) => ({ uuid: text(row, 'machine_uuid'), name: text(row, 'machine_name') })),
    ofRepository: (repository) => ofRepository(db, repository),
  };
}

function ofRepository(db: WritableDb, repository: RepositoryId): RepositoryPoints {
  const row =
    db.get(
      `SELECT count(*) AS points, count(DISTINCT machine_uuid) AS machines,
        coalesce(sum(size_bytes), 0) AS size FROM points WHERE repository = ?`,
      repository,
    ) ?? {};
  return {
    pointCount: whole(row, 'points'),
    machineCount: whole(row, 'machines'),
    logicalBytes: whole(row, 'size'),
  };
}

function newestGood(
  db: WritableDb,
  machineUuid: string,
  repository: RepositoryId,
  atMost: number,
): ReturnType<Points['newestGood']> {
  const row = db.get(
    `SELECT id, time FROM points WHERE machine_uuid = ? AND time <= ? AND repository = ?
      AND damaged = 0 ORDER BY time DESC LIMIT 1`,
    machineUuid,
    atMost,
    repository,
  );
  return row === undefined ? null : { id: text(row, 'id') as PointId, time: whole(row, 'time') };
}

function findPoint(db: WritableDb, idOrPrefix: string): Point {
  const exact = db.all(`${columns} WHERE p.id = ? ${newestFirst}`, idOrPrefix);
  const found = exact.length > 0 ? exact : byPrefix(db, idOrPrefix);
  const [first] = found;
  if (first === undefined) {
    throw new AppError('point-not-found', `There is no restore point ${idOrPrefix}.`, {
      point: idOrPrefix,
      advice: 'List the restore points; a repository added elsewhere may need "rebuild" first.',
    });
  }
  // The same id in two repositories is a hand-made copy; the newest listing wins only when exact.
  if (found.length > 1 && exact.length === 0) {
    const points = found.slice(0, maxAmbiguousShown).map((row) => toPoint(row).id);
    throw new AppError('invalid-input', `Several restore points begin with ${idOrPrefix}.`, {
      points,
      advice: 'Give more characters of the id.',
    });
  }
  return toPoint(first);
}

function byPrefix(db: WritableDb, prefix: string): readonly Row[] {
  if (prefix.length < minPrefixLength) return [];
  const pattern = prefix.replace(/[\\%_]/g, (character) => `\\${character}`) + '%';
  return db.all(
    `${columns} WHERE p.id LIKE ? ESCAPE '\\' ${newestFirst} LIMIT ${maxAmbiguousShown}`,
    pattern,
  );
}

function replaceAll(
  db: WritableDb,
  repository: RepositoryId,
  points: readonly Point[],
  known?: ReadonlySet<string>,
): void {
  db.transaction(() => {
    const seen = new Map(
      db
        .all('SELECT id, verified, damaged FROM points WHERE repository = ?', repository)
        .map((row) => [text(row, 'id'), row]),
    );
    const since = known === undefined ? [] : [...seen.keys()].filter((id) => !known.has(id));
    db.run(
      `DELETE FROM points WHERE repository = ? AND id NOT IN (SELECT value FROM json_each(?))`,
      repository,
      JSON.stringify(since),
    );
    for (const point of points) {
      if (known?.has(point.id) === true && !seen.has(point.id)) continue; // removed since
      const before = seen.get(point.id);
      insert(db, {
        ...point,
        verified: point.verified ?? (before === undefined ? null : verifiedOf(before)),
        damaged: point.damaged || (before !== undefined && flag(before, 'damaged')),
      });
    }
  });
}

function byMachine(db: WritableDb): ReadonlyMap<string, MachinePoints> {
  const rows = db.all(
    // The bare columns come from the row that holds the max(time) (sqlite.org/lang_select.html).
    `SELECT p.machine_uuid, count(*) AS points, sum(p.stored_bytes) AS stored, max(p.time) AS time,
      p.id, p.repository, r.name AS repository_name
      FROM points p JOIN repositories r ON r.id = p.repository GROUP BY p.machine_uuid`,
  );
  return new Map(
    rows.map((row) => [
      text(row, 'machine_uuid'),
      {
        count: whole(row, 'points'),
        storedBytes: whole(row, 'stored'),
        last: {
          id: text(row, 'id') as PointId,
          time: whole(row, 'time'),
          repository: repositoryOf(row),
        },
      },
    ]),
  );
}
