/** How an external snapshot can be deleted, by what stands on the images it froze. */
import type { PlanReason } from '#contract/actions.ts';
import { isActive, type MachineFacts, type SnapshotFacts } from '#engine/interlock/facts.ts';
import { findSnapshot, momentsInside } from './blockers.ts';
import { deletesExternal, mayChangeFiles, revertsExternal } from './capabilities.ts';
import type { ImageLines } from './image-lines.ts';
import { listed } from './words.ts';

/** `overlay` goes into `image`. */
export interface Pair {
  readonly target: string;
  readonly overlay: string;
  readonly image: string;
}

export type Way =
  | { readonly way: 'merge'; readonly pairs: readonly Pair[] }
  /** `byLibvirt`: it removes the images; otherwise it only forgets, and `files` are removed. */
  | {
      readonly way: 'drop';
      readonly byLibvirt: boolean;
      readonly files: readonly string[];
      /** Disks of their own once, which are never removed. */
      readonly left: readonly string[];
    }
  | { readonly way: 'refused'; readonly reason: PlanReason; readonly blocking: readonly string[] };

interface Place {
  readonly facts: MachineFacts;
  /** As they are when the snapshot's turn comes. */
  readonly lines: ImageLines;
  readonly snapshot: SnapshotFacts;
}

export function wayOf(place: Place): Way {
  const { lines, snapshot } = place;
  const { name } = snapshot.record;
  const obstacle = obstacleOf(place);
  if (obstacle !== null) return { way: 'refused', reason: obstacle, blocking: [] };
  const frozen = lines.frozenBy(name);
  const pairs: Pair[] = [];
  const files: string[] = [];
  const left: string[] = [];
  const twins = twinsOf(lines, name);
  for (const { target, path } of frozen) {
    const on = lines.neededOn(path);
    const active = lines.active(target);
    const above = imageAbove(lines, target, path);
    const others = on.filter((image) => image !== above);
    if (others.length > 0) return branch(place, others);
    // What is merged away may have another line on it, which only the newest versions put right.
    const aside = above === null ? [] : besides(lines, target, above);
    if (aside.length > 0) return branch(place, aside);
    if (twins.has(path)) continue;
    if (above !== null) pairs.push({ target, overlay: above, image: path });
    else if (active !== path) (lines.baseOf(path) === null ? left : files).push(path);
  }
  if (twins.size > 0 && pairs.length === 0 && files.length + left.length === 0)
    return forget(place);
  if (pairs.length === 0) return drop(place, files, left, twins.size > 0);
  if (pairs.length < frozen.length) {
    const detail = 'Some of its disks still stand on its images and some do not.';
    return refused(place, 'disks-differ', detail);
  }
  return mergeObstacle(place, pairs) ?? { way: 'merge', pairs };
}

/** The image of the disk's line directly above this one; null when it is not under the disk. */
export function imageAbove(lines: ImageLines, target: string, path: string): string | null {
  const active = lines.active(target);
  const line = active === null ? [] : lines.line(active);
  return line[line.indexOf(path) - 1] ?? null;
}

/** What stands on an image of the disk's line beside the next image of it. */
function besides(lines: ImageLines, target: string, path: string): readonly string[] {
  const next = imageAbove(lines, target, path);
  return lines.neededOn(path).filter((image) => image !== next);
}

function refused(
  { snapshot }: Place,
  id: string,
  detail: string,
  blocking: readonly string[] = [],
) {
  const { name } = snapshot.record;
  const reason = { id: `${id}-${name}`, title: `${name} cannot be deleted`, detail };
  return { way: 'refused' as const, reason, blocking };
}

/** Another line stands on its image, and would not hold what it holds any more. */
function branch(place: Place, images: readonly string[]): Way {
  const { lines, snapshot } = place;
  const { name } = snapshot.record;
  const blocking = lines.snapshots.filter(
    (other) =>
      other !== name &&
      lines.imagesOf(other).some((path) => lines.line(path).some((one) => images.includes(one))),
  );
  if (blocking.length === 0) {
    return refused(place, 'branch', `${listed(images)} stands on its image too.`);
  }
  const one = blocking.length === 1;
  const detail =
    `${listed(blocking)} ${one ? 'stands' : 'stand'} on its image and would hold something else ` +
    `then: delete ${one ? 'that' : 'them'} first.`;
  return refused(place, 'branch', detail, blocking);
}

/** Images that another snapshot froze too: somebody put the disk back on one and took it again. */
function twinsOf(lines: ImageLines, name: string): ReadonlySet<string> {
  const others = lines.snapshots.filter((other) => other !== name);
  const kept = new Set(others.flatMap((other) => lines.frozenBy(other).map(({ path }) => path)));
  return new Set(lines.frozenBy(name).flatMap(({ path }) => (kept.has(path) ? [path] : [])));
}

/**
 * The images stay for the others, so only its record goes; libvirt would falsify those of snapshots
 * after it.
 */
function forget(place: Place): Way {
  const { facts, lines, snapshot } = place;
  const after = childrenLeft(facts, lines, snapshot.record.name);
  if (after.length === 0) return drop(place, [], [], true);
  const detail =
    'Another snapshot is kept in the same image, so nothing can be merged into it, and ' +
    `${listed(after)} came after this one: delete ${after.length === 1 ? 'that' : 'those'} first.`;
  return refused(place, 'same-image', detail, after);
}

