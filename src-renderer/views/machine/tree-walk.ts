/** What a key does in the snapshot tree, after the tree pattern of WAI-ARIA. */
import { snapshotTitle } from './describe.ts';
import type { SnapshotRow } from './tree-rows.ts';

export type TreeStep =
  | { readonly kind: 'go'; readonly to: SnapshotRow }
  | { readonly kind: 'fold' | 'unfold'; readonly names: readonly string[] }
  | { readonly kind: 'enter' | 'menu' | 'delete' | 'stay' };

interface Key {
  readonly key: string;
  readonly shiftKey: boolean;
}

type Move = (rows: readonly SnapshotRow[], index: number, pageRows: number) => TreeStep;

const stay: TreeStep = { kind: 'stay' };
const go = (to: SnapshotRow | undefined): TreeStep =>
  to === undefined ? stay : { kind: 'go', to };

const moves: Readonly<Record<string, Move>> = {
  ArrowDown: (rows, index) => go(rows[index + 1]),
  ArrowUp: (rows, index) => go(rows[index - 1]),
  Home: (rows) => go(rows[0]),
  End: (rows) => go(rows.at(-1)),
  PageDown: (rows, index, pageRows) => go(rows[Math.min(rows.length - 1, index + pageRows)]),
  PageUp: (rows, index, pageRows) => go(rows[Math.max(0, index - pageRows)]),
  ArrowRight: (rows, index) => {
    const row = rows[index];
    if (row?.expanded === false) return { kind: 'unfold', names: [row.snapshot.name] };
    return row?.expanded === true ? go(rows[index + 1]) : stay;
  },
  ArrowLeft: (rows, index) => {
    const row = rows[index];
    if (row?.expanded === true) return { kind: 'fold', names: [row.snapshot.name] };
    return go(rows.find(({ snapshot }) => snapshot.name === row?.owner));
  },
  '*': (rows, index) => {
    const owner = rows[index]?.owner;
    const folded = rows.filter((row) => row.owner === owner && row.expanded === false);
    if (folded.length === 0) return stay;
    return { kind: 'unfold', names: folded.map(({ snapshot }) => snapshot.name) };
  },
};

/** Null for a key that means nothing here; letters are `rowStartingWith`'s. */
export function treeStep(
  { key, shiftKey }: Key,
  rows: readonly SnapshotRow[],
  index: number,
  pageRows: number,
): TreeStep | null {
  if (key === 'Enter') return { kind: 'enter' };
  if (key === 'Delete') return { kind: 'delete' };
  if (key === 'ContextMenu' || (key === 'F10' && shiftKey)) return { kind: 'menu' };
  return moves[key]?.(rows, index, pageRows) ?? null;
}

/**
 * The next row whose name begins with what was typed, around the end. One letter, also repeated,
 * goes on to the next such row; more letters may stay where they already fit.
 */
export function rowStartingWith(
  typed: string,
  rows: readonly SnapshotRow[],
  index: number,
): SnapshotRow | null {
  const repeated = /^(.)\1*$/u.exec(typed)?.[1] ?? null;
  const wanted = (repeated ?? typed).toLocaleLowerCase();
  const from = repeated === null ? index : index + 1;
  const around = [...rows.slice(from), ...rows.slice(0, from)];
  const fits = ({ snapshot }: SnapshotRow): boolean =>
    snapshotTitle(snapshot).toLocaleLowerCase().startsWith(wanted);
  return around.find(fits) ?? null;
}
