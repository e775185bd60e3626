/**
 * The snapshot a machine is to go back to, and whether it can.
 *
 *   internal  its image is still the disk's own, holds it, and nothing stands on that image: an
 *             overlay would change under its machine otherwise (B5)
 *   external  every image it froze, all below and, to go on running, its memory file are there
 *   both      it has the machine's disks, libvirt kept the definition, and its deletion was not
 *             begun (B19)
 */
import type { Alternative, MachineAction, PlanReason } from '#contract/actions.ts';
import type { MachineState } from '#contract/domain.ts';
import type { SnapshotStorage } from '#contract/moments.ts';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import { beingDeleted } from './blockers.ts';
import { mayChangeFiles } from './capabilities.ts';
import { ImageLines } from './image-lines.ts';
import { isAmbiguous } from './names.ts';
import { listed } from './words.ts';

export type RevertAction = Extract<MachineAction, { kind: 'snapshot-revert' }>;

export interface RevertTarget {
  readonly snapshot: SnapshotFacts;
  readonly name: string;
  readonly storage: SnapshotStorage;
  /** How the machine is afterwards. */
  readonly state: 'running' | 'paused' | 'off';
  /** It goes on from the memory that was kept; otherwise it boots, or stays off. */
  readonly memory: boolean;
}

export function targetOf(
  snapshot: SnapshotFacts,
  storage: SnapshotStorage,
  to: RevertAction['to'],
): RevertTarget {
  const { record } = snapshot;
  const kept = record.memory !== 'no';
  const taken = kept ? (record.machineState === 'paused' ? 'paused' : 'running') : 'off';
  const state = to === 'as-taken' ? taken : to;
  return { snapshot, name: record.name, storage, state, memory: kept && state !== 'off' };
}

/** Why the machine cannot go back to it; empty when it can. */
export function targetRefusals(facts: MachineFacts, target: RevertTarget): readonly PlanReason[] {
  const { snapshot, name } = target;
  if (snapshot.record.domain === null) {
    const detail = 'libvirt kept no definition of the machine with it.';
    return [{ id: 'no-definition', title: `${name} cannot be gone back to`, detail }];
  }
  return [
    ...(beingDeleted(facts, snapshot) ? [deletionBegun(name)] : []),
    ...(isAmbiguous(facts, name) && target.storage === 'internal' ? [ambiguous(name)] : []),
    ...diskRefusals(facts, target),
    ...(target.storage === 'internal'
      ? internalRefusals(facts, target)
      : externalRefusals(facts, target)),
  ];
}

function deletionBegun(name: string): PlanReason {
  return {
    id: 'deletion-begun',
    title: `The deletion of ${name} was begun`,
    detail: 'Its image was being written to, so it does not hold its moment any more. Delete it.',
  };
}

function ambiguous(name: string): PlanReason {
  return {
    id: 'ambiguous-name',
    title: `QEMU could take ${name} for another snapshot’s number`,
    detail: 'The images hold several snapshots, which QEMU numbers; this name is only a number.',
  };
}

/** Disks that came or went since, and those left out by choice whose images moved on. */
function diskRefusals(
  facts: MachineFacts,
  { snapshot: { record }, name, storage }: RevertTarget,
): readonly PlanReason[] {
  const reasons: PlanReason[] = [];
  const then = record.domain?.disks ?? [];
  const taken = record.disks.filter(({ kind }) => kind === storage).map(({ target }) => target);
  const now = facts.disks.filter(({ leftOut }) => leftOut === null);
  const gone = taken.filter((target) => !now.some((disk) => disk.target === target));
  if (gone.length > 0) {
    reasons.push({
      id: 'disk-gone',
      title: `${facts.name} has no ${listed(gone)} any more`,
      detail: `${name} was taken with it. Attach the disk again first.`,
    });
  }
  const added = now.filter(({ target }) => !then.some((disk) => disk.target === target));
  if (added.length > 0) {
    reasons.push({
      id: 'disk-added',
      title: `${listed(added.map(({ target }) => target))} came to ${facts.name} later`,
      detail: `${name} does not know of it and would take it away. Detach it first.`,
    });
  }
  const moved = now.filter(({ target, chain }) => {
    const before = then.find((disk) => disk.target === target);
    return before !== undefined && !taken.includes(target) && before.source !== chain[0]?.path;
  });
  if (moved.length > 0) {
    reasons.push({
      id: 'left-out-moved',
      title: `${name} left ${listed(moved.map(({ target }) => target))} out`,
      detail: 'It has another image since, which going back would take away.',
    });
  }
  return reasons;
}

