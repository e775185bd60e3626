/** What every pretend planner looks at and answers with; see demo-plans.ts. */
import type { ActionPlan, MachineAction, PlanReason, PlanStep } from '#contract/actions.ts';
import type { Machine } from '#contract/domain.ts';
import type { Finding } from '#contract/moments.ts';
import { gib } from './demo-machines.ts';
import type { Story } from './demo-story.ts';

/** What a pretend planner looks at. */
export interface DemoFacts {
  readonly machine: Machine;
  readonly story: Story;
  readonly now: number;
  readonly findings: readonly Finding[];
  /** Title of the job that works on it, or of the change that waits for a person. */
  readonly busy: string | null;
  readonly unfinished: string | null;
}

/** One kind of action. */
export type Of<Kind extends MachineAction['kind']> = Extract<MachineAction, { kind: Kind }>;
export type Draft = Omit<ActionPlan, 'fingerprint'>;

const freeBytes = 212 * gib;
const instant = { bytes: 0, seconds: 0, downtimeSeconds: 0, runs: true, detail: '' } as const;

export function stepOf(title: string, undo: string, more: Partial<PlanStep> = {}): PlanStep {
  return { ...instant, title, undo, ...more };
}

function costsOf(steps: readonly PlanStep[], rereads: readonly string[]): ActionPlan['costs'] {
  const sum = (of: (step: PlanStep) => number | null): number =>
    steps.filter(({ runs }) => runs).reduce((all, step) => all + (of(step) ?? 0), 0);
  return {
    bytes: sum((step) => step.bytes),
    freeBytes,
    seconds: sum((step) => step.seconds),
    downtimeSeconds: sum((step) => step.downtimeSeconds),
    rereads,
  };
}

/** What a plan is called. */
type Words = Pick<Draft, 'title' | 'summary' | 'button'>;
export type More = Partial<Omit<Draft, 'machine' | 'action' | 'title' | 'summary' | 'button'>>;

/** A plan without its fingerprint; what is not said is harmless and free. */
export function draft(facts: DemoFacts, action: MachineAction, words: Words, more: More): Draft {
  const { id, name } = facts.machine;
  const steps = more.steps ?? [];
  const refused = more.verdict === 'refused';
  return {
    machine: { id, name },
    action,
    ...words,
    verdict: (more.reasons ?? []).length > 0 ? 'allowed-after' : 'allowed',
    reasons: [],
    alternatives: [],
    steps,
    checks: [],
    costs: costsOf(steps, more.costs?.rereads ?? []),
    storage: null,
    undo: refused ? 'Nothing was changed.' : 'It cannot be undone.',
    tier: 1,
    confirm: null,
    lost: [],
    stays: 'Everything stays as it is.',
    commands: [],
    documents: [],
    ...more,
  };
}

/** The parts of a plan that says no. */
export function refusal(reason: PlanReason, more: More = {}): More {
  return { verdict: 'refused', reasons: [reason], steps: [], ...more };
}
