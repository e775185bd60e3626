/**
 * Plans deleting snapshots. Pure. What may be deleted is told by the images, never by libvirt's
 * tree alone: libvirt 9.0 does not notice that two images stand on the one it writes into.
 *
 *   row  snapshot  its image                              answer
 *   A3   internal  the disk's own                         libvirt deletes it, running or stopped
 *   –    internal  another than the running disk's        refused until the machine is off
 *   B2   external  under the disk, one image on it        libvirt merges that image into it
 *   B2   external  under the disk, two images on it       refused: the other line would change
 *   B2   external  not under the disk, nothing on it      forgotten, its images removed
 *   B2   external  not under the disk, images on it       refused: those snapshots stand on it
 *   B3   external  with a memory file                     removed by us where libvirt forgets it
 *   B5   external  after an internal one, or holding one  refused: data would be lost
 *   B19  external  deletion was cut off                   deleted again, before the one before it
 *   –    off       with a managed save, host devices      merging refused: it needs a QEMU
 *
 * Order: what is not under a disk first, leaves first (libvirt falsifies the records of children
 * when it only forgets a parent); then merges, the oldest first, so that data moves once.
 * An image that no other is known to stand under is a disk of its own and is never removed.
 */
import type { Alternative, MachineAction, PlanReason } from '#contract/actions.ts';
import { isActive, type MachineFacts, type SnapshotFacts } from '#engine/interlock/facts.ts';
import { refusedPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import { moment } from '#engine/interlock/rereads.ts';
import { stableId } from '#engine/interlock/stable-id.ts';
import { commonRefusals, findSnapshot, unknownSnapshot } from './blockers.ts';
import { deletesBelowWhileOff } from './capabilities.ts';
import { deleteExternal, type Deletion } from './delete-external.ts';
import { deleteInternal } from './delete-internal.ts';
import { check, planOf, type PlanWords } from './draft.ts';
import { pausedStart } from './take-snapshot.ts';
import { counted, listed, whatStays } from './words.ts';

export type DeleteAction = Extract<MachineAction, { kind: 'snapshot-delete' }>;

export function planDelete(facts: MachineFacts, action: DeleteAction): EnginePlan {
  const named = [...new Set(action.names)];
  const unknown = named.filter((name) => findSnapshot(facts, name) === null);
  const doomed = facts.snapshots.filter(({ record }) => named.includes(record.name));
  const all = action.children ? withChildren(facts, doomed) : doomed;
  const words = wordsOf(facts, action, all);
  const common = [...commonRefusals(facts), ...unknown.map((name) => unknownSnapshot(facts, name))];
  if (common.length > 0) return refusedPlan(words, common);
  const deletion = deletionOf(facts, all);
  if (deletion.refusals.length > 0) {
    const alternatives = alternativesOf(facts, all, deletion.blocking);
    return refusedPlan(words, deletion.refusals, { alternatives });
  }
  const merging = [...deletion.records, ...deletion.merges];
  const merges = startNeeded(facts, deletion) ? pausedStart(facts, ...merging) : merging;
  const undoPoint = all.find(({ record }) => record.name === facts.undoable?.kept);
  return planOf(facts, {
    words,
    reasons: [],
    steps: [...deletion.drops, ...merges],
    checks: deletion.left.map((path) =>
      check(
        stableId('left-image', path),
        'ok',
        'An image stays',
        `${path} is used by nothing of this machine any more, but was not made by its snapshots.`,
      ),
    ),
    undo: 'It cannot be undone. The machine stays where it is.',
    tier: 2,
    lost: [
      ...all.map(({ record }) => `The point ${record.name} (${moment(record.time)})`),
      ...(undoPoint === undefined ? [] : [`Undoing the revert to ${facts.undoable?.to ?? ''}`]),
    ],
    stays: `${facts.name} stays where it is. ${whatStays(facts, all.length)}`,
    done:
      all.length === 1
        ? `The snapshot ${all[0]?.record.name ?? ''} is deleted.`
        : `${counted(all.length, 'snapshot')} are deleted.`,
  });
}

function wordsOf(
  { name, snapshots }: MachineFacts,
  action: DeleteAction,
  all: readonly SnapshotFacts[],
): PlanWords {
  const names = all.length > 0 ? all.map(({ record }) => record.name) : action.names;
  const what = names.length === 1 ? `the snapshot ${names[0]}` : counted(names.length, 'snapshot');
  return {
    action,
    title: `Delete ${what} of ${name}`,
    summary: names.length === 1 ? whatIsLeft(snapshots.length - 1) : listed(names),
    button: names.length === 1 ? 'Delete snapshot' : `Delete ${counted(names.length, 'snapshot')}`,
  };
}

function whatIsLeft(count: number): string {
  if (count <= 0) return 'It is the only point to go back to';
  return `${counted(count, 'other point')} to go back to ${count === 1 ? 'stays' : 'stay'}`;
}

/** Parents come before their children, so one pass finds all that come after. */
function withChildren(
  { snapshots }: MachineFacts,
  doomed: readonly SnapshotFacts[],
): readonly SnapshotFacts[] {
  const names = new Set(doomed.map(({ record }) => record.name));
  for (const { record } of snapshots) {
    if (record.parent !== null && names.has(record.parent)) names.add(record.name);
  }
  return snapshots.filter(({ record }) => names.has(record.name));
}

/** The parts for the kinds among them. */
function deletionOf(facts: MachineFacts, doomed: readonly SnapshotFacts[]): Deletion {
  const mixed = doomed.filter(({ storage }) => storage === 'mixed');
  if (mixed.length > 0) {
    const names = listed(mixed.map(({ record }) => record.name));
    const detail = 'Another tool made it so. libvirt deletes no such snapshot without losing data.';
    const title = `${names} is kept partly inside and partly beside the images`;
    return { ...nothing, refusals: [{ id: 'mixed-snapshot', title, detail }] };
  }
  const internal = deleteInternal(
    facts,
    doomed.filter(({ storage }) => storage === 'internal'),
  );
  const external = deleteExternal(
    facts,
    doomed.filter(({ storage }) => storage === 'external'),
  );
  const refusals = [...internal.refusals, ...external.refusals];
  const startRefused = mergesOff(facts, external);
  return {
    refusals: [...refusals, ...(startRefused ? startRefusals(facts) : [])],
    blocking: external.blocking,
    records: external.records,
    drops: [...internal.drops, ...external.drops],
    merges: external.merges,
    left: external.left,
  };
}

const nothing: Deletion = {
  ...{ refusals: [], blocking: [], records: [], drops: [], merges: [], left: [] },
};

function mergesOff(facts: MachineFacts, { merges }: Pick<Deletion, 'merges'>): boolean {
  return !isActive(facts) && merges.length > 0;
}

/**
 * Before 9.9 libvirt finds only the newest image of a stopped disk; a QEMU knows them all. And it
 * takes no new record of a stopped machine that has checkpoints (A5).
 */
function startNeeded(
  facts: MachineFacts,
  { merges, records }: Pick<Deletion, 'merges' | 'records'>,
): boolean {
  const refusesRecords = records.length > 0 && facts.checkpoints.length > 0;
  return mergesOff(facts, { merges }) && (!deletesBelowWhileOff(facts.host) || refusesRecords);
}

/** libvirt itself would start a QEMU for it, whatever that means for these. */
function startRefusals({ name, managedSave, definition }: MachineFacts): readonly PlanReason[] {
  const reasons: PlanReason[] = [];
  if (managedSave) {
    reasons.push({
      id: 'managed-save',
      title: `${name} is off with its memory saved`,
      detail:
        'Merging images needs a QEMU, and that memory expects the images as they are. Start the ' +
        'machine and delete then.',
    });
  }
  if (definition.hostDevices.length > 0) {
    reasons.push({
      id: 'host-devices-off',
      title: `${name} would have to be started for it`,
      detail:
        `Merging images needs a QEMU, which would take ${listed(definition.hostDevices)} from ` +
        'the host. Start the machine and delete then.',
    });
  }
  return reasons;
}

/** Deleting what stands in the way too, if that is all it takes. */
function alternativesOf(
  facts: MachineFacts,
  doomed: readonly SnapshotFacts[],
  blocking: readonly string[],
): readonly Alternative[] {
  if (blocking.length === 0) return [];
  const names = new Set([...doomed.map(({ record }) => record.name), ...blocking]);
  const all = facts.snapshots.filter(({ record }) => names.has(record.name));
  if (deletionOf(facts, all).refusals.length > 0) return [];
  const action = { kind: 'snapshot-delete' as const, names: [...names], children: false };
  return [{ title: `Delete ${listed(blocking)} too`, action }];
}