function drop(
  place: Place,
  files: readonly string[],
  left: readonly string[],
  hasTwin: boolean,
): Way {
  const { facts, lines, snapshot } = place;
  const { name, disks } = snapshot.record;
  // Its own record may name an overlay that nothing needs: it is of no use without what is below.
  const spare = disks.flatMap(({ source, kind }) => {
    const own = kind === 'external' && source !== null && !lines.isNeeded(source);
    return own && files.includes(lines.baseOf(source) ?? '') ? [source] : [];
  });
  if (mayChangeFiles(facts)) {
    return { way: 'drop', byLibvirt: false, files: [...spare, ...files], left };
  }
  const leaf = facts.current !== name && childrenLeft(facts, lines, name).length === 0;
  if (revertsExternal(facts.host) && leaf && left.length === 0 && !hasTwin) {
    return { way: 'drop', byLibvirt: true, files: [], left: [] };
  }
  const detail = 'Its images belong to another user: run Waymark as root to remove them.';
  return refused(place, 'file-access', detail);
}

function childrenLeft({ snapshots }: MachineFacts, lines: ImageLines, name: string): string[] {
  const left = new Set(lines.snapshots);
  return snapshots
    .filter(({ record }) => record.parent === name && left.has(record.name))
    .map(({ record }) => record.name);
}

/** What libvirt needs of its own tree to merge the right images. */
function mergeObstacle(place: Place, pairs: readonly Pair[]): Way | null {
  const { facts, lines, snapshot } = place;
  const { name } = snapshot.record;
  const above = lines.snapshots.filter((other) =>
    lines.frozenBy(other).some(({ path }) => pairs.some(({ overlay }) => overlay === path)),
  );
  const astray = above.filter((other) => !isAfter(facts, other, name));
  if (astray.length > 0) {
    const detail =
      `libvirt does not list ${listed(astray)} as taken after it, and would lose track of ` +
      'its image.';
    return refused(place, 'records-disagree', detail, astray);
  }
  if (!revertsExternal(facts.host)) return null;
  const children = childrenLeft(facts, lines, name);
  const aside = children.filter((child) => !above.includes(child));
  if (aside.length === 0) return null;
  const detail = `libvirt does not delete it while it lists ${listed(aside)} as taken after it.`;
  return refused(place, 'children', detail, aside);
}

function isAfter(facts: MachineFacts, name: string, before: string): boolean {
  let parent = findSnapshot(facts, name)?.record.parent ?? null;
  for (let hops = 0; parent !== null && hops <= facts.snapshots.length; hops += 1) {
    if (parent === before) return true;
    parent = findSnapshot(facts, parent)?.record.parent ?? null;
  }
  return false;
}

function obstacleOf(place: Place): PlanReason | null {
  const { facts, lines, snapshot } = place;
  const { record, frozen } = snapshot;
  const reason = (id: string, detail: string) => refused(place, id, detail).reason;
  if (!deletesExternal(facts.host)) {
    return reason('old-libvirt', 'libvirt deletes external snapshots from 9.0 on.');
  }
  const told = new Set(frozen.map(({ target }) => target));
  if (record.disks.some(({ target, kind }) => kind === 'external' && !told.has(target))) {
    return reason('image-unknown', 'libvirt does not say which image it kept.');
  }
  const before = record.parent === null ? null : findSnapshot(facts, record.parent);
  if (before !== null && before.storage !== 'external') {
    return reason(
      'internal-before',
      `${before.record.name} before it lies inside an image. Both kinds on one machine have cost ` +
        'people their base image: delete the internal one first.',
    );
  }
  const touched = frozen.flatMap(({ path }) => [path, ...lines.neededOn(path)]);
  const inside = momentsInside(facts, new Set(touched)); // B5
  if (inside.length > 0) {
    const detail = `${listed(inside)} lies inside its images and would be lost.`;
    return reason('internal-inside', detail);
  }
  const others = facts.shared.filter(({ path }) => frozen.some((one) => one.path === path));
  if (others.length > 0) {
    const names = [...new Set(others.map(({ machine }) => machine))];
    const detail =
      `${listed(names)} ${names.length === 1 ? 'stands' : 'stand'} on its image too, and the ` +
      'disks there would be destroyed.';
    return reason('shared-image', detail);
  }
  const unseen = unseenOn(facts, lines, snapshot);
  if (unseen.length === 0) return null;
  return reason(
    'unseen',
    `What stands on ${listed(unseen)} is not known for sure: either it cannot be read, then run ` +
      'Waymark as root, or the records and the images call it by different names.',
  );
}

/**
 * Images that could stand on the snapshot's without being known to: the unread chain of a machine
 * that is off, what is named by no path, and what other lines froze.
 */
function unseenOn(
  facts: MachineFacts,
  lines: ImageLines,
  { frozen }: SnapshotFacts,
): readonly string[] {
  const targets = new Set(frozen.map(({ target }) => target));
  const chains = facts.disks
    .filter(({ target }) => targets.has(target))
    .flatMap(({ chain }) =>
      chain.filter(({ path, sizeBytes }) => {
        return !path.startsWith('/') || (sizeBytes === null && !isActive(facts));
      }),
    );
  const moments = facts.snapshots.flatMap((other) =>
    other.frozen.filter(
      ({ target, path, seen, exists }) =>
        targets.has(target) && !seen && exists !== false && !lines.carries(target, path),
    ),
  );
  return [...new Set([...chains, ...moments].map(({ path }) => path))];
}
