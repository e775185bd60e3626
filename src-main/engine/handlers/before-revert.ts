/**
 * A backup before a machine goes back, where a plan asks for one: told in the plan of the revert,
 * and made before its job takes its place.
 */
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import type { Check, MachineId } from '#contract/domain.ts';
import { AppError, type ErrorData } from '#contract/errors.ts';
import type { PlanRun } from '#contract/plans.ts';
import type { JobSpec } from '#engine/jobs/job-types.ts';
import type { Schedule } from './plans.ts';

type Asked = Pick<Schedule, 'scheduler'>;

/** Names of the plans that ask for it; a paused one does not. */
function plansBefore({ scheduler }: Asked, machine: MachineId): readonly string[] {
  return scheduler.knowledge
    .plans()
    .filter(({ record, members }) => {
      const { draft, pause } = record;
      if (!draft.triggers.beforeRevert || pause.kind === 'paused') return false;
      return members.here.some(({ id }) => id === machine);
    })
    .map(({ record }) => record.draft.name);
}

/** What is said of it beside the other checks; nothing where no plan asks for it. */
export function backupFirst(
  schedule: Asked,
  machine: MachineId,
  action: MachineAction,
): readonly Check[] {
  if (action.kind !== 'snapshot-revert') return [];
  const names = plansBefore(schedule, machine);
  if (names.length === 0) return [];
  return [
    {
      id: 'backup-first',
      level: 'ok',
      title: 'A backup runs first',
      detail:
        `The plan ${names.join(' and ')} asks for it, unless the newest restore point is new ` +
        'enough for it. The machine goes back when the backup is done, and not if it fails.',
    },
  ];
}

export interface BackupBefore {
  /** What the job of the revert waits for. */
  readonly after: NonNullable<JobSpec['after']>;
  /** Whether one was made: its checkpoint changes the steps of the revert. */
  readonly wasMade: () => boolean;
}

/** Null where no plan asks for it. */
export function backupBefore(
  schedule: Asked,
  machine: MachineId,
  action: MachineAction,
): BackupBefore | null {
  if (backupFirst(schedule, machine, action).length === 0) return null;
  let made = false;
  return {
    wasMade: () => made,
    after: {
      words: 'Waits for the backup before it',
      run: async (signal) => {
        const runs = await unlessAborted(schedule.scheduler.beforeRevert(machine), signal);
        for (const run of runs) refuseWithout(run);
        made = runs.length > 0;
      },
    },
  };
}

/** The backup that was begun goes on by itself; nobody waits for it any more. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
    work.then(resolve, reject);
  });
}

/** @throws `refused` unless the run made a restore point. */
function refuseWithout({ state, plan }: PlanRun): void {
  if (state.kind === 'done' || state.kind === 'problems') return;
  const why = whyNot(state);
  throw new AppError('refused', `The backup before it was not made: ${why}`, {
    reasons: [why],
    unharmed: 'The machine was not touched.',
    advice: `To go back without a backup, pause the plan ${plan.name} first.`,
  } satisfies ErrorData);
}

function whyNot(state: PlanRun['state']): string {
  switch (state.kind) {
    case 'failed':
      return state.error.message;
    case 'skipped':
    case 'missed':
    case 'waiting':
      return state.words;
    case 'cancelled':
      return 'it was cancelled.';
    case 'running':
    case 'done':
    case 'problems':
      return 'it did not come to its end.';
  }
}

/**
 * Whether a plan that was made after our own backup asks for no more than the one a person agreed
 * to. Its steps may differ by the checkpoint that the backup set, and by nothing a person decides.
 */
export function sameDecision(agreed: ActionPlan, now: ActionPlan): boolean {
  const decided = ({ title, verdict, tier, confirm, lost, undo }: ActionPlan) =>
    JSON.stringify([title, verdict, tier, confirm, lost, undo]);
  return decided(agreed) === decided(now);
}
