import type { JobId, MachineId, Named, PointId, RepositoryId } from '#contract/domain.ts';
import type { Cause, PlanId, PlanRun, PlanRunId, PlanRunState } from '#contract/plans.ts';
import { flag, json, text, textOrNull, whole, wholeOrNull } from './database.ts';
import type { Row, SqlValue, WritableDb } from './database.ts';

/** A run as it is kept: what everybody sees and what only the scheduler needs. */
export interface PlanRunRecord extends PlanRun {
  /** How many planned times it tells of: more than one only where many were missed. */
  readonly times: number;
  /** A person said that no condition is to be waited for. */
  readonly forced: boolean;
  /** When the run began that this one goes on from after it was cut off. */
  readonly continuesFrom: number | null;
}

export interface PlanRunFilter {
  readonly plan: PlanId | null;
  readonly machineUuid: string | null;
  /** Only those due before; null: all. */
  readonly before: number | null;
  readonly limit: number;
}

/** What became of one planned time: how many runs of it ended how. */
export interface DueKind {
  readonly due: number;
  readonly kind: PlanRunState['kind'];
  readonly runs: number;
}

/** Every planned run: waiting, running, ended, skipped and missed ones, each with its reason. */
export interface PlanRuns {
  /** False when this time of this machine to this repository was claimed already. */
  insert(run: PlanRunRecord): boolean;
  /** Keeps what can change: where the machine is, state, start, job, point, log, forced. */
  update(run: PlanRunRecord): void;
  get(id: PlanRunId): PlanRunRecord | null;
  /** Those that wait or run, longest due first; of one time in the order they were made. */
  open(): readonly PlanRunRecord[];
  /** True while one waits. */
  waits(): boolean;
  /**
   * Newest due first. Those due in the same millisecond as the last one come along even beyond
   * the limit, so that none is skipped.
   */
  list(filter: PlanRunFilter): readonly PlanRunRecord[];
  /**
   * The newest that began, of a plan. One that was due after `atMost` (epoch ms) is not asked:
   * the clock was wrong then, and it would be the newest one for years.
   */
  last(plan: PlanId, atMost: number): PlanRunRecord | null;
  /** The newest that ended, of one machine to one repository; `atMost` as in `last`. */
  lastEnded(
    plan: PlanId,
    machineUuid: string,
    repository: RepositoryId,
    atMost: number,
  ): PlanRunRecord | null;
  /**
   * Times of the calendar after `after` that have rows, because the clock was put back since. One
   * that was only taken for missed may still come.
   */
  claimedAfter(plan: PlanId, after: number): ReadonlySet<number>;
  /** Drops what was taken for missed at this time, which has come after all. */
  dropMissed(plan: PlanId, due: number): void;
  /** By due, from `from` on and before `to`; at most `limit`. */
  dues(plan: PlanId, from: number, to: number, limit: number): readonly DueKind[];
  /** Drops the oldest that ended beyond `maxPlanRuns`. */
  prune(): void;
}

/** Rows kept over all plans: a year of ten machines every hour. */
export const maxPlanRuns = 100_000;

const newestFirst = 'ORDER BY due DESC, id DESC';
const began = `('done', 'problems', 'failed', 'cancelled')`;

/** `keep` is how many stay; tests keep fewer. */
export function planRunQueries(db: WritableDb, keep: number = maxPlanRuns): PlanRuns {
  const first = (sql: string, ...values: readonly SqlValue[]) => {
    const row = db.get(sql, ...values);
    return row === undefined ? null : toRun(row);
  };
  return {
    insert: (run) => insert(db, run),
    update: (run) => {
      update(db, run);
    },
    get: (id) => first('SELECT * FROM plan_runs WHERE id = ?', id),
    open: () =>
      db
        .all(`SELECT * FROM plan_runs WHERE kind IN ('waiting', 'running') ORDER BY due, id`)
        .map(toRun),
    waits: () =>
      // Both, because SQLite takes the index of open runs only for the words it was made with.
      db.get(
        `SELECT id FROM plan_runs WHERE kind IN ('waiting', 'running') AND kind = 'waiting'
          LIMIT 1`,
      ) !== undefined,
    list: (filter) => list(db, filter),
    last: (plan, atMost) =>
      first(
        `SELECT * FROM plan_runs WHERE plan = ? AND started_at IS NOT NULL AND due <= ?
          ${newestFirst} LIMIT 1`,
        plan,
        atMost,
      ),
    lastEnded: (plan, uuid, repository, atMost) =>
      first(
        `SELECT * FROM plan_runs WHERE machine_uuid = ? AND plan = ? AND repository = ?
          AND kind IN ${began} AND due <= ? ${newestFirst} LIMIT 1`,
        uuid,
        plan,
        repository,
        atMost,
      ),
    ...dueQueries(db),
    prune: () => {
      db.run(
        `DELETE FROM plan_runs WHERE kind NOT IN ('waiting', 'running') AND due <
          (SELECT due FROM plan_runs ${newestFirst} LIMIT 1 OFFSET ?)`,
        keep,
      );
    },
  };
}

