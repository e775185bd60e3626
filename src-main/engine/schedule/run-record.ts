/** Making the record of a planned run, and what each kind of end looks like. Pure. */
import type { MachineId, Named, RepositoryId } from '#contract/domain.ts';
import type { Cause, PlanRunId, PlanRunState, PlanRunStep } from '#contract/plans.ts';
import { AppError, type WireError } from '#contract/errors.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { KeptPlan } from './conditions.ts';
import { momentWords } from './time-words.ts';

export interface RunWish {
  readonly plan: KeptPlan;
  readonly machine: { readonly id: MachineId | null; readonly uuid: string; readonly name: string };
  readonly repository: Named<RepositoryId>;
  readonly cause: Cause;
  readonly due: number;
  readonly state: PlanRunState;
  readonly times?: number;
  readonly forced?: boolean;
  readonly continuesFrom?: number | null;
  readonly log?: readonly string[];
}

export function newRun(id: PlanRunId, wish: RunWish): PlanRunRecord {
  const { plan, machine, repository, cause, due, state } = wish;
  return {
    id,
    plan: { id: plan.id, name: plan.name },
    machine: { id: machine.id, uuid: machine.uuid, name: machine.name },
    repository: { id: repository.id, name: repository.name },
    cause,
    due,
    times: wish.times ?? 1,
    startedAt: null,
    state,
    forced: wish.forced ?? false,
    continuesFrom: wish.continuesFrom ?? null,
    job: null,
    point: null,
    log: wish.log ?? [],
  };
}

export function isOpen({ state }: Pick<PlanRunRecord, 'state'>): boolean {
  return state.kind === 'waiting' || state.kind === 'running';
}

const stepWords: Readonly<Record<PlanRunStep, string>> = {
  before: 'before the backup began',
  backup: 'during the backup',
  verify: 'while the restore point was checked',
  after: 'after the backup',
  keep: 'while old restore points were removed',
};

/** "during the backup" */
export function whileWords(step: PlanRunStep): string {
  return stepWords[step];
}

export function cutOffError(step: PlanRunStep, more: string): WireError {
  return new AppError('plan-run-cut-off', `Waymark was ended ${whileWords(step)}. ${more}`, {
    unharmed: 'Every earlier restore point is untouched, and what was stored is used again.',
    advice: 'Run the plan again, or wait for its next time.',
  }).toJSON();
}

/** What was waited for so far is told when the next time takes its place. */
export function replacedWords(run: PlanRunRecord, by: Cause, zone: string): string {
  const waited = run.state.kind === 'waiting' ? ` It had waited: ${run.state.words}` : '';
  const next =
    by === 'manual' ? 'A person began a run instead.' : 'The next time came before it could begin.';
  return `${next}${waited === '' ? '' : waited} Meant for ${momentWords(run.due, zone)}.`;
}
