/** What a person hears of when a planned run ends: failures always, success only when asked. */
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { ScheduleParts } from './parts.ts';

export function tellEnd(parts: ScheduleParts, run: PlanRunRecord): void {
  const { machine, plan, repository, state } = run;
  const about = { plan: plan.id, machine: machine.id };
  if (state.kind === 'failed') {
    const title = `${machine.name} was not backed up`;
    const advice = state.error.data['advice'];
    const more = typeof advice === 'string' ? ` ${advice}` : '';
    const body = `Plan ${plan.name}: ${state.error.message}${more}`;
    parts.onNews({ ...about, kind: 'failed', title, body });
    return;
  }
  if (state.kind !== 'done' && state.kind !== 'problems') return;
  if (parts.catalog.plans.get(plan.id)?.draft.notify.success !== true) return;
  const problems = state.kind === 'problems' ? ` with problems: ${state.problems.join(' ')}` : '.';
  parts.onNews({
    ...about,
    kind: 'done',
    title: `${machine.name} was backed up`,
    body: `Plan ${plan.name}: a restore point was made in ${repository.name}${problems}`,
  });
}
