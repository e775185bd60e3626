/**
 * Plans taking a snapshot. Pure: the facts of a machine in, a plan out.
 *
 *   row  when                                          answer
 *   –    a change was cut off, a job runs (D2),        refused at once: libvirt would wait 30 s
 *        the machine is in no settled state
 *   B11  the guest sleeps (suspended)                  refused
 *   –    off with a managed save                       refused: its memory would not fit the disks
 *   –    no disk can take part                         refused, each named with its reason
 *   –    a name libvirt refuses, or that is taken      refused
 *   –    internal or external                          storage-choice.ts
 *   A5   off with checkpoints                          take-snapshot.ts
 *   A2   internal, on, checkpoints present             allowed; going back removes them first
 *   B12  frozen file systems                           only running, disks only and a live agent
 *   B15  from 20 images on a warning                   refused above 200
 *   B18  transient machine                             with a tick: libvirt forgets the snapshot
 *   –    too little space for the memory               refused
 *
 * Disks that cannot take part are named; what an external snapshot leaves out keeps its content
 * when the machine goes back.
 */
import type { Alternative, MachineAction, PlanReason } from '#contract/actions.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import { commonRefusals, noDisksRefusal, suspendedRefusal } from './blockers.ts';
import { createChecks, spaceCheck } from './create-checks.ts';
import { planOf, type PlanWords } from './draft.ts';
import { descriptionProblem, FileNames, nameProblem } from './names.ts';
import { chooseStorage, chosenDisks, type Wanted } from './storage-choice.ts';
import { takeSnapshot, takingRefusal } from './take-snapshot.ts';
import { whatStays } from './words.ts';

type CreateAction = Extract<MachineAction, { kind: 'snapshot-create' }>;

export function planCreate(facts: MachineFacts, action: CreateAction): EnginePlan {
  const words = wordsOf(facts, action);
  const refusals = refusalsOf(facts, action);
  if (refusals.length > 0) return refusedPlan(words, refusals);
  const wanted = wantedOf(facts, action);
  const answer = chooseStorage(facts, wanted);
  if ('refused' in answer) {
    return refusedPlan(words, answer.refused, { alternatives: alternativesOf(facts, action) });
  }
  const { choice } = answer;
  const obstacle = takingRefusal(facts, choice.chosen);
  if (obstacle !== null) return refusedPlan(words, [obstacle]);
  const disks = chosenDisks(facts, wanted);
  const freeze =
    action.freeze &&
    choice.chosen === 'external' &&
    !wanted.memory &&
    facts.state === 'running' &&
    facts.agentConnected;
  const taking = {
    ...{ name: action.name, description: action.description, storage: choice.chosen },
    ...{ memory: wanted.memory, disks, freeze, halt: false, title: 'Take the snapshot' },
  };
  const taken = takeSnapshot(facts, taking, new FileNames(facts));
  return planOf(facts, {
    words,
    reasons: [],
    steps: taken.steps,
    checks: [...createChecks(facts, taking, action), ...spaceCheck(facts, taking)],
    waysOut: wanted.memory ? withoutMemory(facts, action) : [],
    storage: choice,
    freeBytes: disks[0]?.freeBytes ?? null,
    undo: 'Delete the snapshot: nothing but the point to go back to is lost.',
    undoAction: { kind: 'snapshot-delete', names: [action.name], children: false },
    tier: 1,
    stays: whatStays(facts),
    done: `${facts.name} has the snapshot ${action.name}.`,
  });
}

function wantedOf(facts: MachineFacts, { memory, storage, disks }: CreateAction): Wanted {
  return { memory: memory && isActive(facts), storage, disks };
}

function wordsOf(facts: MachineFacts, action: CreateAction): PlanWords {
  const contents = action.memory && isActive(facts) ? 'disks and memory' : 'disks only';
  const how = isActive(facts) ? (facts.state === 'paused' ? 'paused' : 'running') : 'stopped';
  return {
    action,
    title: `Take a snapshot of ${facts.name}`,
    summary: `A snapshot of the ${how} machine, ${contents}`,
    button: 'Take snapshot',
  };
}

function refusalsOf(
  facts: MachineFacts,
  { name, description }: CreateAction,
): readonly PlanReason[] {
  return [
    ...commonRefusals(facts),
    suspendedRefusal(facts),
    noDisksRefusal(facts),
    managedSaveRefusal(facts),
    nameProblem(facts, name),
    descriptionProblem(description),
  ].filter((reason) => reason !== null);
}

function managedSaveRefusal(facts: MachineFacts): PlanReason | null {
  if (!facts.managedSave || isActive(facts)) return null;
  return {
    id: 'managed-save',
    title: `${facts.name} is off with its memory saved`,
    detail:
      'A snapshot now would keep disks that only that memory understands. Start the machine and ' +
      'take it then, or shut it down inside first.',
  };
}

/** The same question put another way, if the answer then is yes. */
function alternativesOf(facts: MachineFacts, action: CreateAction): readonly Alternative[] {
  const others: readonly Alternative[] = [
    { title: 'Let Waymark choose how it is kept', action: { ...action, storage: 'auto' } },
    { title: 'Take every disk', action: { ...action, disks: null } },
    {
      title: 'Take the snapshot with memory',
      action: { ...action, storage: 'auto', memory: true, disks: null },
    },
    {
      title: 'Take the snapshot without memory',
      action: { ...action, storage: 'auto', memory: false },
    },
  ];
  return others.filter(
    ({ action: other }) =>
      other.kind === 'snapshot-create' &&
      JSON.stringify(other) !== JSON.stringify(action) &&
      'choice' in chooseStorage(facts, wantedOf(facts, other)),
  );
}

/** Shown beside a check about the memory's space. */
function withoutMemory(facts: MachineFacts, action: CreateAction): readonly Alternative[] {
  const other = { ...action, storage: 'auto' as const, memory: false };
  if (!('choice' in chooseStorage(facts, wantedOf(facts, other)))) return [];
  return [{ title: 'Take the snapshot without memory', action: other }];
}
