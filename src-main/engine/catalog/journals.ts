import { AppError, type JsonValue } from '#contract/errors.ts';
import type { Clock } from '#engine/world/clock.ts';
import type { World } from '#engine/world/world.ts';
import { json, text, whole, type Row, type WritableDb } from './database.ts';

export interface JournalStep {
  readonly number: number; // from 1
  readonly at: number;
  readonly step: string;
  readonly data: JsonValue;
}

export interface Journal {
  readonly id: string;
  /** Which plan wrote it: "backup", "restore", … decides who reads it after a crash. */
  readonly kind: string;
  readonly data: JsonValue;
  readonly openedAt: number;
  readonly steps: readonly JournalStep[];
}

/**
 * What a plan that changes a machine or a host is about to do and has done. Every row is on the
 * disk before the call returns, so write the step first and do it then: after a crash an open
 * journal says how to finish or undo.
 */
export interface Journals {
  /** Returns the journal's id. */
  beginJournal(kind: string, data: JsonValue): string;
  /** @throws `not-found` when there is no open journal of this id. */
  addStep(journalId: string, step: string, data: JsonValue): void;
  /** Nothing is left to finish or undo. Closing twice is fine. */
  closeJournal(journalId: string): void;
  /** Those of plans that did not end, oldest first. */
  openJournals(): readonly Journal[];
}

/** Closed journals are kept this long for a look back; counted in journals. */
const maxClosedJournals = 200;
/** A plan with more steps than this runs away. */
const maxJournalSteps = 10_000;

/** `keepClosed` is how many closed ones stay; tests keep fewer. */
export function journalQueries(
  db: WritableDb,
  { clock, ids }: Pick<World, 'clock' | 'ids'>,
  keepClosed: number = maxClosedJournals,
): Journals {
  return {
    beginJournal: (kind, data) => {
      const id = ids.ulid();
      db.durably(() => {
        db.run(
          'INSERT INTO journals (id, kind, data, opened_at) VALUES (?, ?, ?, ?)',
          id,
          kind,
          JSON.stringify(data),
          clock.now(),
        );
      });
      return id;
    },
    addStep: (journalId, step, data) => {
      db.durably(() => {
        addStep(db, clock, journalId, step, data);
      });
    },
    closeJournal: (journalId) => {
      db.durably(() => {
        db.run(
          'UPDATE journals SET closed_at = ? WHERE id = ? AND closed_at IS NULL',
          clock.now(),
          journalId,
        );
        db.run(
          `DELETE FROM journals WHERE id IN (SELECT id FROM journals WHERE closed_at IS NOT NULL
            ORDER BY closed_at DESC, id DESC LIMIT -1 OFFSET ?)`,
          keepClosed,
        );
      });
    },
    openJournals: () =>
      db
        .all('SELECT * FROM journals WHERE closed_at IS NULL ORDER BY opened_at, id')
        .map((row) => toJournal(db, row)),
  };
}

function addStep(
  db: WritableDb,
  clock: Clock,
  journalId: string,
  step: string,
  data: JsonValue,
): void {
  const open = db.get('SELECT id FROM journals WHERE id = ? AND closed_at IS NULL', journalId);
  if (open === undefined) {
    throw new AppError('not-found', `There is no open journal ${journalId}.`, {
      journal: journalId,
    });
  }
  const last = db.get(
    'SELECT coalesce(max(number), 0) AS last FROM journal_steps WHERE journal = ?',
    journalId,
  );
  const number = whole(last ?? {}, 'last') + 1;
  if (number > maxJournalSteps) {
    throw new AppError(
      'internal',
      `The journal ${journalId} has more than ${maxJournalSteps} steps.`,
    );
  }
  db.run(
    'INSERT INTO journal_steps (journal, number, at, step, data) VALUES (?, ?, ?, ?, ?)',
    journalId,
    number,
    clock.now(),
    step,
    JSON.stringify(data),
  );
}

function toJournal(db: WritableDb, row: Row): Journal {
  const id = text(row, 'id');
  return {
    id,
    kind: text(row, 'kind'),
    data: json(row, 'data') as JsonValue,
    openedAt: whole(row, 'opened_at'),
    steps: db
      .all('SELECT number, at, step, data FROM journal_steps WHERE journal = ? ORDER BY number', id)
      .map((step) => ({
        number: whole(step, 'number'),
        at: whole(step, 'at'),
        step: text(step, 'step'),
        data: json(step, 'data') as JsonValue,
      })),
  };
}
