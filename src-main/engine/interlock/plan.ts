/** A plan as the engine holds it, and as a person is shown it: the second is made of the first. */
import { createHash } from 'node:crypto';
import type {
  ActionPlan,
  Alternative,
  MachineAction,
  PlanReason,
  PlanStep,
} from '#contract/actions.ts';
import type { MachineFacts } from './facts.ts';
import { commandOf, documentOf } from './step-words.ts';
import type { EngineStep } from './steps.ts';

/** What a planner answers. */
export interface EnginePlan extends Omit<
  ActionPlan,
  'steps' | 'commands' | 'documents' | 'fingerprint' | 'machine'
> {
  readonly steps: readonly EngineStep[];
  /** What happens later by itself because of it: the next backup's reading. */
  readonly afterwards: readonly PlanStep[];
  /** What the job says when all is done: "web-01 is back at before-upgrade and runs." */
  readonly done: string;
  /** Undoes the whole later with one action. */
  readonly undoAction: MachineAction | null;
}

/** The usual parts of a refusal; a planner adds alternatives where there are any. */
export function refusedPlan(
  words: Pick<EnginePlan, 'action' | 'title' | 'summary' | 'button'>,
  reasons: readonly PlanReason[],
  more: Partial<Pick<EnginePlan, 'alternatives' | 'checks' | 'storage'>> = {},
): EnginePlan {
  return {
    ...words,
    verdict: 'refused',
    reasons,
    alternatives: unique(more.alternatives ?? []),
    steps: [],
    afterwards: [],
    checks: more.checks ?? [],
    costs: { bytes: null, freeBytes: null, seconds: null, downtimeSeconds: null, rereads: [] },
    storage: more.storage ?? null,
    undo: 'Nothing was changed.',
    tier: 1,
    confirm: null,
    lost: [],
    stays: 'Everything stays as it is.',
    done: '',
    undoAction: null,
  };
}

/** Two reasons may lead to the same way out: the first words for it are kept. */
function unique(ways: readonly Alternative[]): readonly Alternative[] {
  const actions = ways.map(({ action }) => JSON.stringify(action));
  return ways.filter((_way, index) => actions.indexOf(actions[index] ?? '') === index);
}

/** The plan as it crosses the contract. */
export function showPlan({ id, name }: MachineFacts, plan: EnginePlan): ActionPlan {
  const { steps, afterwards, done: _done, undoAction: _undo, ...rest } = plan;
  const actions = steps.flatMap((step) => step.actions);
  return {
    ...rest,
    machine: { id, name },
    steps: [
      ...steps.map(({ title, detail, bytes, seconds, downtimeSeconds, undoWords }) => ({
        ...{ title, detail, bytes, seconds, downtimeSeconds },
        undo: undoWords,
        runs: true,
      })),
      ...afterwards,
    ],
    commands: actions.map((action) => commandOf(name, action)),
    documents: actions.flatMap((action) => documentOf(action) ?? []),
    fingerprint: fingerprintOf(plan),
  };
}

/** Equal for plans that do the same; made of what runs, not of its words. */
function fingerprintOf({ action, steps }: EnginePlan): string {
  const what = JSON.stringify([action, steps.map((step) => [step.actions, step.undo])]);
  return createHash('sha256').update(what).digest('hex').slice(0, 32);
}
