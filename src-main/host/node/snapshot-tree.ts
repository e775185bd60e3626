/** The snapshots of a machine as a tree, with the place the machine is at now. */
import type { Snapshot } from '#contract/moments.ts';
import { moment, plain, size, table } from './words.ts';

/** From this depth on a row says its depth instead of drawing a line for each level. */
const maxDrawnDepth = 12;
const maxDescriptionLength = 60;

interface Row {
  /** The lines that lead to it. */
  readonly lead: string;
  /** Null: the place the machine is at. */
  readonly snapshot: Snapshot | null;
}

/** `open`: for every level above, whether more siblings follow on it. */
function leadOf(open: readonly boolean[], last: boolean): string {
  if (open.length > maxDrawnDepth) return `(${open.length} deep) `;
  const above = open.slice(1).map((more) => (more ? '│  ' : '   '));
  return above.join('') + (open.length === 0 ? '' : last ? '└─ ' : '├─ ');
}

/** Parents before children, oldest first; a snapshot whose parent is unknown is a root. */
function rowsOf(snapshots: readonly Snapshot[]): readonly Row[] {
  const known = new Set(snapshots.map(({ name }) => name));
  const children = new Map<string | null, Snapshot[]>();
  for (const snapshot of [...snapshots].sort((a, b) => a.time - b.time)) {
    const parent = snapshot.parent !== null && known.has(snapshot.parent) ? snapshot.parent : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [snapshot]);
    else siblings.push(snapshot);
  }
  const rows: Row[] = [];
  const visit = (snapshot: Snapshot, open: readonly boolean[], last: boolean): void => {
    rows.push({ lead: leadOf(open, last), snapshot });
    const below = children.get(snapshot.name) ?? [];
    const inner = [...open, !last];
    below.forEach((child, index) => {
      visit(child, inner, index === below.length - 1 && !snapshot.current);
    });
    if (snapshot.current) rows.push({ lead: leadOf(inner, true), snapshot: null });
  };
  for (const root of children.get(null) ?? []) visit(root, [], true);
  return rows;
}

function contents({ memory, machineState }: Snapshot): string {
  return `${memory ? 'disks and memory' : 'disks only'}, ${machineState}`;
}

function remarks(snapshot: Snapshot): string {
  const { undoPoint, description } = snapshot;
  const words = undoPoint ? 'keeps where it was before a revert' : description;
  const [first = ''] = words.split('\n');
  return [
    ...(snapshot.deleting ? ['its deletion was cut off: delete it again'] : []),
    ...(snapshot.broken === null ? [] : [`cannot be gone back to: ${snapshot.broken}`]),
    ...(first === '' ? [] : [Array.from(first).slice(0, maxDescriptionLength).join('')]),
  ].join('; ');
}

/** Draws the tree; there is at least one snapshot. */
export function treeWords(snapshots: readonly Snapshot[]): string {
  const drawn = table(
    ['snapshot', 'taken', 'contents', 'kind', 'memory', ''],
    rowsOf(snapshots).map(({ lead, snapshot }) =>
      snapshot === null
        ? [`${lead}● you are here`]
        : [
            lead + plain(snapshot.name),
            moment(snapshot.time),
            contents(snapshot),
            snapshot.kind,
            snapshot.memoryBytes === null ? '' : size(snapshot.memoryBytes),
            remarks(snapshot),
          ],
    ),
  );
  const here = snapshots.some(({ current }) => current);
  return here ? drawn : `${drawn}\n\nThe machine is at none of these now.`;
}
