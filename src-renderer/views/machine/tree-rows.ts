/**
 * The rows of the snapshot tree from top to bottom, each with its place in the tree (as WAI-ARIA
 * counts it) and the rails drawn left of it. A line stays on one level; a branch is one level
 * deeper, under the snapshot it left from. "You are here" ends its line and is only drawn: the
 * current snapshot says it in words.
 */
import type { Snapshot } from '#contract/moments.ts';
import type { SnapshotLine, SnapshotOnLine } from './snapshot-tree.ts';

export interface Rail {
  /** Levels left of this row's own whose lines pass by; the first level is 1. */
  readonly through: readonly number[];
  /** How the line reaches this row: from above, from a line left of it, or not at all. */
  readonly from: 'above' | 'branch' | 'nothing';
  readonly below: boolean;
}

interface Place {
  readonly level: number;
  readonly rail: Rail;
  /** On a line that was left by going back. */
  readonly left: boolean;
}

export interface SnapshotRow extends Place {
  readonly kind: 'snapshot';
  readonly key: string;
  readonly snapshot: Snapshot;
  /** Among its siblings, from 1. */
  readonly position: number;
  readonly siblings: number;
  /** The snapshot this branch left from; null on the lines that grow from nothing. */
  readonly owner: string | null;
  /** Null where nothing branches off. */
  readonly expanded: boolean | null;
  /** Snapshots on the branches that begin here, shown or folded away. */
  readonly branching: number;
}

export interface HereRow extends Place {
  readonly kind: 'here';
  readonly key: 'here';
}

export type TreeRow = SnapshotRow | HereRow;

type Unlined<Row> = Omit<Row, 'rail'> & { readonly begins: boolean };
type Bare = Unlined<SnapshotRow> | Unlined<HereRow>;

/** All rows that are not folded away. */
export function treeRows(
  lines: readonly SnapshotLine[],
  folded: ReadonlySet<string>,
): readonly TreeRow[] {
  const bare: Bare[] = [];
  const anyHere = lines.some((line) => line.here);
  addLines(lines, { level: 1, owner: null, left: anyHere }, folded, bare);
  return withRails(bare);
}

function addLines(
  lines: readonly SnapshotLine[],
  at: { readonly level: number; readonly owner: string | null; readonly left: boolean },
  folded: ReadonlySet<string>,
  rows: Bare[],
): void {
  const siblings = lines.reduce((sum, line) => sum + line.members.length, 0);
  let position = 0;
  for (const line of lines) {
    const left = at.left && !line.here;
    for (const [index, member] of line.members.entries()) {
      position += 1;
      const { snapshot, branches } = member;
      const expanded = branches.length === 0 ? null : !folded.has(snapshot.name);
      rows.push({
        ...{ kind: 'snapshot', key: `snapshot:${snapshot.name}`, snapshot, position, siblings },
        ...{ level: at.level, owner: at.owner, left, expanded, begins: index === 0 },
        branching: branches.reduce((sum, branch) => sum + countOn(branch), 0),
      });
      if (expanded === true) {
        addLines(branches, { level: at.level + 1, owner: snapshot.name, left: true }, folded, rows);
      }
    }
    if (line.here) rows.push({ kind: 'here', key: 'here', level: at.level, left, begins: false });
  }
}

function countOn(line: SnapshotLine): number {
  const on = ({ branches }: SnapshotOnLine): number =>
    1 + branches.reduce((sum, branch) => sum + countOn(branch), 0);
  return line.members.reduce((sum, member) => sum + on(member), 0);
}

/** From the last row up: a rail goes on through a row when something below hangs on it. */
function withRails(bare: readonly Bare[]): readonly TreeRow[] {
  const hanging = new Set<number>();
  return bare
    .toReversed()
    .map(({ begins, ...row }): TreeRow => {
      const { level } = row;
      const below = hanging.delete(level);
      const through = [...hanging].filter((other) => other < level).sort((a, b) => a - b);
      const from = !begins ? 'above' : level === 1 ? 'nothing' : 'branch';
      if (from === 'above') hanging.add(level);
      if (from === 'branch') hanging.add(level - 1);
      return { ...row, rail: { through, from, below } };
    })
    .reverse();
}
