/** Drafts of plans for tests: each says only what it is about. */
import type { MachineId, RepositoryId } from '#contract/domain.ts';
import type { PlanDraft } from '#contract/plans.ts';

export function planDraft(
  machine: MachineId | null,
  repository: RepositoryId,
  more: Partial<PlanDraft> = {},
): PlanDraft {
  return {
    name: 'Nightly',
    machines:
      machine === null ? { kind: 'all', except: [] } : { kind: 'chosen', machines: [machine] },
    exclude: [],
    calendar: { kind: 'daily', at: ['03:00'] },
    zone: 'Europe/Berlin',
    catchUp: true,
    triggers: {
      changedBytes: null,
      shutdown: false,
      beforeRevert: false,
      shortestIntervalSeconds: 0,
    },
    conditions: { notOnBattery: false, notMetered: false, window: null, busyBytesPerSecond: null },
    repositories: [repository],
    keep: null,
    verify: 'nothing',
    hooks: { before: null, after: null },
    limits: { machinesAtOnce: 2, bytesPerSecond: null },
    notify: { success: false, overdueAfterSeconds: 3 * 86_400 },
    ...more,
  };
}
