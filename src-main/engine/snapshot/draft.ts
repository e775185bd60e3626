/** Puts plans together from their parts, so that every planner answers in the same shape. */
import type { MachineAction, PlanReason, PlanStep } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import type { EngineStep } from '#engine/interlock/steps.ts';

/** How a plan is called, whatever it answers. */
export type PlanWords = Pick<EnginePlan, 'action' | 'title' | 'summary' | 'button'>;

export interface Draft {
  readonly words: PlanWords;
  /** What has to be done first; empty when nothing stands in the way. */
  readonly reasons: readonly PlanReason[];
  readonly steps: readonly EngineStep[];
  readonly afterwards?: readonly PlanStep[];
  readonly checks: readonly Check[];
  readonly alternatives?: EnginePlan['alternatives'];
  /** More alternatives, where a check forbids it. */
  readonly waysOut?: EnginePlan['alternatives'];
  readonly storage?: EnginePlan['storage'];
  readonly rereads?: readonly string[];
  readonly freeBytes?: number | null;
  readonly undo: string;
  readonly undoAction?: MachineAction | null;
  readonly tier: EnginePlan['tier'];
  readonly lost?: readonly string[];
  readonly stays: string;
  readonly done: string;
}

/** The plan; a refusal when one of its checks is a blocker. */
export function planOf({ name }: MachineFacts, draft: Draft): EnginePlan {
  const { words, reasons, steps, checks } = draft;
  const blockers = checks.filter(({ level }) => level === 'blocker');
  const storage = draft.storage ?? null;
  const alternatives = draft.alternatives ?? [];
  if (blockers.length > 0) {
    const why = blockers.map(({ id, title, detail }) => ({ id, title, detail }));
    const ways = [...(draft.waysOut ?? []), ...alternatives];
    return refusedPlan(words, why, { alternatives: ways, checks, storage });
  }
  return {
    ...words,
    verdict: reasons.length === 0 ? 'allowed' : 'allowed-after',
    reasons,
    alternatives,
    steps: fromNoReturnOn(steps),
    afterwards: draft.afterwards ?? [],
    checks,
    costs: {
      bytes: sumOf(steps.map(({ bytes }) => bytes)),
      freeBytes: draft.freeBytes ?? null,
      seconds: sumOf(steps.map(({ seconds }) => seconds)),
      downtimeSeconds: steps.reduce((sum, step) => sum + step.downtimeSeconds, 0),
      rereads: draft.rereads ?? [],
    },
    storage,
    undo: draft.undo,
    tier: draft.tier,
    confirm: draft.tier === 3 ? name : null,
    lost: draft.lost ?? [],
    stays: draft.stays,
    done: draft.done,
    undoAction: draft.undoAction ?? null,
  };
}

/** After a step that cannot be taken back no later one needs to be. */
function fromNoReturnOn(steps: readonly EngineStep[]): readonly EngineStep[] {
  const first = steps.findIndex(({ undo }) => undo === null);
  if (first === -1) return steps;
  return steps.map((step, index) =>
    index <= first ? step : { ...step, undo: null, undoWords: cannotBeUndone },
  );
}

export const cannotBeUndone = 'Cannot be undone';
export const notNeeded = 'Not needed';

function sumOf(parts: readonly (number | null)[]): number | null {
  return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0);
}

type StepParts = Pick<EngineStep, 'title' | 'actions' | 'undo' | 'undoWords'> & Partial<EngineStep>;

/** A step; what is not said of its cost is nothing. */
export function step(parts: StepParts): EngineStep {
  return { detail: '', bytes: 0, seconds: 0, downtimeSeconds: 0, ...parts };
}

export function check(id: string, level: Check['level'], title: string, detail: string): Check {
  return { id, level, title, detail };
}
