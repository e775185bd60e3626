/**
 * Plans going back to a snapshot. Pure: the facts of a machine in, a plan out.
 *
 *   row  when                                    answer
 *   –    cut-off change, job (D2), unclear state refused at once
 *   –    the snapshot is broken                  refused (revert-target.ts)
 *   A1   checkpoints, or bitmaps of none         allowed after removing them; another's with a tick
 *   A5   … of a machine that is off              they go first: the undo point could not be taken
 *   B1   external, libvirt before 9.9            by our own steps (plan-revert-external.ts)
 *   B1   external, from 9.9 on                   libvirt's, if every disk is a regular file
 *   B7   internal on libvirt 11.2 / 11.3         refused / with a tick
 *   B13  any                                     QEMU is started anew: consoles close
 *   B14  off with a managed save                 with a tick: the saved memory is dropped first
 *   B18  transient machine                       only to stay on; never by our own steps
 *   B20  external, from 9.9 on, not kept         refused unless what libvirt deletes then is the
 *                                                machine's own newest image and nothing else
 *
 * `keep` saves where the machine is first, so every step can be taken back, and the whole later.
 * Without it what came since is lost: the person types the machine's name.
 */
import type { Alternative, PlanReason } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import { snapshotRevertFlag as flag } from '#engine/hypervisor/snapshot-flags.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import { commonRefusals, findSnapshot, unknownSnapshot } from './blockers.ts';
import { internalRevert, revertsLiveDisks } from './capabilities.ts';
import { cannotBeUndone, check, planOf, step, type PlanWords } from './draft.ts';
import { keepsMemory, keepWhereItIs, type Kept } from './keep-where-it-is.ts';
import { hardwareCheck } from './hardware.ts';
import { FileNames } from './names.ts';
import { removeCheckpoints, type CheckpointRemoval } from './remove-checkpoints.ts';
import { removeAbandoned, revertByHand, revertsByHand } from './plan-revert-external.ts';
import { deletedByRevert, deletedImages } from './revert-deletes.ts';
import {
  describeTarget,
  howItGoesOn,
  targetAlternatives,
  targetOf,
  targetRefusals,
  type RevertAction,
  type RevertTarget,
} from './revert-target.ts';
import { startSeconds, writeSeconds } from './take-snapshot.ts';
import { listed, whatStays } from './words.ts';
import { lostWithout } from './lost.ts';
import { managedSaveDropped } from './managed-save.ts';

export function planRevert(facts: MachineFacts, action: RevertAction): EnginePlan {
  const snapshot = findSnapshot(facts, action.name);
  const words: PlanWords = {
    action,
    title: `Revert ${facts.name} to ${action.name}`,
    summary: snapshot === null ? '' : describeTarget(snapshot),
    button: `Revert to ${action.name}`,
  };
  const common = commonRefusals(facts);
  if (snapshot === null) {
    return refusedPlan(words, [...common, unknownSnapshot(facts, action.name)]);
  }
  if (snapshot.storage === 'mixed')
    return refusedPlan(words, [...common, mixedSnapshot(action.name)]);
  const target = targetOf(snapshot, snapshot.storage, action.to);
  const removal = removeCheckpoints(facts, target.storage);
  const refusals = [...common, ...revertRefusals(facts, target), ...removal.refusals];
  if (refusals.length > 0) {
    return refusedPlan(words, refusals, { alternatives: targetAlternatives(action, refusals) });
  }
  return action.keep
    ? planKeeping(facts, action, target, removal, words)
    : planLosing(facts, action, target, removal, words);
}

/** Why it cannot be gone back to, whatever is kept. */
export function revertRefusals(facts: MachineFacts, target: RevertTarget): readonly PlanReason[] {
  return [
    ...targetRefusals(facts, target),
    ...versionRefusals(facts, target),
    ...transientRefusals(facts, target, revertsByHand(facts, target)),
  ];
}

function mixedSnapshot(name: string): PlanReason {
  return {
    id: 'mixed-snapshot',
    title: `${name} is kept partly inside and partly beside the images`,
    detail: 'Another tool made it so. libvirt goes back to no such snapshot.',
  };
}

function versionRefusals({ host }: MachineFacts, { storage }: RevertTarget): readonly PlanReason[] {
  if (storage !== 'internal' || internalRevert(host) !== 'broken') return [];
  const detail = 'libvirt 11.2 fails to go back to internal snapshots; 11.4 mended it. Update it.';
  return [{ id: 'libvirt-11.2', title: 'This libvirt cannot go back to it', detail }];
}

