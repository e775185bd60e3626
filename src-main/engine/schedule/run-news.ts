/**
 * What a person hears of when a planned run ends: failures always, problems once until a run of
 * the same machine to the same repository ends well, success only when asked.
 */
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { ScheduleParts } from './parts.ts';

/** Rows looked through for the run before; where it is not among them, problems are told again. */
const maxLookedThrough = 100;

export function tellEnd(parts: ScheduleParts, run: PlanRunRecord): void {
  const { machine, plan, repository, state, point } = run;
  const about = { plan: plan.id, machine: machine.id };
  if (state.kind === 'failed') {
    // Damaged points do not count as made; one that was whole when it was cut off does.
    const made = point !== null && state.error.code === 'plan-run-cut-off';
    const title = made
      ? `The planned run of ${machine.name} was cut off`
      : `${machine.name} was not backed up`;
    const advice = state.error.data['advice'];
    const more = typeof advice === 'string' ? ` ${advice}` : '';
    const body = `Plan ${plan.name}: ${state.error.message}${more}`;
    parts.onNews({ ...about, kind: 'failed', title, body });
    return;
  }
  if (state.kind !== 'done' && state.kind !== 'problems') return;
  const problems = state.kind === 'problems' ? state.problems : [];
  const all = parts.catalog.plans.get(plan.id)?.draft.notify.success === true;
  if (!all && (problems.length === 0 || hadProblems(parts, run))) return;
  const made = `a restore point was made in ${repository.name}.`;
  parts.onNews({
    ...about,
    kind: 'done',
    title: `${machine.name} was backed up${problems.length === 0 ? '' : ', with problems'}`,
    body: [`Plan ${plan.name}: ${made}`, ...problems].join(' '),
  });
}

/** Whether the run before it that made a restore point had problems too, and was told of. */
function hadProblems({ catalog }: ScheduleParts, run: PlanRunRecord): boolean {
  const { plan, machine, repository } = run;
  const wanted = { plan: plan.id, machineUuid: machine.uuid, before: null };
  const before = catalog.planRuns
    .list({ ...wanted, limit: maxLookedThrough })
    .filter((other) => other.repository.id === repository.id && other.id !== run.id)
    .find(({ state: { kind } }) => kind === 'done' || kind === 'problems');
  return before?.state.kind === 'problems';
}