function internalRefusals(
  facts: MachineFacts,
  { snapshot: { record }, name }: RevertTarget,
): readonly PlanReason[] {
  const reasons: PlanReason[] = [];
  for (const { target, kind, image } of record.disks) {
    if (kind !== 'internal') continue;
    const active = facts.disks.find((disk) => disk.target === target)?.chain[0];
    if (active === undefined) continue; // told as a disk that is gone
    const on = image?.source ?? null;
    if (on !== null && on !== active.path) {
      reasons.push({
        id: 'image-changed',
        title: `${target} has another image now`,
        detail:
          `${name} lies in ${on}. Going back to it there would change what ${active.path} ` +
          'stands on.',
      });
    } else if (active.snapshots !== null && !active.snapshots.includes(name)) {
      reasons.push({
        id: 'not-in-image',
        title: `${name} is not in the image of ${target} any more`,
        detail: `libvirt lists it, but ${active.path} does not hold it.`,
      });
    } else if (keptBy(facts, active.path).length > 0) {
      reasons.push({
        id: 'image-in-use',
        title: `Other snapshots stand on the image of ${target}`,
        detail:
          `${listed(keptBy(facts, active.path))} would hold something else once ${active.path} ` +
          'goes back.',
      });
    }
  }
  return reasons;
}

/** External snapshots whose moment is this image or stands on it. */
function keptBy(facts: MachineFacts, path: string): readonly string[] {
  const lines = new ImageLines(facts);
  return lines.snapshots.filter((name) =>
    lines.frozenBy(name).some((one) => lines.line(one.path).includes(path)),
  );
}

function externalRefusals(
  facts: MachineFacts,
  { snapshot, name, memory }: RevertTarget,
): readonly PlanReason[] {
  const missing = snapshot.frozen.filter(({ exists }) => exists === false);
  if (missing.length > 0) {
    return [
      {
        id: 'image-missing',
        title: `${name} is broken`,
        detail: `Its image is gone: ${listed(missing.map(({ path }) => path))}.`,
      },
    ];
  }
  const unseen = snapshot.frozen.filter(({ seen }) => !seen);
  // Where we may not read them it is left to libvirt.
  if (unseen.length > 0 && mayChangeFiles(facts)) {
    return [
      {
        id: 'chain-unknown',
        title: `What ${name} stands on is not whole`,
        detail:
          `An image below ${listed(unseen.map(({ path }) => path))} is missing or cannot be ` +
          'read, or it is known by two names.',
      },
    ];
  }
  if (!memory || snapshot.memoryFile?.exists !== false) return [];
  return [
    {
      id: 'memory-missing',
      title: `The memory of ${name} is gone`,
      detail: `${snapshot.memoryFile.path} is not there any more. Its disks are.`,
    },
  ];
}

/** Where only the memory is lost, the disks still are a point to go back to. */
export function targetAlternatives(
  action: RevertAction,
  refusals: readonly PlanReason[],
): readonly Alternative[] {
  if (refusals.length !== 1 || refusals[0]?.id !== 'memory-missing') return [];
  return [{ title: 'Go back to its disks and stay off', action: { ...action, to: 'off' } }];
}

/** "A snapshot of the running machine, disks and memory" */
export function describeTarget({ record }: SnapshotFacts): string {
  const words: Partial<Record<MachineState, string>> = { running: 'running', paused: 'paused' };
  const state = words[record.machineState] ?? 'stopped';
  return `A snapshot of the ${state} machine, ${
    record.memory === 'no' ? 'disks only' : 'disks and memory'
  }`;
}

/** B13 */
export function howItGoesOn({ memory, state, snapshot }: RevertTarget): string {
  if (memory) return 'It continues from the saved memory; open consoles close';
  if (state !== 'off') return 'It starts from its disks; open consoles close';
  return snapshot.record.memory === 'no' ? 'It stays off' : 'Its memory is not used: it stays off';
}
