/**
 * The snapshot lane of the timeline: what led to where the machine is now is straight, branches
 * left by going back hang below it. A revert that Waymark ran is drawn where it happened: the
 * branch goes on until then, and from the snapshot gone back to until then nothing happened here.
 * Of other reverts there is no record; the way back is drawn just after the branch's last snapshot.
 */
import type { Revert, Snapshot } from '#contract/moments.ts';
import { linesOf, type SnapshotLine } from './snapshot-tree.ts';

export interface SnapshotNode {
  readonly snapshot: Snapshot;
  /** 0 is the line you are on; 1 and more hang below. */
  readonly row: number;
}

/**
 * line: yours; left: on a branch; gap: nothing was kept until the revert; back: up from a branch,
 * `known` when it is drawn at the time it happened.
 */
export interface LineStroke {
  readonly kind: 'line' | 'left' | 'gap' | 'back';
  readonly row: number;
  /** The row it comes from, when it leaves another one. */
  readonly fromRow: number;
  readonly from: number; // epoch milliseconds
  readonly to: number;
  readonly known: boolean;
}

/** A revert that Waymark ran, where its mark stands. */
export interface RevertMark {
  readonly time: number;
  readonly row: number;
  readonly to: string;
}

export interface SnapshotDrawing {
  readonly nodes: readonly SnapshotNode[];
  readonly strokes: readonly LineStroke[];
  readonly reverts: readonly RevertMark[];
  readonly rows: number;
  /** Where the line that ends in "You are here" begins; null without a current snapshot. */
  readonly here: { readonly from: number } | null;
}

const maxRows = 3;

interface PlacedLine {
  readonly line: SnapshotLine;
  readonly row: number;
  /** The snapshot it left from. */
  readonly origin: Snapshot | null;
  /** When it left: at the origin, or later when the machine was put back there first. */
  readonly begin: number;
  /** The revert that left it. */
  readonly end: Revert | null;
}

/** Where every snapshot stands, and the strokes between them. */
export function layOutSnapshots(
  snapshots: readonly Snapshot[],
  reverts: readonly Revert[] = [],
): SnapshotDrawing {
  const lines = placed(linesOf(snapshots), reverts);
  const nodes = lines.flatMap(({ line, row }) =>
    line.members.map(({ snapshot }) => ({ snapshot, row })),
  );
  const rowOf = new Map(nodes.map(({ snapshot, row }) => [snapshot.name, row]));
  const current = snapshots.find((snapshot) => snapshot.current) ?? null;
  const hereSince = current === null ? null : backTo(current, Number.POSITIVE_INFINITY, reverts);
  return {
    nodes: nodes.sort((a, b) => a.snapshot.time - b.snapshot.time),
    strokes: lines.flatMap((line) => strokesOf(line, rowOf, reverts)),
    reverts: reverts.flatMap(({ time, to }) => {
      const row = rowOf.get(to);
      return row === undefined ? [] : [{ time, row, to }];
    }),
    rows: Math.max(0, ...nodes.map(({ row }) => row)) + 1,
    here: current === null ? null : { from: hereSince ?? current.time },
  };
}

/** Every line with its row: yours on top, a branch in the first row below that is free by then. */
function placed(roots: readonly SnapshotLine[], reverts: readonly Revert[]): readonly PlacedLine[] {
  const lines: PlacedLine[] = [];
  const busyUntil: number[] = [];
  const place = (line: SnapshotLine, above: number, origin: Snapshot | null): void => {
    const end = revertThatLeft(line, origin, reverts);
    const first = line.members[0].snapshot;
    const begin =
      origin === null ? first.time : (backTo(origin, first.time, reverts) ?? origin.time);
    let row = Math.min(above, maxRows - 1);
    while (row < maxRows - 1 && (busyUntil[row] ?? Number.NEGATIVE_INFINITY) > begin) row += 1;
    busyUntil[row] = end?.time ?? lastOf(line).time;
    lines.push({ line, row, origin, begin, end });
    for (const { snapshot, branches } of line.members) {
      for (const branch of branches) place(branch, row + 1, snapshot);
    }
  };
  const yours = roots.find((line) => line.here) ?? roots.at(-1);
  if (yours === undefined) return [];
  place(yours, 0, null);
  busyUntil[0] = Number.POSITIVE_INFINITY;
  for (const other of roots) if (other !== yours) place(other, 1, null);
  return lines;
}

function lastOf({ members }: SnapshotLine): Snapshot {
  return (members.at(-1) ?? members[0]).snapshot;
}

function revertThatLeft(
  line: SnapshotLine,
  origin: Snapshot | null,
  reverts: readonly Revert[],
): Revert | null {
  const names = new Set(line.members.map(({ snapshot }) => snapshot.name));
  const after = lastOf(line).time;
  const keptHere = reverts.find(({ kept }) => kept !== null && names.has(kept));
  if (line.here || keptHere !== undefined) return line.here ? null : (keptHere ?? null);
  return reverts.findLast(({ to, time }) => to === origin?.name && time >= after) ?? null;
}

/** When the machine was last put back to this snapshot, before `until`; null when it never was. */
function backTo(
  { name, time }: Snapshot,
  until: number,
  reverts: readonly Revert[],
): number | null {
  const back = reverts.find((one) => one.to === name && one.time > time && one.time <= until);
  return back?.time ?? null;
}

function strokesOf(
  { line, row, origin, begin, end }: PlacedLine,
  rowOf: ReadonlyMap<string, number>,
  reverts: readonly Revert[],
): readonly LineStroke[] {
  const kind = row === 0 ? 'line' : 'left';
  const strokes: LineStroke[] = [];
  const stroke = (from: number, to: number, change: Partial<LineStroke> = {}): void => {
    const next = { kind, row, fromRow: row, from, to, known: true, ...change } as const;
    const last = strokes.at(-1);
    const joins = last?.kind === next.kind && last.to === from && next.fromRow === row;
    if (joins && next.kind !== 'back') strokes[strokes.length - 1] = { ...last, to };
    else strokes.push(next);
  };
  const first = line.members[0].snapshot;
  if (origin !== null) stroke(begin, first.time, { fromRow: rowOf.get(origin.name) ?? 0 });
  let before = first;
  for (const { snapshot } of line.members.slice(1)) {
    const back = backTo(before, snapshot.time, reverts);
    if (back !== null) stroke(before.time, back, { kind: 'gap' });
    stroke(back ?? before.time, snapshot.time);
    before = snapshot;
  }
  const hereSince = line.here ? backTo(before, Number.POSITIVE_INFINITY, reverts) : null;
  if (hereSince !== null) stroke(before.time, hereSince, { kind: 'gap' });
  if (end !== null) {
    stroke(before.time, end.time);
    const to = rowOf.get(end.to) ?? 0;
    stroke(end.time, end.time, { kind: 'back', row: to, fromRow: row });
  } else if (origin !== null && rowOf.get(origin.name) === 0) {
    stroke(before.time, before.time, { kind: 'back', row: 0, fromRow: row, known: false });
  }
  return strokes;
}
