import type { Migration } from '../migrate.ts';

/** Where machines went back to, and what keeps where they were. A change is a new file. */
export const reverts: Migration = {
  version: 3,
  what: 'reverts',
  sql: `
    CREATE TABLE reverts (
      job TEXT PRIMARY KEY,
      machine_uuid TEXT NOT NULL,
      time INTEGER NOT NULL,
      snapshot TEXT NOT NULL,
      kept TEXT,
      lost_since INTEGER
    ) STRICT;
    CREATE INDEX reverts_by_machine ON reverts (machine_uuid, time);
  `,
};
