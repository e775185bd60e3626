import type { Migration } from '../migrate.ts';

/** Plans, the machines each has meant, and every run. Never edited: a change is a new file. */
export const plans: Migration = {
  version: 4,
  what: 'plans',
  sql: `
    CREATE TABLE plans (
      id TEXT PRIMARY KEY,
      draft TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      next_due INTEGER,
      paused_at INTEGER,
      paused_until INTEGER,
      removed_at INTEGER
    ) STRICT;

    -- By uuid, so that one that is on no host any more, or on a host that is away, has its name.
    CREATE TABLE plan_members (
      plan TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
      machine_uuid TEXT NOT NULL,
      machine TEXT NOT NULL,
      name TEXT NOT NULL,
      told_overdue_at INTEGER,
      PRIMARY KEY (plan, machine_uuid)
    ) STRICT;
    CREATE INDEX plan_members_by_machine ON plan_members (machine_uuid);

    CREATE TABLE plan_runs (
      id TEXT PRIMARY KEY,
      plan TEXT NOT NULL,
      plan_name TEXT NOT NULL,
      machine TEXT,
      machine_uuid TEXT NOT NULL,
      machine_name TEXT NOT NULL,
      repository TEXT NOT NULL,
      repository_name TEXT NOT NULL,
      cause TEXT NOT NULL,
      due INTEGER NOT NULL,
      -- How many planned times this row tells of: more than one only where many were missed.
      times INTEGER NOT NULL DEFAULT 1 CHECK (times > 0),
      started_at INTEGER,
      kind TEXT NOT NULL,
      state TEXT NOT NULL,
      -- A person said that no condition is to be waited for.
      forced INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1)),
      -- When the run began that this one goes on from after it was cut off.
      continues_from INTEGER,
      job TEXT,
      point TEXT,
      log TEXT NOT NULL
    ) STRICT;
    -- One planned time of one machine to one repository is claimed once, whoever looks.
    CREATE UNIQUE INDEX plan_runs_once ON plan_runs (plan, due, machine_uuid, repository)
      WHERE cause IN ('schedule', 'catch-up');
    CREATE INDEX plan_runs_by_plan ON plan_runs (plan, due, id);
    CREATE INDEX plan_runs_by_due ON plan_runs (due, id);
    CREATE INDEX plan_runs_by_machine ON plan_runs (machine_uuid, due, id);
    -- What began, and what came of it, among many that were missed or skipped.
    CREATE INDEX plan_runs_began ON plan_runs (plan, due, id) WHERE started_at IS NOT NULL;
    CREATE INDEX plan_runs_ended ON plan_runs (machine_uuid, plan, repository, due, id)
      WHERE kind IN ('done', 'problems', 'failed', 'cancelled');
    CREATE INDEX plan_runs_open ON plan_runs (kind) WHERE kind IN ('waiting', 'running');
  `,
};
