/**
 * Takes the checkpoints away before a machine goes back: QEMU does not load an internal snapshot
 * into an image that has bitmaps (A1: libvirt then has stopped the machine already), and what the
 * bitmaps say is not true of an older disk anyway (A7).
 *
 *   machine  images            how
 *   on       –                 libvirt deletes each with its bitmaps, also dead ones (C4)
 *   off      ours to change    qemu-img removes the bitmaps, then libvirt forgets its record (C1)
 *   off      not to be seen    started paused, then as if it were on; not with devices of the host
 *                              or a managed save
 *
 * Bitmaps that no checkpoint names stand in the way of internal snapshots just the same, and are
 * removed too; not from a running machine where images below hold them as well. An open image tells
 * only of those it had when the machine was started; one that was lost since makes the revert
 * fail, and then it is taken back.
 */
import type { PlanReason, PlanStep } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import type { SnapshotStorage } from '#contract/moments.ts';
import { checkpointPrefix } from '#engine/hypervisor/checkpoint-owner.ts';
import {
  isActive,
  type CheckpointFacts,
  type DiskFacts,
  type MachineFacts,
} from '#engine/interlock/facts.ts';
import { removalOf, removeFrom, takeOutAlone } from '#engine/interlock/checkpoint-removal.ts';
import { consentTo, rereadsAfter, rereadStep } from '#engine/interlock/rereads.ts';
import { stableId } from '#engine/interlock/stable-id.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import { cannotBeUndone, notNeeded, step } from './draft.ts';
import { pausedStart } from './take-snapshot.ts';
import { counted, listed } from './words.ts';

export interface CheckpointRemoval {
  /** In words what stands in the way; empty when nothing does. */
  readonly reasons: readonly PlanReason[];
  readonly refusals: readonly PlanReason[];
  readonly checks: readonly Check[];
  readonly steps: readonly EngineStep[];
  readonly afterwards: readonly PlanStep[];
  /** Repositories whose next backup reads everything. */
  readonly rereads: readonly string[];
}

interface Orphan {
  readonly disk: DiskFacts;
  readonly bitmap: string;
}

type Outcome = { readonly actions: readonly StepAction[] } | { readonly refused: PlanReason };

/** @param storage of the snapshot that is gone back to. */
export function removeCheckpoints(
  facts: MachineFacts,
  storage: SnapshotStorage,
): CheckpointRemoval {
  const { checkpoints } = facts;
  const orphans = storage === 'internal' ? orphansOf(facts) : [];
  const rereads = rereadsAfter(checkpoints);
  const answer = stepsFor(facts, orphans);
  const foreign = checkpoints.filter(({ owner }) => owner !== 'ours');
  const unknown = orphans.filter(({ bitmap }) => !bitmap.startsWith(checkpointPrefix));
  return {
    reasons: [...checkpointReasons(facts, storage), ...orphanReasons(orphans)],
    checks: [
      ...foreign.map(consentTo),
      ...unknown.map(orphanCheck),
      ...unreadChecks(facts, storage),
    ],
    afterwards: rereads.map((repository) => rereadStep(facts, repository)),
    rereads,
    ...answer,
  };
}

function checkpointReasons(
  { checkpoints }: MachineFacts,
  storage: SnapshotStorage,
): readonly PlanReason[] {
  if (checkpoints.length === 0) return [];
  const one = checkpoints.length === 1;
  const why =
    storage === 'internal'
      ? 'QEMU cannot go back while it is measuring changes. Done by hand, the machine would be ' +
        'stopped and stay off.'
      : `${one ? 'It measures' : 'They measure'} changes to a disk that will not be there then.`;
  return [
    {
      id: 'checkpoints-stand-in-the-way',
      title: `${counted(checkpoints.length, 'checkpoint')} ${one ? 'stands' : 'stand'} in the way`,
      detail:
        `${why} Waymark takes ${one ? 'it' : 'them'} away first; the next ` +
        'backup sets a new one. No restore point is touched.',
    },
  ];
}

/** Bitmaps in the disks' own images that libvirt has no checkpoint for. */
function orphansOf({ disks, checkpoints }: MachineFacts): readonly Orphan[] {
  const known = new Set(
    checkpoints.flatMap((one) => one.disks.map(({ target, bitmap }) => `${target} ${bitmap}`)),
  );
  return disks.flatMap((disk) =>
    (disk.chain[0]?.bitmaps ?? [])
      .filter(({ name }) => !known.has(`${disk.target} ${name}`))
      .map(({ name }) => ({ disk, bitmap: name })),
  );
}

function orphanReasons(orphans: readonly Orphan[]): readonly PlanReason[] {
  if (orphans.length === 0) return [];
  const stands = orphans.length === 1 ? 'stands' : 'stand';
  return [
    {
      id: 'bitmaps-stand-in-the-way',
      title: `${counted(orphans.length, 'left-over bitmap')} ${stands} in the way`,
      detail:
        'The images hold marks of changes that no checkpoint belongs to. QEMU does not go back ' +
        'while they are there.',
    },
  ];
}

