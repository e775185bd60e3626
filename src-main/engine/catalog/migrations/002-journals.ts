import type { Migration } from '../migrate.ts';

/** Journals of running plans: steps are only ever added. Never edited: a change is a new file. */
export const journals: Migration = {
  version: 2,
  what: 'journals',
  sql: `
    CREATE TABLE journals (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      data TEXT NOT NULL,
      opened_at INTEGER NOT NULL,
      closed_at INTEGER
    ) STRICT;
    CREATE INDEX journals_open ON journals (opened_at) WHERE closed_at IS NULL;

    CREATE TABLE journal_steps (
      journal TEXT NOT NULL REFERENCES journals (id) ON DELETE CASCADE,
      number INTEGER NOT NULL,
      at INTEGER NOT NULL,
      step TEXT NOT NULL,
      data TEXT NOT NULL,
      PRIMARY KEY (journal, number)
    ) STRICT;
    CREATE TRIGGER journal_steps_never_change BEFORE UPDATE ON journal_steps
    BEGIN
      SELECT RAISE(ABORT, 'a journal step never changes');
    END;
  `,
};
