/**
 * Going back to an external snapshot by our own steps, where libvirt cannot (B1):
 *
 *   1  keep where it is, stopping in that very moment (if nothing is kept it stops after 2)
 *   2  put a new, empty overlay on every image the snapshot froze
 *   3  define the machine as the snapshot has it, on those overlays
 *   4  tell libvirt that the snapshot is current and which overlays stand on it: that is what it
 *      merges when the snapshot is deleted
 *   5  continue from the memory file with a definition on the overlays (the one inside the file
 *      names the frozen images: running on them would destroy the snapshot), or start, or stay off
 *   6  remove what nothing stands on any more: the empty overlay of the undo point, or the present
 *
 * Up to 5 every step can be taken back if something was kept. Another overlay on a frozen image is
 * a branch: the snapshot cannot be deleted while there are two (plan-delete.ts).
 */
import type { PlanReason } from '#contract/actions.ts';
import {
  domainOfSnapshot,
  domainWithImages,
  snapshotWithOverlays,
  type NewImages,
} from '#engine/hypervisor/edit-images.ts';
import { isActive, type MachineFacts, type SnapshotFacts } from '#engine/interlock/facts.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import { findSnapshot, momentsInside } from './blockers.ts';
import { mayChangeFiles, revertsExternal, revertsLiveDisks } from './capabilities.ts';
import { cannotBeUndone, notNeeded, step } from './draft.ts';
import { ImageLines } from './image-lines.ts';
import type { Kept } from './keep-where-it-is.ts';
import type { FileNames } from './names.ts';
import { howItGoesOn, type RevertTarget } from './revert-target.ts';
import { startSeconds, writeSeconds } from './take-snapshot.ts';

export interface Going {
  readonly steps: readonly EngineStep[];
  readonly refusals: readonly PlanReason[];
}

/** Where libvirt itself does not go back to it. */
export function revertsByHand(
  { host, definition, disks }: MachineFacts,
  { storage, snapshot: { record, frozen } }: RevertTarget,
): boolean {
  if (storage !== 'external') return false;
  const liveDisks = record.memory === 'no' && record.machineState === 'running';
  if (!revertsExternal(host) || (liveDisks && !revertsLiveDisks(host))) return true;
  const taking = new Set(disks.filter(({ leftOut }) => leftOut === null).map((one) => one.target));
  const onFiles = definition.disks.every(
    ({ target, sourceKind }) => !taking.has(target) || sourceKind === 'file',
  );
  return !onFiles || frozen.some(({ path }) => path.startsWith('/dev/'));
}

/**
 * @param kept null: what the machine is now is given up.
 * @param noted whether it counts as a revert that can be undone or whose loss is said.
 */
export function revertByHand(
  facts: MachineFacts,
  target: RevertTarget,
  kept: Kept | null,
  files: FileNames,
  noted = true,
): Going {
  const refusals = refusalsOf(facts, target);
  if (refusals.length > 0) return { steps: [], refusals };
  const overlays = new Map(
    target.snapshot.frozen.flatMap(({ target: name }) => {
      const disk = facts.disks.find((one) => one.target === name);
      return disk === undefined ? [] : [[name, files.overlay(disk, target.name)] as const];
    }),
  );
  const steps = [
    // What can fail comes before what cannot be taken back.
    overlayStep(target, overlays),
    ...(isActive(facts) && kept === null ? [stopStep(facts)] : []),
    defineStep(facts, target, overlays, kept),
    recordStep(facts, target, overlays, { kept, noted }),
    ...startStep(facts, target, overlays, kept),
    ...clearStep(facts, target, kept),
  ];
  return { steps, refusals: [] };
}

function refusalsOf(facts: MachineFacts, { snapshot, name }: RevertTarget): readonly PlanReason[] {
  if (!mayChangeFiles(facts)) {
    return [
      {
        id: 'file-access',
        title: 'Waymark may not make images on this host',
        detail:
          'This libvirt does not go back to external snapshots by itself, and the folder of the ' +
          'images belongs to another user. Run Waymark as root.',
      },
    ];
  }
  const known = new Set(snapshot.frozen.map(({ target }) => target));
  const unknown = snapshot.record.disks.filter(
    ({ target, kind }) => kind === 'external' && !known.has(target),
  );
  if (unknown.length === 0) return [];
  const disks = unknown.map(({ target }) => target).join(', ');
  const detail = `libvirt does not say which image of ${disks} it kept.`;
  return [{ id: 'image-unknown', title: `${name} cannot be gone back to`, detail }];
}

