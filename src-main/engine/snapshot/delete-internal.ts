/** Deleting snapshots that are kept inside the images (table in plan-delete.ts). */
import type { PlanReason } from '#contract/actions.ts';
import { isActive, type MachineFacts, type SnapshotFacts } from '#engine/interlock/facts.ts';
import type { EngineStep } from '#engine/interlock/steps.ts';
import { cannotBeUndone, step } from './draft.ts';
import { afterDeletion } from './delete-external.ts';
import { isAmbiguous } from './names.ts';

export function deleteInternal(
  facts: MachineFacts,
  doomed: readonly SnapshotFacts[],
): { readonly refusals: readonly PlanReason[]; readonly drops: readonly EngineStep[] } {
  const refusals = doomed.flatMap((snapshot) => refusalsOf(facts, snapshot));
  if (refusals.length > 0) return { refusals, drops: [] };
  // Children before their parents: the fewest records are rewritten.
  return { refusals: [], drops: doomed.toReversed().map((snapshot) => dropStep(facts, snapshot)) };
}

function refusalsOf(facts: MachineFacts, { record }: SnapshotFacts): readonly PlanReason[] {
  const { name } = record;
  const reasons: PlanReason[] = [];
  if (isAmbiguous(facts, name)) {
    reasons.push({
      id: 'ambiguous-name',
      title: `QEMU could take ${name} for another snapshot’s number`,
      detail: 'The images hold several snapshots, which QEMU numbers; this name is only a number.',
    });
  }
  const moved = record.disks.filter(({ target, kind, image }) => {
    const active = facts.disks.find((disk) => disk.target === target)?.chain[0];
    return kind === 'internal' && active !== undefined && (image?.source ?? '') !== active.path;
  });
  if (isActive(facts) && moved.length > 0) {
    reasons.push({
      id: 'image-changed',
      title: `${name} lies in an image that is not the disk’s own any more`,
      detail: 'libvirt deletes such a snapshot only while the machine is off.',
    });
  }
  return reasons;
}

function dropStep(facts: MachineFacts, { record: { name } }: SnapshotFacts): EngineStep {
  return step({
    title: `Delete ${name}`,
    detail: 'Its data inside the images is given free',
    actions: [{ do: 'delete-snapshot', name, flags: 0 }, ...afterDeletion(facts, name)],
    undo: null,
    undoWords: cannotBeUndone,
  });
}
