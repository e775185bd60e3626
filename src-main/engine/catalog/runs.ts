import type { Job, Outcome, Run } from '#contract/domain.ts';
import { json, textOrNull, type Row, type WritableDb } from './database.ts';

/** Jobs that ended: the history, and what `job show` says after a restart. */
export interface Runs {
  /** Keeps the record of a job that ended; the oldest beyond `maxRuns` go. */
  insertRun(job: Job, machineUuid: string | null): void;
  /**
   * Newest first, those that started before `before` (null: now). Runs that started in the same
   * millisecond as the last one come along even beyond `limit`, so that none is skipped.
   */
  listRuns(before: number | null, limit: number): readonly Run[];
  /** The job as it ended, with its result; null when unknown or too old. */
  getJob(id: string): Job | null;
  /** Newest first. */
  recentJobs(limit: number): readonly Job[];
  /** Failed backups and restores of a machine, newest first. */
  failuresOfMachine(machineUuid: string, limit?: number): readonly Run[];
}

const maxRuns = 10_000;
const maxFailuresShown = 100;

const columns = 'SELECT job, machine_uuid FROM runs';
const newestFirst = 'ORDER BY started_at DESC, id DESC';

/** `keep` is how many runs stay; tests keep fewer. */
export function runQueries(db: WritableDb, keep: number = maxRuns): Runs {
  const toRuns = (rows: readonly Row[]) => rows.map(toRun);
  return {
    insertRun: (job, machineUuid) => {
      const startedAt = job.startedAt ?? job.createdAt;
      db.transaction(() => {
        db.run(
          `INSERT OR REPLACE INTO runs (id, kind, machine_uuid, started_at, outcome, job)
            VALUES (?, ?, ?, ?, ?, ?)`,
          job.id,
          job.kind,
          machineUuid,
          startedAt,
          job.state.kind,
          JSON.stringify(job),
        );
        db.run(
          `DELETE FROM runs WHERE id IN (SELECT id FROM runs ${newestFirst} LIMIT -1 OFFSET ?)`,
          keep,
        );
      });
    },
    listRuns: (before, limit) => {
      const end = before ?? Number.MAX_SAFE_INTEGER;
      return toRuns(
        db.all(
          `${columns} WHERE started_at < ? AND started_at >= coalesce((SELECT started_at FROM runs
            WHERE started_at < ? ${newestFirst} LIMIT 1 OFFSET ?), 0) ${newestFirst}`,
          end,
          end,
          limit - 1,
        ),
      );
    },
    getJob: (id) => {
      const row = db.get(`${columns} WHERE id = ?`, id);
      return row === undefined ? null : toJob(row);
    },
    recentJobs: (limit) => db.all(`${columns} ${newestFirst} LIMIT ?`, limit).map(toJob),
    failuresOfMachine: (machineUuid, limit = maxFailuresShown) =>
      toRuns(
        db.all(
          `${columns} WHERE machine_uuid = ? AND outcome = 'failed' ${newestFirst} LIMIT ?`,
          machineUuid,
          limit,
        ),
      ),
  };
}

function toJob(row: Row): Job {
  return json(row, 'job') as Job;
}

function toRun(row: Row): Run {
  return runOf(toJob(row), textOrNull(row, 'machine_uuid'));
}

/** The lasting record of a job that ended. */
export function runOf(job: Job, machineUuid: string | null): Run {
  const point = job.result?.kind === 'backup' ? job.result.point : null;
  return {
    id: job.id,
    kind: job.kind,
    title: job.title,
    machine:
      job.machine === null || machineUuid === null
        ? null
        : { uuid: machineUuid, name: job.machine.name },
    repository: job.repository,
    startedAt: job.startedAt ?? job.createdAt,
    outcome: job.state as Outcome, // only ended jobs are kept
    readBytes: point?.readBytes ?? job.progress?.readBytes ?? 0,
    storedBytes: point?.storedBytes ?? job.progress?.storedBytes ?? 0,
    point: point?.id ?? null,
    steps: job.steps,
  };
}
