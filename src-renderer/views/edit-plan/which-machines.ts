/** Which machines a draft means now, by the same rule as the engine's own answer. Pure. */
import type { Machine, MachineId } from '#contract/domain.ts';
import type { PlanMachines } from '#contract/plans.ts';

/** The machines a rule may mean, whatever it leaves out. */
export function candidates(rule: PlanMachines, machines: readonly Machine[]): readonly Machine[] {
  return rule.kind === 'host' ? machines.filter(({ host }) => host.id === rule.host) : machines;
}

export function membersNow(rule: PlanMachines, machines: readonly Machine[]): readonly Machine[] {
  const may = candidates(rule, machines);
  if (rule.kind === 'chosen') {
    const chosen = new Set<MachineId>(rule.machines);
    return may.filter(({ id }) => chosen.has(id));
  }
  const out = new Set<MachineId>(rule.except);
  return may.filter(({ id }) => !out.has(id));
}
