/**
 * The line of snapshots: what led to where the machine is now is straight, branches left by going
 * back hang below it. libvirt keeps no record of when a person went back; the way back is drawn
 * just after the last snapshot of the branch that was left.
 */
import type { Snapshot } from '#contract/moments.ts';

export interface SnapshotNode {
  readonly snapshot: Snapshot;
  /** 0 is the line you are on; 1 and more hang below. */
  readonly row: number;
}

export interface SnapshotLine {
  readonly kind: 'line' | 'left' | 'back';
  readonly row: number;
  /** The row it comes from, when it leaves another one. */
  readonly fromRow: number;
  readonly from: number; // epoch milliseconds
  readonly to: number;
}

export interface SnapshotTree {
  readonly nodes: readonly SnapshotNode[];
  readonly lines: readonly SnapshotLine[];
  readonly rows: number;
  /** Where the line that ends in "You are here" begins; null without a current snapshot. */
  readonly here: { readonly from: number } | null;
}

const maxRows = 3;

function lineage(snapshots: readonly Snapshot[]): ReadonlySet<string> {
  const byName = new Map(snapshots.map((snapshot) => [snapshot.name, snapshot]));
  const names = new Set<string>();
  let at = snapshots.find((snapshot) => snapshot.current);
  while (at !== undefined && !names.has(at.name)) {
    names.add(at.name);
    at = at.parent === null ? undefined : byName.get(at.parent);
  }
  return names;
}

/** Where every snapshot stands, and the lines between them. */
export function layOutSnapshots(snapshots: readonly Snapshot[]): SnapshotTree {
  const sorted = [...snapshots].sort((a, b) => a.time - b.time);
  const main = lineage(sorted);
  const rowOf = new Map<string, number>();
  const lines: SnapshotLine[] = [];
  const nodes: SnapshotNode[] = [];
  const extended = new Set<string>();
  let lowest = 0;
  for (const snapshot of sorted) {
    const parent = sorted.find((other) => other.name === snapshot.parent) ?? null;
    const parentRow = parent === null ? 0 : (rowOf.get(parent.name) ?? 0);
    const continues = parent !== null && !main.has(parent.name) && !extended.has(parent.name);
    const offMain = main.size > 0 && !main.has(snapshot.name);
    let row = 0;
    if (offMain) row = continues ? parentRow : Math.min(maxRows - 1, lowest + 1);
    lowest = Math.max(lowest, row);
    if (parent !== null) {
      extended.add(parent.name);
      const kind = offMain ? 'left' : 'line';
      lines.push({ kind, row, fromRow: parentRow, from: parent.time, to: snapshot.time });
    }
    rowOf.set(snapshot.name, row);
    nodes.push({ snapshot, row });
  }
  const current = sorted.find((snapshot) => snapshot.current) ?? null;
  return {
    nodes,
    lines: [...lines, ...waysBack(nodes, main)],
    rows: lowest + 1,
    here: current === null ? null : { from: current.time },
  };
}

function waysBack(
  nodes: readonly SnapshotNode[],
  main: ReadonlySet<string>,
): readonly SnapshotLine[] {
  const ways: SnapshotLine[] = [];
  for (const row of new Set(nodes.map((node) => node.row))) {
    if (row === 0) continue;
    const branch = nodes.filter((node) => node.row === row);
    const first = branch[0];
    const last = branch.at(-1);
    if (first === undefined || last === undefined) continue;
    if (first.snapshot.parent === null || !main.has(first.snapshot.parent)) continue;
    ways.push({
      kind: 'back',
      row: 0,
      fromRow: row,
      from: last.snapshot.time,
      to: last.snapshot.time,
    });
  }
  return ways;
}
