/**
 * Plans the repair of what the doctor found. Pure: the machine's state when it is planned decides
 * how each is mended, so a report from before a start or a stop still leads to the right steps.
 */
import type { MachineAction, PlanReason } from '#contract/actions.ts';
import {
  removalOf,
  removeFrom,
  takeOutAlone,
  type Removal,
} from '#engine/interlock/checkpoint-removal.ts';
import { isActive, type MachineFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import { rereadStep } from '#engine/interlock/rereads.ts';
import type { Cure, Diagnosis, Examination } from './diagnosis.ts';
import { reasonsToWait } from '#engine/interlock/reasons-to-wait.ts';
import { stableId } from '#engine/interlock/stable-id.ts';

export type Repair = Extract<MachineAction, { kind: 'repair' }>;

/**
 * First what can hurt the guest, then what libvirt forgot, then what is in the way. A checkpoint is
 * recorded before others go, because a plan that is cut off then has mended the most.
 */
const order: readonly Cure['do'][] = [
  'end-job',
  'record-checkpoint',
  'remove-checkpoint',
  'remove-bitmap',
  'delete-snapshot',
  'protect-file',
  'remove-folder',
  'remove-file',
];

interface Mended {
  readonly diagnosis: Diagnosis;
  readonly cure: Cure;
}

/** `examination` is the newest of this machine; its findings are named by id. */
export function planRepair(
  facts: MachineFacts,
  action: Repair,
  examination: Examination,
): EnginePlan {
  const ids = [...new Set(action.findings)];
  const chosen = examination.diagnoses.filter(({ finding }) => ids.includes(finding.id));
  const mended = chosen
    .flatMap((diagnosis): readonly Mended[] =>
      diagnosis.cure === null ? [] : [{ diagnosis, cure: diagnosis.cure }],
    )
    .sort((a, b) => order.indexOf(a.cure.do) - order.indexOf(b.cure.do));
  const words = wordsOf(facts, action, chosen);
  const checks = chosen.flatMap(({ consent }) => consent ?? []);
  const removals = mended.map(({ cure }) => actionsFor(facts, cure));
  const reasons = [
    ...reasonsToWait(withoutOurJob(facts, mended)),
    ...gone(ids, chosen),
    ...chosen.flatMap((diagnosis) => hopeless(diagnosis) ?? []),
    ...removals.flatMap((one) => (one.kind === 'impossible' ? [one.reason] : [])),
  ];
  if (reasons.length > 0) return refusedPlan(words, reasons, { checks });
  const steps = mended.map((one, at) => stepOf(one, removals[at]));
  const rereads = [...new Set(chosen.flatMap((diagnosis) => diagnosis.rereads))];
  const undoable = steps.every(({ undo }) => undo !== null);
  return {
    ...words,
    verdict: 'allowed',
    reasons: [],
    alternatives: [],
    steps,
    afterwards: rereads.map((repository) => rereadStep(facts, repository)),
    checks,
    costs: { bytes: 0, freeBytes: null, seconds: steps.length, downtimeSeconds: 0, rereads },
    storage: null,
    undo: undoable
      ? 'Nothing is removed by it, so there is nothing to bring back.'
      : 'It cannot be undone. Nothing that was backed up is touched.',
    tier: 2,
    confirm: null,
    lost: mended.flatMap(({ diagnosis, cure }) => lossOf(diagnosis, cure)),
    stays: `${facts.name}, the content of its disks and every restore point stay as they are.`,
    done: chosen.length === 1 ? 'It is repaired.' : `${chosen.length} findings are repaired.`,
    undoAction: null,
  };
}

function wordsOf({ name }: MachineFacts, action: Repair, chosen: readonly Diagnosis[]) {
  const [only] = chosen;
  const one = chosen.length === 1 && only !== undefined;
  return {
    action,
    title: one ? `Repair ${name}: ${only.finding.title}` : `Repair ${name}`,
    summary: one ? (only.finding.repair ?? only.finding.detail) : `${chosen.length} findings.`,
    button: one ? 'Repair' : `Repair ${chosen.length} findings`,
  };
}

/** The job that is ended by this very plan does not stand in its way. */
function withoutOurJob(facts: MachineFacts, mended: readonly Mended[]): MachineFacts {
  const ends = mended.some(({ cure }) => cure.do === 'end-job');
  return ends ? { ...facts, libvirtJob: null, lostJob: false } : facts;
}

function gone(ids: readonly string[], chosen: readonly Diagnosis[]): readonly PlanReason[] {
  return ids
    .filter((id) => !chosen.some(({ finding }) => finding.id === id))
    .map((id) => ({
      id: stableId('no-finding', id),
      title: 'This is not found any more',
      detail: `The doctor’s newest report has no ${id}. Let it look again.`,
    }));
}

function hopeless({ finding, cure }: Diagnosis): PlanReason | null {
  if (cure !== null) return null;
  return {
    id: stableId('by-hand', finding.id),
    title: `Only a person can mend this: ${finding.title}`,
    detail: finding.detail,
  };
}

function actionsFor(facts: MachineFacts, cure: Cure): Removal {
  switch (cure.do) {
    case 'remove-checkpoint':
      return removalOf(facts, cure.checkpoint);
    case 'remove-bitmap':
      return isActive(facts)
        ? takeOutAlone(facts, cure.target, cure.bitmap)
        : fromClosedImage(facts, cure);
    case 'end-job':
      return possible(cure, { do: 'remove-folder', path: cure.workFolder });
    case 'delete-snapshot':
      return possible({ ...cure, flags: 0 });
    case 'protect-file':
      return possible({ do: 'protect-file', path: cure.path, mode: cure.mode });
    case 'record-checkpoint':
    case 'remove-folder':
    case 'remove-file':
      return possible(cure);
  }
}

function possible(...actions: readonly StepAction[]): Removal {
  return { kind: 'possible', actions };
}

/** Only while it is still the disk's own image: since an external snapshot another one is. */
function fromClosedImage(
  { disks }: MachineFacts,
  { target, bitmap, image }: Extract<Cure, { do: 'remove-bitmap' }>,
): Removal {
  const top = disks.find((disk) => disk.target === target)?.chain[0];
  if (top?.path !== image) return possible();
  return removeFrom(top, bitmap) ?? possible();
}

function stepOf({ diagnosis, cure }: Mended, removal: Removal | undefined): EngineStep {
  const undo = undoOf(cure);
  return {
    title: stepTitle(cure),
    detail: diagnosis.finding.title,
    actions: removal?.kind === 'possible' ? removal.actions : [],
    undo,
    undoWords: undo === null ? 'Cannot be undone' : 'Put it back as it was',
    bytes: 0,
    seconds: cure.do === 'delete-snapshot' ? null : 1,
    downtimeSeconds: 0,
  };
}

function stepTitle(cure: Cure): string {
  switch (cure.do) {
    case 'remove-checkpoint':
      return `Delete the checkpoint ${cure.checkpoint.name}`;
    case 'remove-bitmap':
      return `Remove the bitmap ${cure.bitmap} from ${cure.target}`;
    case 'record-checkpoint':
      return `Tell libvirt of the checkpoint ${cure.name}`;
    case 'delete-snapshot':
      return `Finish the deletion of ${cure.name}`;
    case 'protect-file':
      return `Let only its owner read ${cure.path}`;
    case 'remove-folder':
    case 'remove-file':
      return `Remove ${cure.path}`;
    case 'end-job':
      return 'End libvirt’s backup job';
  }
}

function undoOf(cure: Cure): readonly StepAction[] | null {
  if (cure.do === 'record-checkpoint')
    return [{ do: 'delete-checkpoint', name: cure.name, metadataOnly: true }];
  if (cure.do === 'protect-file')
    return [{ do: 'protect-file', path: cure.path, mode: cure.before }];
  return null;
}

function lossOf({ consent }: Diagnosis, cure: Cure): readonly string[] {
  if (consent === null) return [];
  switch (cure.do) {
    case 'remove-checkpoint':
      return [`What changed since ${cure.checkpoint.name} is forgotten.`];
    case 'remove-bitmap':
      return [`What ${cure.bitmap} recorded of ${cure.target} is forgotten.`];
    case 'remove-file':
      return [`The memory in ${cure.path} is gone.`];
    default:
      return [];
  }
}
