/**
 * Plans undoing the newest revert: back to the point that it kept, and that point is deleted, so
 * that the machine and its snapshots are as they were before it.
 *
 *   the undo point                    answer
 *   is gone, or no revert was kept    refused
 *   is there                          back to it (as plan-revert.ts does, keeping nothing), then it
 *                                     is deleted and the revert is forgotten
 *   other snapshots were taken since  the same, but it stays: they stand on it
 *
 * What the machine did since the revert is lost; how long ago that was is said.
 */
import type { MachineAction } from '#contract/actions.ts';
import { isActive, type MachineFacts, type SnapshotFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import { commonRefusals, findSnapshot } from './blockers.ts';
import { cannotBeUndone, planOf, step, type PlanWords } from './draft.ts';
import { ImageLines } from './image-lines.ts';
import { goBackWithoutKeeping, revertRefusals } from './plan-revert.ts';
import { managedSaveDropped } from './managed-save.ts';
import { removeCheckpoints } from './remove-checkpoints.ts';
import { targetOf } from './revert-target.ts';
import { dropSnapshot } from './take-snapshot.ts';
import { whatStays } from './words.ts';

export type UndoAction = Extract<MachineAction, { kind: 'revert-undo' }>;

export function planRevertUndo(facts: MachineFacts, action: UndoAction): EnginePlan {
  const { undoable, name } = facts;
  const words: PlanWords = {
    action,
    title: undoable === null ? 'Undo the revert' : `Undo the revert to ${undoable.to}`,
    summary: `Back to where ${name} was before it`,
    button: 'Undo the revert',
  };
  const common = commonRefusals(facts);
  const kept = undoable === null ? null : findSnapshot(facts, undoable.kept);
  if (undoable === null || kept === null || kept.storage === 'mixed') {
    const detail = 'No revert was kept, or the snapshot that kept it was deleted.';
    const nothing = { id: 'nothing-to-undo', title: 'There is nothing to undo', detail };
    return refusedPlan(words, [...common, nothing]);
  }
  // Without its memory it is off when libvirt has gone back, though it may have been on.
  const target = targetOf(kept, kept.storage, 'as-taken');
  const removal = removeCheckpoints(facts, target.storage);
  const refusals = [...common, ...revertRefusals(facts, target), ...removal.refusals];
  if (refusals.length > 0) return refusedPlan(words, refusals);
  const going = goBackWithoutKeeping(facts, target, false);
  if (going.refusals.length > 0) return refusedPlan(words, going.refusals);
  const saved = managedSaveDropped(facts);
  return planOf(facts, {
    words,
    reasons: removal.reasons,
    steps: [...removal.steps, ...saved.steps, ...going.steps, forgetStep(facts, kept)],
    afterwards: removal.afterwards,
    checks: [...removal.checks, ...saved.checks],
    rereads: removal.rereads,
    undo: 'It cannot be undone: going to the snapshot again is another revert.',
    tier: 2,
    lost: [
      `Everything ${name} did since it went back to ${undoable.to}`,
      ...(isActive(facts) ? ['What it has in memory now'] : []),
      ...saved.lost,
    ],
    stays: whatStays(facts, isStoodOn(facts, kept) ? 0 : 1),
    done: `${name} is where it was before it went back to ${undoable.to}.`,
  });
}

/** Other snapshots came after it, or images stand on what it froze. */
function isStoodOn(facts: MachineFacts, { record, frozen }: SnapshotFacts): boolean {
  const lines = new ImageLines(facts);
  const others = facts.snapshots.filter((other) => other.record.name !== record.name);
  const kept = new Set(others.flatMap((other) => other.frozen.map(({ path }) => path)));
  return (
    others.some((other) => other.record.parent === record.name) ||
    frozen.some(({ path }) => {
      const shared = facts.shared.some((one) => one.path === path);
      return shared || kept.has(path) || lines.neededOn(path).length > 0;
    })
  );
}

function forgetStep(facts: MachineFacts, kept: SnapshotFacts): EngineStep {
  const { name } = kept.record;
  const stays = isStoodOn(facts, kept);
  const forget: StepAction = { do: 'forget-revert', kept: name };
  return step({
    title: stays ? 'Forget the revert' : 'Delete the point that kept it',
    detail: stays ? `${name} stays: other snapshots stand on it` : name,
    actions: stays
      ? [forget]
      : [...dropSnapshot(facts, name, kept.memoryFile?.path ?? null), forget],
    undo: null,
    undoWords: cannotBeUndone,
  });
}
