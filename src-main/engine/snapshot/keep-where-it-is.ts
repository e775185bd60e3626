/** The undo point of a revert: a snapshot of where the machine is now, of the kind it has. */
import type { PlanReason } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import type { SnapshotStorage } from '#contract/moments.ts';
import { isActive, type MachineFacts, type SnapshotFacts } from '#engine/interlock/facts.ts';
import { describeUndoPoint } from '#engine/interlock/undo-point.ts';
import { createChecks, spaceCheck } from './create-checks.ts';
import { undoPointName, type FileNames } from './names.ts';
import { chooseStorage, chosenDisks, type Wanted } from './storage-choice.ts';
import { suspendedRefusal } from './blockers.ts';
import type { RevertTarget } from './revert-target.ts';
import { takeSnapshot, type Taken } from './take-snapshot.ts';

export interface Kept extends Taken {
  readonly name: string;
  readonly memory: boolean;
  readonly checks: readonly Check[];
  readonly freeBytes: number | null;
}

export type KeepAnswer = { readonly kept: Kept } | { readonly refused: readonly PlanReason[] };

/** Checks worth a line beside a revert; the rest is about taking one for its own sake. */
const keptChecks = /^(space|chain-start|open-overlay|transient)$/;

/**
 * @param facts as they will be when it is taken: without checkpoints where those go first.
 * @param halt stop the machine in the moment that is kept.
 */
export function keepWhereItIs(
  facts: MachineFacts,
  { name: to, storage, snapshot }: RevertTarget,
  files: FileNames,
  halt: boolean,
): KeepAnswer {
  const asleep = suspendedRefusal(facts);
  if (asleep !== null) return { refused: [asleep] };
  const wanted = wantedFor(facts, storage, partOf(facts, snapshot));
  const answer = chooseStorage(facts, wanted);
  if ('refused' in answer) return answer;
  const name = undoPointName(facts, to);
  const disks = chosenDisks(facts, wanted);
  const taking = {
    ...{ name, description: describeUndoPoint(to), storage, memory: wanted.memory, disks },
    ...{ freeze: false, halt, title: halt ? 'Save where you are now, and stop' : keepTitle },
  };
  const checks = [
    ...createChecks(facts, taking, { freeze: false, memory: wanted.memory }),
    ...spaceCheck(facts, taking),
  ].filter(({ id }) => keptChecks.test(id));
  const taken = takeSnapshot(facts, taking, files);
  const freeBytes = disks[0]?.freeBytes ?? null;
  return { kept: { ...taken, name, memory: wanted.memory, checks, freeBytes } };
}

const keepTitle = 'Save where you are now';

/** Whether the undo point has the memory that the machine has now. */
export function keepsMemory(facts: MachineFacts, { storage, snapshot }: RevertTarget): boolean {
  return wantedFor(facts, storage, partOf(facts, snapshot)).memory;
}

/** The disks of a snapshot that left some out: the undo point leaves out the same ones. */
function partOf({ disks }: MachineFacts, { record }: SnapshotFacts): readonly string[] | null {
  const taken = record.disks.filter(({ kind }) => kind !== 'no').map(({ target }) => target);
  const all = disks.every(({ target, leftOut }) => leftOut !== null || taken.includes(target));
  return all ? null : taken;
}

/** With memory where it has any that can be saved; external ones also without. */
function wantedFor(
  facts: MachineFacts,
  storage: SnapshotStorage,
  disks: readonly string[] | null,
): Wanted {
  const wanted: Wanted = { memory: isActive(facts), storage, disks };
  const withDisksOnly = { ...wanted, memory: false };
  const better = 'choice' in chooseStorage(facts, wanted);
  return better || !('choice' in chooseStorage(facts, withDisksOnly)) ? wanted : withDisksOnly;
}