function transientRefusals(
  facts: MachineFacts,
  target: RevertTarget,
  byHand: boolean,
): readonly PlanReason[] {
  if (facts.persistent) return [];
  if (target.state !== 'off' && !byHand) return [];
  return [
    {
      id: 'transient',
      title: `${facts.name} is transient`,
      detail: byHand
        ? 'Going back to an external snapshot with this libvirt needs the machine to be stopped, ' +
          'and libvirt forgets a transient one then.'
        : 'libvirt forgets it when it is off: go back to have it running or paused.',
    },
  ];
}

function planKeeping(
  facts: MachineFacts,
  action: RevertAction,
  target: RevertTarget,
  removal: CheckpointRemoval,
  words: PlanWords,
): EnginePlan {
  const alternatives: readonly Alternative[] = [
    { title: 'Go back without keeping where it is now', action: { ...action, keep: false } },
  ];
  const files = new FileNames(facts);
  // libvirt must be able to go back to the undo point too, should the revert be taken back.
  const lives = target.storage === 'external' && isActive(facts) && !keepsMemory(facts, target);
  const byHand = revertsByHand(facts, target) || (lives && !revertsLiveDisks(facts.host));
  // Of a machine that is off an undo point could not be taken beside checkpoints (A5), and one that
  // stops with the undo point could not remove them any more while it is on.
  const checkpointsFirst = !isActive(facts) || byHand;
  const then = checkpointsFirst ? { ...facts, checkpoints: [] } : facts;
  const halt = byHand && isActive(facts);
  const forgotten = transientRefusals(facts, target, byHand);
  if (forgotten.length > 0) return refusedPlan(words, forgotten, { alternatives });
  const answer = keepWhereItIs(then, target, files, halt);
  if ('refused' in answer) {
    const why = answer.refused.map((reason) => ({ ...reason, id: `keep-${reason.id}` }));
    return refusedPlan(words, why, { alternatives });
  }
  const { kept } = answer;
  const first = checkpointsFirst
    ? [...removal.steps, ...kept.steps]
    : [...kept.steps, ...removal.steps];
  const going = byHand
    ? revertByHand(facts, target, kept, files)
    : { steps: [revertStep(facts, target, kept)], refusals: [] };
  if (going.refusals.length > 0) return refusedPlan(words, going.refusals);
  const saved = managedSaveDropped(facts);
  const forgets = isActive(facts) && !kept.memory;
  // An undo point inside the images is taken beside the saved memory, so that a failure costs
  // nothing. One beside them is not: the saved memory would go on on what that point froze.
  const steps =
    target.storage === 'internal' ? [...first, ...saved.steps] : [...saved.steps, ...first];
  const lost = [...saved.lost, ...(forgets ? [`What ${facts.name} has in memory now`] : [])];
  return planOf(facts, {
    words,
    reasons: removal.reasons,
    steps: [...steps, ...going.steps],
    afterwards: removal.afterwards,
    checks: [...kept.checks, ...removal.checks, ...saved.checks, ...otherChecks(facts, target)],
    waysOut: alternatives,
    rereads: removal.rereads,
    freeBytes: kept.freeBytes,
    undo:
      lost.length === 0
        ? `Undo the revert from the timeline: ${facts.name} is then where it is now.`
        : `Undo the revert from the timeline: ${facts.name} then has the disks it has now.`,
    undoAction: { kind: 'revert-undo' },
    tier: lost.length === 0 ? 1 : 2,
    lost,
    stays: whatStays(facts),
    done: doneWords(facts, target),
  });
}

function planLosing(
  facts: MachineFacts,
  action: RevertAction,
  target: RevertTarget,
  removal: CheckpointRemoval,
  words: PlanWords,
): EnginePlan {
  const going = goBackWithoutKeeping(facts, target);
  const alternatives: readonly Alternative[] = [
    { title: 'Keep where it is now', action: { ...action, keep: true } },
  ];
  if (going.refusals.length > 0) return refusedPlan(words, going.refusals, { alternatives });
  const saved = managedSaveDropped(facts);
  return planOf(facts, {
    words,
    reasons: removal.reasons,
    steps: [...saved.steps, ...removal.steps, ...going.steps],
    afterwards: removal.afterwards,
    checks: [...removal.checks, ...saved.checks, ...otherChecks(facts, target)],
    alternatives,
    rereads: removal.rereads,
    undo: 'It cannot be undone.',
    tier: 3,
    lost: [...lostWithout(facts, target), ...saved.lost],
    stays: whatStays(facts),
    done: doneWords(facts, target),
  });
}

