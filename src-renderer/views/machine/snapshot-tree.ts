/**
 * A machine's snapshots as lines and branches. A line is what followed one another without going
 * back; where a person went back, a branch hangs from the snapshot gone back to. The line that ends
 * in "You are here" is never a branch, and no later snapshot goes on from its end.
 *
 * libvirt tells only each one's parent. Of several children the one on the way to the current
 * snapshot continues the line, else the one with the newest descendant: the branches that were left
 * are the older ones. A parent that is gone begins a line; a loop is cut at its oldest member.
 */
import type { Snapshot } from '#contract/moments.ts';

export interface SnapshotOnLine {
  readonly snapshot: Snapshot;
  /** Lines that begin here because a person went back, by creation. */
  readonly branches: readonly SnapshotLine[];
}

export interface SnapshotLine {
  /** Oldest first, never empty. */
  readonly members: readonly [SnapshotOnLine, ...SnapshotOnLine[]];
  /** It ends where the machine is now. */
  readonly here: boolean;
}

const byCreation = (a: Snapshot, b: Snapshot): number =>
  a.time - b.time || (a.name < b.name ? -1 : 1);

interface Family {
  readonly children: ReadonlyMap<string, readonly Snapshot[]>;
  /** The current snapshot and all it grew from. */
  readonly lineage: ReadonlySet<string>;
  /** Time of the newest descendant, or its own. */
  readonly newest: ReadonlyMap<string, number>;
  /** Those that already have a place; what keeps a loop from going round. */
  readonly placed: Set<string>;
}

/** The lines that grow from nothing, by creation. */
export function linesOf(snapshots: readonly Snapshot[]): readonly SnapshotLine[] {
  const sorted = [...snapshots].sort(byCreation);
  const family = familyOf(sorted);
  const known = new Set(sorted.map((snapshot) => snapshot.name));
  const isRoot = ({ parent }: Snapshot): boolean => parent === null || !known.has(parent);
  const lines = sorted.filter(isRoot).map((root) => growLine(root, family));
  for (const cut of sorted) {
    if (!family.placed.has(cut.name)) lines.push(growLine(cut, family));
  }
  return lines;
}

function familyOf(sorted: readonly Snapshot[]): Family {
  const byName = new Map(sorted.map((snapshot) => [snapshot.name, snapshot]));
  const parentOf = ({ parent }: Snapshot): Snapshot | undefined =>
    parent === null ? undefined : byName.get(parent);
  const children = new Map<string, Snapshot[]>();
  for (const snapshot of sorted) {
    const parent = parentOf(snapshot);
    if (parent === undefined) continue;
    const siblings = children.get(parent.name);
    if (siblings === undefined) children.set(parent.name, [snapshot]);
    else siblings.push(snapshot);
  }
  const lineage = new Set<string>();
  let at = sorted.find((snapshot) => snapshot.current);
  for (; at !== undefined && !lineage.has(at.name); at = parentOf(at)) lineage.add(at.name);
  // From the newest down: whoever already has a time has a newer descendant than this one.
  const newest = new Map<string, number>();
  for (const snapshot of sorted.toReversed()) {
    let above: Snapshot | undefined = snapshot;
    for (; above !== undefined && !newest.has(above.name); above = parentOf(above)) {
      newest.set(above.name, snapshot.time);
    }
  }
  return { children, lineage, newest, placed: new Set() };
}

function growLine(first: Snapshot, family: Family): SnapshotLine {
  const path: Snapshot[] = [];
  let here = false;
  for (let at: Snapshot | null = first; at !== null;) {
    family.placed.add(at.name);
    path.push(at);
    here = at.current;
    at = nextOnLine(at, family);
  }
  const members = path.map((snapshot) => ({ snapshot, branches: branchesOf(snapshot, family) }));
  const [begin = { snapshot: first, branches: [] }, ...rest] = members;
  return { members: [begin, ...rest], here };
}

function branchesOf({ name }: Snapshot, family: Family): readonly SnapshotLine[] {
  const left = family.children.get(name) ?? [];
  return left
    .filter((child) => !family.placed.has(child.name))
    .map((child) => growLine(child, family));
}

function nextOnLine(of: Snapshot, family: Family): Snapshot | null {
  if (of.current) return null;
  const open = (family.children.get(of.name) ?? []).filter(({ name }) => !family.placed.has(name));
  const newestOf = ({ name }: Snapshot): number => family.newest.get(name) ?? 0;
  return (
    open.find(({ name }) => family.lineage.has(name)) ??
    open.reduce<Snapshot | null>(
      (best, child) => (best === null || newestOf(child) >= newestOf(best) ? child : best),
      null,
    )
  );
}
