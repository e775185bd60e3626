import type { Migration } from '../migrate.ts';

/** Hosts, repositories, points, runs and settings. Never edited: a change is a new file. */
export const nouns: Migration = {
  version: 1,
  what: 'nouns',
  sql: `
    CREATE TABLE settings (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT;

    CREATE TABLE hosts (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      uri TEXT NOT NULL,
      practice INTEGER NOT NULL CHECK (practice IN (0, 1))
    ) STRICT;

    CREATE TABLE repositories (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      path TEXT NOT NULL,
      encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
      block_size INTEGER NOT NULL CHECK (block_size > 0),
      key_storage TEXT NOT NULL,
      practice INTEGER NOT NULL CHECK (practice IN (0, 1)),
      recovery TEXT NOT NULL,
      verified TEXT
    ) STRICT;

    CREATE TABLE points (
      repository TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
      id TEXT NOT NULL,
      machine_uuid TEXT NOT NULL,
      machine_name TEXT NOT NULL,
      time INTEGER NOT NULL,
      size_bytes INTEGER NOT NULL,
      stored_bytes INTEGER NOT NULL,
      verified TEXT,
      damaged INTEGER NOT NULL CHECK (damaged IN (0, 1)),
      content TEXT NOT NULL,
      PRIMARY KEY (repository, id)
    ) STRICT;
    CREATE INDEX points_by_id ON points (id);
    -- Both hold all that the sums need, so that the long rows stay unread.
    CREATE INDEX points_by_machine ON points
      (machine_uuid, time, id, repository, stored_bytes, machine_name);
    CREATE INDEX points_by_repository ON points (repository, machine_uuid, size_bytes);
    CREATE INDEX points_by_time ON points (time, machine_uuid);

    CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      machine_uuid TEXT,
      started_at INTEGER NOT NULL,
      outcome TEXT NOT NULL,
      job TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_start ON runs (started_at, id);
    CREATE INDEX runs_by_machine ON runs (machine_uuid, outcome, started_at);
  `,
};
