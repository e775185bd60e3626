/** Deleting snapshots that are kept as images of their own (table in plan-delete.ts). */
import type { PlanReason } from '#contract/actions.ts';
import { snapshotWithOverlays } from '#engine/hypervisor/edit-images.ts';
import { snapshotDeleteFlag as flag } from '#engine/hypervisor/snapshot-flags.ts';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import { beingDeleted } from './blockers.ts';
import { forgetsMemoryFile, mayChangeFiles, revertsExternal } from './capabilities.ts';
import { imageAbove, wayOf, type Pair, type Way } from './delete-ways.ts';
import { cannotBeUndone, step } from './draft.ts';
import { ImageLines } from './image-lines.ts';
import { writeSeconds } from './take-snapshot.ts';

/** What deleting takes; `blocking` snapshots would have to go too. */
export interface Deletion {
  readonly refusals: readonly PlanReason[];
  readonly blocking: readonly string[];
  /** Between those two. */
  readonly records: readonly EngineStep[];
  /** Forgets and removes: no QEMU is needed. */
  readonly drops: readonly EngineStep[];
  /** Needs a QEMU that has the images. */
  readonly merges: readonly EngineStep[];
  /** Images that stay although nothing uses them any more. */
  readonly left: readonly string[];
}

export function deleteExternal(facts: MachineFacts, doomed: readonly SnapshotFacts[]): Deletion {
  const lines = new ImageLines(facts);
  const refusals: PlanReason[] = [];
  const blocking = new Set<string>();
  const drops: EngineStep[] = [];
  const merges: EngineStep[] = [];
  const left: string[] = [];
  const merged: SnapshotFacts[] = [];
  const dropped: SnapshotFacts[] = [];
  for (const snapshot of inOrder(facts, lines, doomed)) {
    const { name } = snapshot.record;
    const way = wayOf({ facts, lines, snapshot });
    switch (way.way) {
      case 'refused':
        refusals.push(way.reason);
        for (const other of way.blocking) blocking.add(other);
        break;
      case 'drop':
        lines.drop(name);
        left.push(...way.left, ...unusedBelow(lines, snapshot));
        dropped.push(snapshot);
        drops.push(dropStep(facts, snapshot, way));
        break;
      case 'merge':
        for (const { overlay, image } of way.pairs) lines.merge(name, overlay, image);
        merged.push(snapshot);
        merges.push(mergeStep(facts, snapshot, way.pairs));
    }
  }
  const records = recordSteps(facts, merged, dropped);
  return { refusals, blocking: [...blocking], records, drops, merges, left };
}

/** What only the snapshot stood on and none froze: whose it is, is not known. */
function unusedBelow(lines: ImageLines, { frozen }: SnapshotFacts): readonly string[] {
  return frozen.flatMap(({ path }) =>
    lines.line(path).filter((image) => image !== path && !lines.isNeeded(image)),
  );
}

/** Off the disks' lines leaves first, then on them the oldest first; a cut-off one before all. */
function inOrder(
  facts: MachineFacts,
  lines: ImageLines,
  doomed: readonly SnapshotFacts[],
): readonly SnapshotFacts[] {
  const onLine = ({ frozen }: SnapshotFacts) =>
    frozen.some(({ target, path }) => lines.carries(target, path));
  const cutOff = (snapshot: SnapshotFacts) => (beingDeleted(facts, snapshot) ? 0 : 1);
  return [
    ...doomed.filter((snapshot) => !onLine(snapshot)).toReversed(),
    ...doomed.filter(onLine).toSorted((a, b) => cutOff(a) - cutOff(b)),
  ];
}

function dropStep(
  facts: MachineFacts,
  { record: { name }, memoryFile }: SnapshotFacts,
  { byLibvirt, files }: Extract<Way, { way: 'drop' }>,
): EngineStep {
  const removed = [...files, ...(memoryFile === null ? [] : [memoryFile.path])];
  return step({
    title: `Delete ${name}`,
    detail: 'The machine does not stand on it: its images are removed',
    actions: [
      { do: 'delete-snapshot', name, flags: byLibvirt ? 0 : flag.metadataOnly },
      ...(byLibvirt ? [] : removed.map((path): StepAction => ({ do: 'remove-file', path }))),
      ...afterDeletion(facts, name),
    ],
    undo: null,
    undoWords: cannotBeUndone,
  });
}

