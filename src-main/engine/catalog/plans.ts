import type { MachineId } from '#contract/domain.ts';
import type { Pause, PlanDraft, PlanId } from '#contract/plans.ts';
import { json, text, whole, wholeOrNull, type Row, type WritableDb } from './database.ts';

export interface PlanRecord {
  readonly id: PlanId;
  readonly draft: PlanDraft;
  readonly createdAt: number;
  /** The next time that nobody has claimed yet, epoch ms; null without a calendar. */
  readonly nextDue: number | null;
  readonly pause: Pause;
  /** Since when; null while it is not paused. */
  readonly pausedAt: number | null;
  readonly removedAt: number | null;
}

/** A machine a plan means or has meant. */
export interface KnownMember {
  readonly uuid: string;
  /** Where it was seen last. */
  readonly id: MachineId;
  readonly name: string;
  /** When a person was told that it is overdue; null: not since its last good point. */
  readonly toldOverdueAt: number | null;
}

/** What a person planned, and when each plan is next due: the truth that timers are a cache of. */
export interface Plans {
  /** By name; those that were removed are not among them. */
  list(): readonly PlanRecord[];
  /** Also one that was removed. */
  get(id: PlanId): PlanRecord | null;
  insert(plan: Pick<PlanRecord, 'id' | 'draft' | 'createdAt' | 'nextDue'>): void;
  change(id: PlanId, draft: PlanDraft, nextDue: number | null): void;
  setNextDue(id: PlanId, nextDue: number | null): void;
  /** `at` null: not paused any more; `until` null: until a person resumes it. */
  setPause(id: PlanId, at: number | null, until: number | null): void;
  setRemoved(id: PlanId, at: number | null): void;
  /** By name, of one plan. */
  members(id: PlanId): readonly KnownMember[];
  /** Keeps id and name as they are now. */
  remember(id: PlanId, members: readonly Pick<KnownMember, 'uuid' | 'id' | 'name'>[]): void;
  forget(id: PlanId, machineUuid: string): void;
  setToldOverdue(id: PlanId, machineUuid: string, at: number | null): void;
}

export function planQueries(db: WritableDb): Plans {
  return {
    list: () =>
      db
        .all('SELECT * FROM plans WHERE removed_at IS NULL')
        .map(toPlan)
        .sort((a, b) => a.draft.name.localeCompare(b.draft.name) || (a.id < b.id ? -1 : 1)),
    get: (id) => {
      const row = db.get('SELECT * FROM plans WHERE id = ?', id);
      return row === undefined ? null : toPlan(row);
    },
    insert: ({ id, draft, createdAt, nextDue }) => {
      db.run(
        'INSERT INTO plans (id, draft, created_at, next_due) VALUES (?, ?, ?, ?)',
        id,
        JSON.stringify(draft),
        createdAt,
        nextDue,
      );
    },
    change: (id, draft, nextDue) => {
      const sql = 'UPDATE plans SET draft = ?, next_due = ? WHERE id = ?';
      db.run(sql, JSON.stringify(draft), nextDue, id);
    },
    setNextDue: (id, nextDue) => {
      db.run('UPDATE plans SET next_due = ? WHERE id = ?', nextDue, id);
    },
    setPause: (id, at, until) => {
      db.run('UPDATE plans SET paused_at = ?, paused_until = ? WHERE id = ?', at, until, id);
    },
    setRemoved: (id, at) => {
      db.run('UPDATE plans SET removed_at = ? WHERE id = ?', at, id);
    },
    ...memberQueries(db),
  };
}

function memberQueries(
  db: WritableDb,
): Pick<Plans, 'members' | 'remember' | 'forget' | 'setToldOverdue'> {
  return {
    members: (id) =>
      db
        .all('SELECT * FROM plan_members WHERE plan = ? ORDER BY name, machine_uuid', id)
        .map((row) => ({
          uuid: text(row, 'machine_uuid'),
          id: text(row, 'machine') as MachineId,
          name: text(row, 'name'),
          toldOverdueAt: wholeOrNull(row, 'told_overdue_at'),
        })),
    remember: (id, members) => {
      db.transaction(() => {
        for (const member of members) {
          db.run(
            `INSERT INTO plan_members (plan, machine_uuid, machine, name) VALUES (?, ?, ?, ?)
              ON CONFLICT (plan, machine_uuid)
              DO UPDATE SET machine = excluded.machine, name = excluded.name
              WHERE machine <> excluded.machine OR name <> excluded.name`,
            id,
            member.uuid,
            member.id,
            member.name,
          );
        }
      });
    },
    forget: (id, uuid) => {
      db.run('DELETE FROM plan_members WHERE plan = ? AND machine_uuid = ?', id, uuid);
    },
    setToldOverdue: (id, uuid, at) => {
      db.run(
        'UPDATE plan_members SET told_overdue_at = ? WHERE plan = ? AND machine_uuid = ?',
        at,
        id,
        uuid,
      );
    },
  };
}

function toPlan(row: Row): PlanRecord {
  const pausedAt = wholeOrNull(row, 'paused_at');
  return {
    id: text(row, 'id') as PlanId,
    draft: json(row, 'draft') as PlanDraft,
    createdAt: whole(row, 'created_at'),
    nextDue: wholeOrNull(row, 'next_due'),
    pause:
      pausedAt === null
        ? { kind: 'no' }
        : { kind: 'paused', until: wholeOrNull(row, 'paused_until') },
    pausedAt,
    removedAt: wholeOrNull(row, 'removed_at'),
  };
}