function stopStep({ name }: MachineFacts): EngineStep {
  return step({
    title: `Stop ${name}`,
    detail: 'What it has in memory is given up',
    actions: [{ do: 'stop' }],
    undo: null,
    undoWords: cannotBeUndone,
  });
}

function overlayStep({ name, snapshot }: RevertTarget, overlays: NewImages): EngineStep {
  const made = snapshot.frozen.flatMap(({ target, path: base, format: baseFormat }) => {
    const path = overlays.get(target);
    return path === undefined ? [] : [{ path, base, baseFormat }];
  });
  return step({
    title: `Put a new, empty image on what ${name} kept`,
    detail: made.map(({ path }) => path).join(', '),
    actions: made.map((one): StepAction => ({ do: 'create-overlay', ...one })),
    undo: made.map(({ path }): StepAction => ({ do: 'remove-file', path })),
    undoWords: 'Remove it',
  });
}

function defineStep(
  facts: MachineFacts,
  { name, snapshot }: RevertTarget,
  overlays: NewImages,
  kept: Kept | null,
): EngineStep {
  const xml = domainOfSnapshot(snapshot.xml, 'stored', facts.name, overlays);
  const before =
    kept === null ? facts.inactiveXml : domainWithImages(facts.inactiveXml, kept.overlays);
  return step({
    title: `Give ${facts.name} the disks and the hardware of ${name}`,
    actions: xml === null ? [] : [{ do: 'define', xml }],
    undo: [{ do: 'define', xml: before }],
    undoWords: 'Give it back what it has now',
  });
}

/** libvirt merges what the records name, so those on the new line must name the images of it. */
function recordStep(
  facts: MachineFacts,
  { name, snapshot }: RevertTarget,
  overlays: NewImages,
  { kept, noted }: { readonly kept: Kept | null; readonly noted: boolean },
): EngineStep {
  const stale = staleAncestors(facts, snapshot);
  const record = ({ record: one, xml }: SnapshotFacts, images: NewImages) => {
    const changed = snapshotWithOverlays(xml, images);
    return { do: 'record-snapshot' as const, name: one.name, xml: changed, current: false };
  };
  const none: NewImages = new Map();
  // Deleting the undo point is safe only while libvirt takes it for current: from 9.9 on it removes
  // what any other leaf froze.
  const before = kept?.name ?? facts.current;
  return step({
    title: `Note that ${facts.name} goes on from ${name}`,
    actions: [
      ...stale.map(({ ancestor, images }) => record(ancestor, images)),
      record(snapshot, overlays),
      { do: 'make-current', name },
      ...(noted ? [{ do: 'note-revert' as const, to: name, kept: kept?.name ?? null }] : []),
    ],
    undo: [
      ...(kept !== null ? [{ do: 'forget-revert' as const, kept: kept.name }] : []),
      ...(kept === null && noted ? [{ do: 'unnote-revert' as const, to: name }] : []),
      ...stale.map(({ ancestor }) => record(ancestor, none)),
      record(snapshot, none),
      ...(before === null ? [] : [{ do: 'make-current' as const, name: before }]),
    ],
    undoWords: 'Note it back',
  });
}