/** The revert itself, where the machine's present is given up. `noted`: it counts as a revert. */
export function goBackWithoutKeeping(
  facts: MachineFacts,
  target: RevertTarget,
  noted = true,
): { readonly steps: readonly EngineStep[]; readonly refusals: readonly PlanReason[] } {
  if (revertsByHand(facts, target)) {
    return revertByHand(facts, target, null, new FileNames(facts), noted);
  }
  const refusals = deletedByRevert(facts, target);
  if (refusals.length > 0) return { steps: [], refusals };
  // libvirt removes only the images of the disks that its current snapshot has.
  const left = removeAbandoned(facts, target, deletedImages(facts));
  return { steps: [revertStep(facts, target, null, noted), ...left], refusals };
}

function revertStep(
  facts: MachineFacts,
  target: RevertTarget,
  kept: Kept | null,
  noted = true,
): EngineStep {
  const { name, memory, state, snapshot } = target;
  const off: StepAction[] = state === 'off' ? [{ do: 'stop' }] : [];
  const bytes = snapshot.memoryFile?.bytes ?? facts.memoryBytes;
  const load = memory ? writeSeconds(facts, bytes) : 0;
  const seconds = load + startSeconds;
  return step({
    title: `Go back to ${name}`,
    detail: howItGoesOn(target),
    actions: [
      {
        do: 'revert-snapshot',
        name,
        flags: flagsOf(target),
        // An undo point that was kept is what the machine goes on from until then.
        unlessCurrent: kept !== null || facts.current !== name,
      },
      ...off,
      ...(noted ? [{ do: 'note-revert' as const, to: name, kept: kept?.name ?? null }] : []),
    ],
    undo: kept === null ? null : backToKept(facts, kept),
    undoWords: kept === null ? cannotBeUndone : 'Go back to where you are now',
    seconds,
    downtimeSeconds: isActive(facts) ? seconds : 0,
  });
}

function backToKept(facts: MachineFacts, kept: Kept): readonly StepAction[] {
  // One without memory is off after libvirt went back to it.
  const boots = isActive(facts) && !kept.memory;
  const asItWas = facts.state === 'paused' ? flag.paused : flag.running;
  return [
    { do: 'revert-snapshot', name: kept.name, flags: boots ? asItWas : 0 },
    { do: 'forget-revert', kept: kept.name },
  ];
}

/** Zero where libvirt by itself leaves the machine as it is wanted. */
function flagsOf({ snapshot: { record }, state }: RevertTarget): number {
  const kept = record.memory !== 'no';
  if (state === 'off') return kept ? flag.paused : 0; // switched off a moment later
  const taken = kept ? (record.machineState === 'paused' ? 'paused' : 'running') : 'off';
  if (state === taken) return 0;
  return state === 'running' ? flag.running : flag.paused;
}

function doneWords({ name }: MachineFacts, target: RevertTarget): string {
  const how = { running: 'runs', paused: 'is paused', off: 'is off' }[target.state];
  return `${name} is back at ${target.name} and ${how}.`;
}

function otherChecks(facts: MachineFacts, target: RevertTarget): readonly Check[] {
  return [
    ...partialChecks(facts, target),
    ...hardwareCheck(facts, target),
    ...doubtfulLibvirt(facts, target),
  ];
}

/** Disks it left out keep what they have; memory of another tool's then does not fit them. */
function partialChecks(
  { disks }: MachineFacts,
  { snapshot: { record }, memory, name }: RevertTarget,
): readonly Check[] {
  const taken = record.disks.filter(({ kind }) => kind !== 'no').map(({ target }) => target);
  const left = disks
    .filter(({ target, leftOut }) => leftOut === null && !taken.includes(target))
    .map(({ target }) => target);
  if (left.length === 0) return [];
  const title = `${name} left ${listed(left)} out`;
  if (!memory) return [check('left-out', 'warning', title, 'Going back does not change it.')];
  const detail = 'The machine goes on from its memory, which does not fit a disk that changed.';
  return [{ ...check('left-out', 'warning', title, detail), accept: 'Go on from it all the same' }];
}

/** B7: distributions mended 11.3, and its number does not tell. */
function doubtfulLibvirt({ host }: MachineFacts, { storage }: RevertTarget): readonly Check[] {
  if (storage !== 'internal' || internalRevert(host) !== 'doubtful') return [];
  const detail =
    'libvirt 11.3 as it was released fails to go back to internal snapshots and leaves the ' +
    'machine off; Debian’s 11.3.0-3 is mended. Try it on the practice machine first.';
  return [
    {
      ...check('libvirt-11.3', 'warning', 'This libvirt may fail to go back', detail),
      accept: 'Go back all the same',
    },
  ];
}
