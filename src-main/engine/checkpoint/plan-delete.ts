/**
 * Plans the deletion of checkpoints. Pure. Any order is right: each bitmap records on its own, and
 * deleting one merges nothing (facts C12). Another program's checkpoint goes only when it was named
 * and ticked one by one.
 */
import type { MachineAction, PlanReason } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import type { CheckpointFacts, MachineFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import type { EngineStep } from '#engine/interlock/steps.ts';
import { consentTo, moment, rereadsAfter, rereadStep } from '#engine/interlock/rereads.ts';
import { reasonsToWait } from '#engine/interlock/reasons-to-wait.ts';
import { removalOf, type Removal } from '#engine/interlock/checkpoint-removal.ts';
import { stableId } from '#engine/interlock/stable-id.ts';

export type CheckpointDelete = Extract<MachineAction, { kind: 'checkpoint-delete' }>;

export function planCheckpointDelete(facts: MachineFacts, action: CheckpointDelete): EnginePlan {
  const names = [...new Set(action.names)];
  const some =
    names.length === 1 ? `the checkpoint ${names[0] ?? ''}` : `${names.length} checkpoints`;
  const words = {
    action,
    title: `Delete ${some} of ${facts.name}`,
    summary:
      'QEMU stops recording what changes since then. Disks, snapshots and restore points stay.',
    button: names.length === 1 ? 'Delete checkpoint' : `Delete ${names.length} checkpoints`,
  };
  // Children before their parents: the fewest records are rewritten.
  const doomed = facts.checkpoints.filter(({ name }) => names.includes(name)).toReversed();
  const removals = doomed.map((checkpoint) => removalOf(facts, checkpoint));
  const reasons = [
    ...reasonsToWait(facts),
    ...notFound(facts, names),
    ...onceEach(removals.flatMap((one) => (one.kind === 'impossible' ? [one.reason] : []))),
  ];
  const checks = doomed.flatMap((checkpoint) => checkOf(checkpoint) ?? []);
  if (reasons.length > 0) return refusedPlan(words, reasons, { checks });
  const rereads = rereadsAfter(doomed);
  return {
    ...words,
    verdict: 'allowed',
    reasons: [],
    alternatives: [],
    steps: doomed.map((checkpoint, at) => stepOf(checkpoint, removals[at])),
    afterwards: rereads.map((repository) => rereadStep(facts, repository)),
    checks,
    costs: { bytes: 0, freeBytes: null, seconds: doomed.length, downtimeSeconds: 0, rereads },
    storage: null,
    undo: 'It cannot be undone. Nothing that was backed up is lost.',
    tier: 2,
    confirm: null,
    lost: doomed.map(
      ({ name, time }) => `What changed since ${name} (${moment(time)}) is forgotten.`,
    ),
    stays: `${facts.name}, its disks, its snapshots and every restore point stay as they are.`,
    done:
      names.length === 1
        ? 'The checkpoint is deleted.'
        : `${names.length} checkpoints are deleted.`,
    undoAction: null,
  };
}

function stepOf(checkpoint: CheckpointFacts, removal: Removal | undefined): EngineStep {
  return {
    title: `Delete the checkpoint ${checkpoint.name}`,
    detail: `${ownerWords(checkpoint)}, ${moment(checkpoint.time)}.`,
    actions: removal?.kind === 'possible' ? removal.actions : [],
    undo: null,
    undoWords: 'Cannot be undone',
    bytes: 0,
    seconds: 1,
    downtimeSeconds: 0,
  };
}

function notFound({ checkpoints, name }: MachineFacts, names: readonly string[]): PlanReason[] {
  const missing = names.filter((wanted) => !checkpoints.some((known) => known.name === wanted));
  return missing.map((wanted) => ({
    id: stableId('no-checkpoint', wanted),
    title: `There is no checkpoint ${wanted}`,
    detail: `${name} has no checkpoint of this name now. Look at the list again.`,
  }));
}

/** What deleting it means for others; null for one of ours that nothing starts from. */
function checkOf(checkpoint: CheckpointFacts): Check | null {
  const { name, owner, reference, repository } = checkpoint;
  if (owner !== 'ours') return consentTo(checkpoint);
  if (!reference) return null;
  return {
    id: stableId('reference', name),
    level: 'warning',
    title: `The next backup to ${repository ?? 'its repository'} starts from ${name}`,
    detail:
      'Without it that backup reads everything again, which takes longer. It stores only what ' +
      'differs, and the backup after it is quick again.',
  };
}

function ownerWords({ owner, reference, repository, disks }: CheckpointFacts): string {
  const dead = disks.some(({ health }) => health === 'inconsistent' || health === 'missing');
  const state = dead ? ', broken' : '';
  if (owner === 'foreign') return `Made by another program${state}`;
  if (owner === 'other-waymark') return `Made by another installation of Waymark${state}`;
  if (reference && repository !== null) return `Reference of ${repository}${state}`;
  return `Made by Waymark${state}`;
}

function onceEach(reasons: readonly PlanReason[]): readonly PlanReason[] {
  const seen = new Set<string>();
  return reasons.filter(({ id, title }) => {
    const key = `${id} ${title}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
