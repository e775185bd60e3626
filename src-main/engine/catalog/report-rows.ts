import type { RepositoryId } from '#contract/domain.ts';
import type { PlanRunState } from '#contract/plans.ts';
import { json, text, whole, wholeOrNull, type ReadableDb } from './database.ts';

/** A planned run that did not do what it was meant to, as the report tells of it. */
export interface TroubledRun {
  readonly due: number;
  /** How many planned times it tells of. */
  readonly times: number;
  readonly plan: string;
  readonly machine: string;
  readonly repository: string;
  readonly state: PlanRunState;
}

export interface StoredInTime {
  readonly repository: RepositoryId;
  readonly points: number;
  readonly storedBytes: number;
}

export interface StoredOnce {
  readonly repository: RepositoryId;
  readonly machineUuid: string;
  readonly time: number;
  readonly storedBytes: number;
}

/** What the weekly report needs, without reading whole rows. Times are UTC epoch milliseconds. */
export interface ReportRows {
  /** Planned times by what came of them, due from `from` on and before `to`. */
  counts(from: number, to: number): ReadonlyMap<PlanRunState['kind'], number>;
  /** The newest of these kinds; at most `limit`. */
  runs(
    kinds: readonly PlanRunState['kind'][],
    from: number,
    to: number,
    limit: number,
  ): readonly TroubledRun[];
  /** Per repository, made after `from` and up to `to`. */
  stored(from: number, to: number): readonly StoredInTime[];
  /** Points per machine uuid, made after `from` and up to `to`. */
  madeByMachine(from: number, to: number): ReadonlyMap<string, number>;
  /** Points made after `from`, and the first of each machine in each repository. */
  growth(from: number): readonly StoredOnce[];
  /** The newest point that is not known to be damaged, by machine uuid. */
  newestGood(atMost: number): ReadonlyMap<string, number>;
}

export function reportQueries(db: ReadableDb): ReportRows {
  return {
    counts: (from, to) =>
      new Map(
        db
          .all(
            `SELECT kind, sum(times) AS times FROM plan_runs WHERE due >= ? AND due < ?
              GROUP BY kind`,
            ...[from, to],
          )
          .map((row) => [text(row, 'kind') as PlanRunState['kind'], whole(row, 'times')]),
      ),
    runs: (kinds, from, to, limit) =>
      db
        .all(
          `SELECT due, times, plan_name, machine_name, repository_name, state FROM plan_runs
            WHERE due >= ? AND due < ? AND kind IN (${kinds.map(() => '?').join(', ')})
            ORDER BY due DESC, id DESC LIMIT ?`,
          ...[from, to, ...kinds, limit],
        )
        .map((row) => ({
          due: whole(row, 'due'),
          times: whole(row, 'times'),
          plan: text(row, 'plan_name'),
          machine: text(row, 'machine_name'),
          repository: text(row, 'repository_name'),
          state: json(row, 'state') as PlanRunState,
        })),
    ...pointQueries(db),
  };
}

function pointQueries(
  db: ReadableDb,
): Pick<ReportRows, 'stored' | 'madeByMachine' | 'growth' | 'newestGood'> {
  const byUuid = (sql: string, ...values: readonly number[]) =>
    new Map(
      db
        .all(sql, ...values)
        .map((row) => [text(row, 'machine_uuid'), wholeOrNull(row, 'value') ?? 0]),
    );
  return {
    stored: (from, to) =>
      db
        .all(
          `SELECT repository, count(*) AS points, sum(stored_bytes) AS stored
            FROM points WHERE time > ? AND time <= ? GROUP BY repository`,
          ...[from, to],
        )
        .map((row) => ({
          repository: text(row, 'repository') as RepositoryId,
          points: whole(row, 'points'),
          storedBytes: whole(row, 'stored'),
        })),
    madeByMachine: (from, to) =>
      byUuid(
        `SELECT machine_uuid, count(*) AS value FROM points WHERE time > ? AND time <= ?
          GROUP BY machine_uuid`,
        ...[from, to],
      ),
    growth: (from) =>
      db
        .all(
          `SELECT repository, machine_uuid, time, stored_bytes FROM points WHERE time > ?
            UNION SELECT repository, machine_uuid, min(time), stored_bytes FROM points
            GROUP BY repository, machine_uuid`,
          from,
        )
        .map((row) => ({
          repository: text(row, 'repository') as RepositoryId,
          machineUuid: text(row, 'machine_uuid'),
          time: whole(row, 'time'),
          storedBytes: whole(row, 'stored_bytes'),
        })),
    newestGood: (atMost) =>
      byUuid(
        `SELECT machine_uuid, max(time) AS value FROM points WHERE damaged = 0 AND time <= ?
          GROUP BY machine_uuid`,
        atMost,
      ),
  };
}