function orphanCheck({ disk, bitmap }: Orphan): Check {
  return {
    id: stableId('foreign-bitmap', disk.target, bitmap),
    level: 'warning',
    title: `The bitmap ${bitmap} may belong to another program`,
    detail: `It lies in the image of ${disk.target}, and going back needs it gone.`,
    accept: `Remove ${bitmap}`,
  };
}

/**
 * libvirt puts the disks of a stopped machine back one after the other: a bitmap on the second one
 * leaves half a machine. With one disk nothing is changed when it refuses.
 */
function unreadChecks(facts: MachineFacts, storage: SnapshotStorage): readonly Check[] {
  const disks = facts.disks.filter(({ leftOut }) => leftOut === null);
  const unread = disks.filter(({ chain }) => (chain[0]?.bitmaps ?? null) === null);
  if (storage !== 'internal' || isActive(facts) || disks.length < 2 || unread.length === 0) {
    return [];
  }
  const targets = listed(unread.map(({ target }) => target));
  return [
    {
      id: 'unread-bitmaps',
      level: 'warning',
      title: `Whether ${targets} can go back is not known`,
      detail:
        'Waymark may not read the images. If one of them holds marks of changes that no ' +
        'checkpoint belongs to, only some of the disks go back. Run Waymark as root to be sure.',
      accept: 'Go back all the same',
    },
  ];
}

function stepsFor(
  facts: MachineFacts,
  orphans: readonly Orphan[],
): Pick<CheckpointRemoval, 'refusals' | 'steps'> {
  const nothing = { refusals: [], steps: [] };
  if (facts.checkpoints.length === 0 && orphans.length === 0) return nothing;
  const asItIs = outcomeOf(facts, orphans);
  if ('actions' in asItIs) {
    return { refusals: [], steps: [removalStep(facts, orphans, asItIs.actions)] };
  }
  const obstacle = startObstacle(facts);
  if (obstacle !== null) return { refusals: [obstacle], steps: [] };
  const started = outcomeOf({ ...facts, state: 'paused' }, orphans);
  if ('refused' in started) return { refusals: [started.refused], steps: [] };
  const removal = removalStep(facts, orphans, started.actions);
  return { refusals: [], steps: pausedStart(facts, removal) };
}

/** Youngest first, as libvirt likes it: the fewest records are rewritten. */
function outcomeOf(facts: MachineFacts, orphans: readonly Orphan[]): Outcome {
  const actions: StepAction[] = [];
  for (const checkpoint of facts.checkpoints.toReversed()) {
    const removal = removalOf(facts, checkpoint);
    if (removal.kind === 'impossible') return { refused: removal.reason };
    actions.push(...removal.actions);
  }
  for (const { disk, bitmap } of orphans) {
    const [image] = disk.chain;
    const removal =
      isActive(facts) || image === undefined
        ? takeOutAlone(facts, disk.target, bitmap)
        : removeFrom(image, bitmap);
    if (removal?.kind === 'impossible') return { refused: removal.reason };
    actions.push(...(removal?.actions ?? []));
  }
  return { actions };
}

function removalStep(
  { checkpoints }: MachineFacts,
  orphans: readonly Orphan[],
  actions: readonly StepAction[],
): EngineStep {
  const what = [
    ...(checkpoints.length > 0 ? [checkpointWords(checkpoints)] : []),
    ...(orphans.length > 0 ? [counted(orphans.length, 'left-over bitmap')] : []),
  ];
  const ours = checkpoints.every(({ owner }) => owner === 'ours');
  return step({
    title: `Remove ${listed(what)}`,
    detail: ownersInWords(checkpoints),
    actions,
    // Without them the next backup reads everything: nothing that was stored is lost.
    undo: [],
    undoWords: ours ? notNeeded : cannotBeUndone,
  });
}

function checkpointWords(checkpoints: readonly CheckpointFacts[]): string {
  const repositories = checkpoints.flatMap(({ repository }) => repository ?? []);
  if (repositories.length < checkpoints.length) return counted(checkpoints.length, 'checkpoint');
  const unique = [...new Set(repositories)];
  return `the checkpoint${checkpoints.length === 1 ? '' : 's'} of ${listed(unique)}`;
}

function ownersInWords(checkpoints: readonly CheckpointFacts[]): string {
  if (checkpoints.length === 0) return '';
  const foreign = checkpoints.filter(({ owner }) => owner !== 'ours').map(({ name }) => name);
  if (foreign.length > 0)
    return `${listed(foreign)} ${foreign.length === 1 ? 'is' : 'are'} not ours`;
  if (checkpoints.length === 1) return 'It was made by Waymark';
  return checkpoints.length === 2 ? 'Both were made by Waymark' : 'All were made by Waymark';
}

/** Where the images are not ours, only a QEMU can remove the bitmaps of a stopped machine. */
function startObstacle({ definition, managedSave, name }: MachineFacts): PlanReason | null {
  const why = [
    ...(definition.hostDevices.length > 0
      ? [`it would take ${listed(definition.hostDevices)} from the host`]
      : []),
    ...(managedSave ? ['it would use its saved memory up'] : []),
  ];
  if (why.length === 0) return null;
  return {
    id: 'paused-start',
    title: `${name} cannot be started to remove its checkpoints`,
    detail:
      'Its images cannot be changed from here, and starting it to change them is not possible: ' +
      `${listed(why)}. Run Waymark as root.`,
  };
}
