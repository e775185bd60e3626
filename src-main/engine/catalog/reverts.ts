import type { JobId } from '#contract/domain.ts';
import type { Revert } from '#contract/moments.ts';
import { text, textOrNull, whole, type Row, type WritableDb } from './database.ts';

/** The reverts Waymark ran, so that one can be undone and its loss be said. */
export interface Reverts {
  /** Once a job: noting it again after a crash changes nothing. */
  note(machineUuid: string, revert: Revert): void;
  /** The undo point is gone or was used: nothing is kept of that revert any more. */
  forget(machineUuid: string, kept: string): void;
  /** Those to this snapshot that kept nothing, noted then or later: they were taken back. */
  unnote(machineUuid: string, to: string, since: number): void;
  /** Newest first. */
  ofMachine(machineUuid: string): readonly Revert[];
}

/** Reverts of one machine kept beyond this are history nobody draws. */
const maxReverts = 200;

export function revertQueries(db: WritableDb, keep: number = maxReverts): Reverts {
  return {
    note: (uuid, { job, time, to, kept, lostSince }) => {
      db.transaction(() => {
        db.run(
          `INSERT OR IGNORE INTO reverts (job, machine_uuid, time, snapshot, kept, lost_since)
            VALUES (?, ?, ?, ?, ?, ?)`,
          ...[job, uuid, time, to, kept, lostSince],
        );
        db.run(
          `DELETE FROM reverts WHERE machine_uuid = ? AND job NOT IN (SELECT job FROM reverts
            WHERE machine_uuid = ? ORDER BY time DESC, job DESC LIMIT ?)`,
          ...[uuid, uuid, keep],
        );
      });
    },
    forget: (uuid, kept) => {
      db.run('DELETE FROM reverts WHERE machine_uuid = ? AND kept = ?', uuid, kept);
    },
    unnote: (uuid, to, since) => {
      db.run(
        `DELETE FROM reverts WHERE machine_uuid = ? AND snapshot = ? AND kept IS NULL
          AND time >= ?`,
        ...[uuid, to, since],
      );
    },
    ofMachine: (uuid) =>
      db
        .all('SELECT * FROM reverts WHERE machine_uuid = ? ORDER BY time DESC, job DESC', uuid)
        .map(toRevert),
  };
}

function toRevert(row: Row): Revert {
  return {
    job: text(row, 'job') as JobId,
    time: whole(row, 'time'),
    to: text(row, 'snapshot'),
    kept: textOrNull(row, 'kept'),
    lostSince: row['lost_since'] === null ? null : whole(row, 'lost_since'),
  };
}
