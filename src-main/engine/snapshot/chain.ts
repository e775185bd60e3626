/** How long the chains of images are, and which snapshots to delete to make them shorter (B15). */
import type { MachineAction } from '#contract/actions.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { ImageLines } from './image-lines.ts';
import { planDelete } from './plan-delete.ts';

/** From this many images on, reading gets slow and some versions of libvirt get into trouble. */
export const chainLengthWarned = 20;
/** What a merge leaves: the newest points, and room before the next warning. */
const chainLengthAfterMerge = 10;

/**
 * Deleting these snapshots merges the oldest images of the longest chain. Null while no chain is
 * long, and where the oldest cannot be deleted.
 */
export function mergeAction(facts: MachineFacts): MachineAction | null {
  const longest = facts.disks.toSorted((a, b) => b.chain.length - a.chain.length)[0];
  if (longest === undefined || longest.chain.length < chainLengthWarned) return null;
  const lines = new ImageLines(facts);
  // Parents come before their children, so the oldest come first.
  const onLine = facts.snapshots
    .filter(({ storage, frozen }) => {
      const path = frozen.find(({ target }) => target === longest.target)?.path;
      return storage === 'external' && path !== undefined && lines.carries(longest.target, path);
    })
    .map(({ record }) => record.name);
  const names = onLine.slice(0, longest.chain.length - chainLengthAfterMerge);
  if (names.length === 0) return null;
  const action = { kind: 'snapshot-delete' as const, names, children: false };
  return planDelete(facts, action).verdict === 'refused' ? null : action;
}