function dueQueries(db: WritableDb): Pick<PlanRuns, 'claimedAfter' | 'dropMissed' | 'dues'> {
  return {
    claimedAfter: (plan, after) =>
      new Set(
        db
          .all(
            `SELECT DISTINCT due FROM plan_runs WHERE plan = ? AND due > ?
              AND cause IN ('schedule', 'catch-up') AND kind <> 'missed'`,
            plan,
            after,
          )
          .map((row) => whole(row, 'due')),
      ),
    dropMissed: (plan, due) => {
      db.run(`DELETE FROM plan_runs WHERE plan = ? AND due = ? AND kind = 'missed'`, plan, due);
    },
    dues: (plan, from, to, limit) =>
      db
        .all(
          // SQLite takes the other columns from the row that holds the max(): a run that goes on
          // from one that was cut off is what became of it.
          `SELECT due, kind, sum(times) AS runs FROM (SELECT due, kind, times, max(id)
            FROM plan_runs WHERE plan = ? AND due >= ? AND due < ?
            GROUP BY due, machine_uuid, repository) GROUP BY due, kind ORDER BY due DESC LIMIT ?`,
          plan,
          from,
          to,
          limit,
        )
        .map((row) => ({
          due: whole(row, 'due'),
          kind: text(row, 'kind') as PlanRunState['kind'],
          runs: whole(row, 'runs'),
        })),
  };
}

function insert(db: WritableDb, run: PlanRunRecord): boolean {
  const changed = db.run(
    `INSERT OR IGNORE INTO plan_runs (id, plan, plan_name, machine, machine_uuid, machine_name,
      repository, repository_name, cause, due, times, started_at, kind, state, forced,
      continues_from, job, point, log)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    run.id,
    run.plan.id,
    run.plan.name,
    run.machine.id,
    run.machine.uuid,
    run.machine.name,
    run.repository.id,
    run.repository.name,
    run.cause,
    run.due,
    run.times,
    run.startedAt,
    run.state.kind,
    JSON.stringify(run.state),
    run.forced ? 1 : 0,
    run.continuesFrom,
    run.job,
    run.point,
    JSON.stringify(run.log),
  );
  return changed > 0;
}

function update(db: WritableDb, run: PlanRunRecord): void {
  db.run(
    `UPDATE plan_runs SET machine = ?, started_at = ?, kind = ?, state = ?, forced = ?, job = ?,
      point = ?,      log = ? WHERE id = ?`,
    run.machine.id,
    run.startedAt,
    run.state.kind,
    JSON.stringify(run.state),
    run.forced ? 1 : 0,
    run.job,
    run.point,
    JSON.stringify(run.log),
    run.id,
  );
}

function list(db: WritableDb, filter: PlanRunFilter): readonly PlanRunRecord[] {
  const { plan, machineUuid, before, limit } = filter;
  const wanted: string[] = [];
  const values: SqlValue[] = [];
  if (machineUuid !== null) wanted.push('machine_uuid = ?');
  if (machineUuid !== null) values.push(machineUuid);
  if (plan !== null) wanted.push('plan = ?');
  if (plan !== null) values.push(plan);
  const where = ['due < ?', ...wanted].join(' AND ');
  const all = [before ?? Number.MAX_SAFE_INTEGER, ...values];
  return db
    .all(
      `SELECT * FROM plan_runs WHERE ${where} AND due >= coalesce((SELECT due FROM plan_runs
        WHERE ${where} ${newestFirst} LIMIT 1 OFFSET ?), 0) ${newestFirst}`,
      ...all,
      ...all,
      limit - 1,
    )
    .map(toRun);
}

function toRun(row: Row): PlanRunRecord {
  const repository: Named<RepositoryId> = {
    id: text(row, 'repository') as RepositoryId,
    name: text(row, 'repository_name'),
  };
  return {
    id: text(row, 'id') as PlanRunId,
    plan: { id: text(row, 'plan') as PlanId, name: text(row, 'plan_name') },
    machine: {
      id: textOrNull(row, 'machine') as MachineId | null,
      uuid: text(row, 'machine_uuid'),
      name: text(row, 'machine_name'),
    },
    repository,
    cause: text(row, 'cause') as Cause,
    due: whole(row, 'due'),
    times: whole(row, 'times'),
    startedAt: wholeOrNull(row, 'started_at'),
    state: json(row, 'state') as PlanRunState,
    forced: flag(row, 'forced'),
    continuesFrom: wholeOrNull(row, 'continues_from'),
    job: textOrNull(row, 'job') as JobId | null,
    point: textOrNull(row, 'point') as PointId | null,
    log: json(row, 'log') as readonly string[],
  };
}
