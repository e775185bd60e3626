/**
 * What of the snapshot tree is on the screen: which branches are folded, how far it is scrolled,
 * and which rows that leaves to draw. It lives as long as the page, so nothing jumps when the
 * snapshots are read again or another form was looked at meanwhile.
 */
import { SvelteSet } from 'svelte/reactivity';
import type { Snapshot } from '#contract/moments.ts';
import { linesOf } from './snapshot-tree.ts';
import { rowSpan, rowHeight } from './row-window.ts';
import { treeRows, type SnapshotRow, type TreeRow } from './tree-rows.ts';

export class TreeView {
  readonly #snapshots: () => readonly Snapshot[];
  /** Names of snapshots whose branches are folded away; at first none (ux.md C10). */
  readonly #folded = new SvelteSet<string>();
  /** Pixels above the first that is seen, and how many are seen; bound by the drawing. */
  scrollTop = $state(0);
  height = $state(0);

  constructor(snapshots: () => readonly Snapshot[]) {
    this.#snapshots = snapshots;
  }

  readonly #lines = $derived.by(() => linesOf(this.#snapshots()));
  readonly #rows = $derived.by(() => treeRows(this.#lines, this.#folded));
  readonly #items = $derived.by(() =>
    this.#rows.filter((row): row is SnapshotRow => row.kind === 'snapshot'),
  );
  readonly #span = $derived.by(() => rowSpan(this.scrollTop, this.height, this.#rows.length));

  /** Every row that is not folded away, from top to bottom. */
  get rows(): readonly TreeRow[] {
    return this.#rows;
  }

  /** Those a person can be on. */
  get items(): readonly SnapshotRow[] {
    return this.#items;
  }

  /** First row to draw, and the one after the last. */
  get span(): { readonly from: number; readonly to: number } {
    return this.#span;
  }

  get rowsPerPage(): number {
    return Math.max(1, Math.floor(this.height / rowHeight) - 1);
  }

  /** True when some snapshot has branches. */
  get hasBranches(): boolean {
    return this.#items.some((row) => row.expanded !== null);
  }

  get anyFolded(): boolean {
    return this.#items.some((row) => row.expanded === false);
  }

  fold(names: readonly string[]): void {
    for (const name of names) this.#folded.add(name);
  }

  unfold(names: readonly string[]): void {
    for (const name of names) this.#folded.delete(name);
  }

  foldAll(): void {
    this.fold(this.#items.filter((row) => row.expanded !== null).map(nameOf));
  }

  unfoldAll(): void {
    this.#folded.clear();
  }

  /** True for a snapshot that still exists, folded away or not. */
  has(name: string): boolean {
    return this.#snapshots().some((snapshot) => snapshot.name === name);
  }

  /** Opens the branches a snapshot is on, so that it has a row. */
  reveal(name: string): void {
    const byName = new Map(this.#snapshots().map((snapshot) => [snapshot.name, snapshot]));
    const seen = new Set<string>();
    let at = byName.get(name);
    while (at !== undefined && !seen.has(at.name)) {
      seen.add(at.name);
      if (at.parent === null) return;
      this.#folded.delete(at.parent);
      at = byName.get(at.parent);
    }
  }
}

function nameOf({ snapshot }: SnapshotRow): string {
  return snapshot.name;
}