function mergeStep(
  facts: MachineFacts,
  { record: { name }, memoryFile }: SnapshotFacts,
  pairs: readonly Pair[],
): EngineStep {
  const bytes = bytesOf(facts, pairs);
  const ours = memoryFile !== null && forgetsMemoryFile(facts.host) && mayChangeFiles(facts);
  return step({
    title: `Delete ${name}`,
    detail: 'What came after it is merged into its image; the machine keeps what it has',
    actions: [
      { do: 'delete-snapshot', name, flags: 0 },
      ...(ours ? [{ do: 'remove-file' as const, path: memoryFile.path }] : []),
      ...afterDeletion(facts, name),
    ],
    undo: null,
    undoWords: cannotBeUndone,
    bytes,
    seconds: bytes === null ? null : writeSeconds(facts, bytes),
  });
}

/** What the overlays take is what moves. */
function bytesOf({ disks }: MachineFacts, pairs: readonly Pair[]): number | null {
  const used = new Map(disks.flatMap(({ chain }) => chain.map((one) => [one.path, one.usedBytes])));
  return pairs.reduce<number | null>((sum, { overlay }) => {
    const bytes = used.get(overlay) ?? null;
    return sum === null || bytes === null ? null : sum + bytes;
  }, 0);
}

/** What Waymark keeps of a snapshot goes with it. */
export function afterDeletion({ undoable }: MachineFacts, name: string): readonly StepAction[] {
  return [
    { do: 'drop-picture', snapshot: name },
    ...(undoable?.kept === name ? [{ do: 'forget-revert' as const, kept: name }] : []),
  ];
}

/**
 * libvirt merges the image that the snapshot's record names, and from 9.9 on removes what a
 * snapshot froze that is neither current nor has children: both records have to be true first.
 * After a revert by hand or by another tool they may not be, nor after a deletion: libvirt then
 * lets the record before it name what was made by going back to it, whatever the machine is on.
 */
function recordSteps(
  facts: MachineFacts,
  merged: readonly SnapshotFacts[],
  dropped: readonly SnapshotFacts[],
): readonly EngineStep[] {
  if (merged.length === 0) return [];
  const lines = new ImageLines(facts);
  const parents = new Set(dropped.map(({ record }) => record.parent));
  const top = topmost(facts, lines);
  const actions: StepAction[] = [];
  const undo: StepAction[] = [];
  for (const snapshot of merged) {
    const { name, disks } = snapshot.record;
    const images = imagesAbove(lines, snapshot);
    const wrong = [...images].some(
      ([target, image]) => disks.find((disk) => disk.target === target)?.source !== image,
    );
    const willBe = revertsExternal(facts.host) && parents.has(name);
    if (!wrong && !willBe) continue;
    const xml = snapshotWithOverlays(snapshot.xml, images);
    actions.push({ do: 'record-snapshot', name, xml, current: false });
    undo.push({ do: 'record-snapshot', name, xml: snapshot.xml, current: false });
  }
  const wrongTop = top !== null && top.record.name !== facts.current;
  if (wrongTop && revertsExternal(facts.host)) {
    actions.push({ do: 'make-current', name: top.record.name });
  }
  if (actions.length === 0) return [];
  return [
    step({
      title: 'Tell libvirt what stands on their images',
      detail: 'Its records are not true any more',
      actions,
      undo,
      undoWords: 'Tell it what it knew',
    }),
  ];
}

/** The snapshot that the disks' own images stand on. */
function topmost({ snapshots }: MachineFacts, lines: ImageLines): SnapshotFacts | null {
  const found = snapshots.filter(({ frozen }) =>
    frozen.some(({ target, path }) => imageAbove(lines, target, path) === lines.active(target)),
  );
  return found.at(-1) ?? null;
}

/** By target, the image on the disk's line that is directly above. */
function imagesAbove(lines: ImageLines, { frozen }: SnapshotFacts): ReadonlyMap<string, string> {
  return new Map(
    frozen.flatMap(({ target, path }) => {
      const above = imageAbove(lines, target, path);
      return above === null ? [] : [[target, above] as const];
    }),
  );
}
