/** How a plan stands, in one mark and a few words: what its machines have come to. Pure. */
import type { Protection } from '#contract/domain.ts';
import type { Plan } from '#contract/plans.ts';
import { t } from '../../text/catalogue.ts';
import type { IconName } from '../../ui/icons.ts';

export interface PlanMark {
  readonly tone: 'good' | 'warn' | 'bad' | 'none';
  readonly icon: IconName;
  readonly text: string;
}

/** The gravest first: one machine that fails is what a person must know of fifty. */
export function planMark(plan: Plan): PlanMark {
  if (plan.troubles.length > 0) {
    return { tone: 'bad', icon: 'failing', text: t('plan.state.trouble') };
  }
  if (plan.pause.kind === 'paused') {
    return { tone: 'none', icon: 'pause', text: t('plan.state.paused') };
  }
  const count = plan.members.length;
  if (count === 0) return { tone: 'none', icon: 'never', text: t('plan.state.no-machine') };
  const of = (protection: Protection) =>
    plan.members.filter((member) => member.protection === protection).length;
  const failing = of('failing');
  if (failing > 0) {
    const text = t('plan.state.failing', { some: failing, count });
    return { tone: 'bad', icon: 'failing', text };
  }
  const overdue = of('overdue');
  if (overdue > 0) {
    const text = t('plan.state.overdue', { some: overdue, count });
    return { tone: 'warn', icon: 'overdue', text };
  }
  const never = of('never') + of('not-planned');
  if (never > 0) {
    return { tone: 'none', icon: 'never', text: t('plan.state.never', { some: never, count }) };
  }
  return { tone: 'good', icon: 'protected', text: t('plan.state.all-protected', { count }) };
}

const toneOrder: readonly PlanMark['tone'][] = ['bad', 'warn', 'none', 'good'];

/** What needs a look first, then by name. */
export function inOrder(plans: readonly Plan[]): readonly Plan[] {
  const rank = (plan: Plan) => toneOrder.indexOf(planMark(plan).tone);
  return plans.toSorted(
    (a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }),
  );
}