/** Snapshots before this one whose record names an image of another line. */
function staleAncestors(
  facts: MachineFacts,
  snapshot: SnapshotFacts,
): readonly { readonly ancestor: SnapshotFacts; readonly images: NewImages }[] {
  const found: { ancestor: SnapshotFacts; images: NewImages }[] = [];
  const lines = new ImageLines(facts);
  let { parent } = snapshot.record;
  for (let hops = 0; parent !== null && hops < facts.snapshots.length; hops += 1) {
    const ancestor = findSnapshot(facts, parent);
    if (ancestor === null) break;
    const images = new Map<string, string>();
    for (const { target, path } of ancestor.frozen) {
      const top = snapshot.frozen.find((one) => one.target === target)?.path;
      const line = top === undefined ? [] : lines.line(top);
      const above = line[line.indexOf(path) - 1];
      const told = ancestor.record.disks.find((disk) => disk.target === target)?.source;
      if (above !== undefined && told !== above) images.set(target, above);
    }
    if (images.size > 0) found.push({ ancestor, images });
    ({ parent } = ancestor.record);
  }
  return found;
}

function startStep(
  facts: MachineFacts,
  target: RevertTarget,
  overlays: NewImages,
  kept: Kept | null,
): readonly EngineStep[] {
  const { name, state, memory, snapshot } = target;
  if (state === 'off') return [];
  const paused = state === 'paused';
  const images = [...overlays].map(([disk, path]) => ({ target: disk, path }));
  const file = memory ? snapshot.memoryFile : null;
  const bytes = file === null ? 0 : (file.bytes ?? facts.memoryBytes);
  const seconds = startSeconds + writeSeconds(facts, bytes);
  return [
    step({
      title: memory ? `Go on where ${name} was` : `Start ${facts.name}`,
      detail: howItGoesOn(target),
      actions: [
        file === null
          ? { do: 'start', paused }
          : { do: 'restore-memory', file: file.path, images, paused },
      ],
      undo: [{ do: 'stop' }],
      undoWords: kept === null ? 'Switch it off' : 'Switch it off and go back to where you are now',
      seconds,
      downtimeSeconds: isActive(facts) ? seconds : 0,
    }),
  ];
}

/** What nothing stands on any more. */
function clearStep(
  facts: MachineFacts,
  target: RevertTarget,
  kept: Kept | null,
): readonly EngineStep[] {
  if (kept === null) return removeAbandoned(facts, target, []);
  const paths = [...kept.overlays.values()];
  if (paths.length === 0) return [];
  return [
    step({
      title: 'Remove an image that holds nothing',
      detail: paths.join(', '),
      actions: paths.map((path): StepAction => ({ do: 'remove-file', path, ifEmpty: true })),
      undo: null,
      undoWords: notNeeded,
    }),
  ];
}

/** @param gone removed by libvirt already. */
export function removeAbandoned(
  facts: MachineFacts,
  target: RevertTarget,
  gone: readonly string[],
): readonly EngineStep[] {
  const paths = abandonedBy(facts, target).filter((path) => !gone.includes(path));
  if (paths.length === 0 || !mayChangeFiles(facts)) return [];
  return [
    step({
      title: 'Remove what came since',
      detail: paths.join(', '),
      actions: paths.map((path): StepAction => ({ do: 'remove-file', path })),
      undo: null,
      undoWords: cannotBeUndone,
    }),
  ];
}

/**
 * The images that came since: from the one the machine writes to down to what some snapshot froze,
 * where no snapshot lies inside them and nothing else stands on them. More than one where libvirt
 * put a disk that was left out on another image.
 */
function abandonedBy(facts: MachineFacts, { snapshot }: RevertTarget): readonly string[] {
  const all = facts.snapshots.flatMap((one) => one.frozen);
  // What cannot be read, or is known by two names, could stand on it.
  if (all.some(({ seen, exists }) => !seen && exists !== false)) return [];
  const frozen = new Set(all.map(({ path }) => path));
  const lines = new ImageLines(facts);
  const isKept = (path: string, above: string | undefined) =>
    facts.shared.some((one) => one.path === path) ||
    lines.neededOn(path).some((overlay) => overlay !== above) ||
    momentsInside(facts, new Set([path])).length > 0;
  return snapshot.frozen.flatMap(({ target }) => {
    const chain = facts.disks.find((disk) => disk.target === target)?.chain ?? [];
    const paths = chain.map(({ path }) => path);
    const since = paths.slice(
      0,
      Math.max(
        0,
        paths.findIndex((path) => frozen.has(path)),
      ),
    );
    return since.some((path, index) => isKept(path, since[index - 1])) ? [] : since;
  });
}
