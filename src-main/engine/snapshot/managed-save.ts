/**
 * B14: a machine that was stopped with its memory saved goes on from it at its next start, whatever
 * its disks hold then. libvirt never drops that memory when it reverts, and takes snapshots beside
 * it without a word, so it goes before anything else, with a tick.
 */
import type { Check } from '#contract/domain.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import type { EngineStep } from '#engine/interlock/steps.ts';
import { cannotBeUndone, check, step } from './draft.ts';

export interface ManagedSave {
  readonly steps: readonly EngineStep[];
  readonly checks: readonly Check[];
  readonly lost: readonly string[];
}

export function managedSaveDropped(facts: MachineFacts): ManagedSave {
  if (!facts.managedSave) return { steps: [], checks: [], lost: [] };
  const { name } = facts;
  const detail = isActive(facts)
    ? 'It was stopped with its memory saved once and did not go on from it, but the next start ' +
      'would. That memory fits only the disks as they were then.'
    : 'It was stopped with its memory saved, to go on from it at the next start. That memory ' +
      'fits only the disks as they are now: start it first and go back then, if you need it.';
  return {
    steps: [
      step({
        title: 'Drop the memory it was stopped with',
        detail: 'It fits no other disks',
        actions: [{ do: 'drop-managed-save' }],
        undo: null,
        undoWords: cannotBeUndone,
      }),
    ],
    checks: [
      {
        ...check('managed-save', 'warning', `${name} has its memory saved`, detail),
        accept: 'Drop the saved memory',
      },
    ],
    lost: [`The memory that ${name} was stopped with`],
  };
}
