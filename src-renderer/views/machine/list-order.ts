/** The list of points in another order; equal ones are always newest first. */
import type { Entry } from './entries.ts';

export type ListColumn = 'time' | 'name' | 'kind' | 'size' | 'where';
export interface ListSort {
  readonly column: ListColumn;
  readonly descending: boolean;
}

type Compare = (a: Entry, b: Entry) => number;
export interface ListWords {
  readonly name: (entry: Entry) => string;
  readonly where: (entry: Entry) => string;
}

const kinds: readonly Entry['kind'][] = ['point', 'snapshot', 'checkpoint'];

/** What an entry takes by itself, bytes; null where that cannot be told. */
export function sizeOf(entry: Entry): number | null {
  if (entry.kind === 'point') return entry.of.storedBytes;
  return entry.kind === 'snapshot' ? entry.of.memoryBytes : null;
}

function comparing(column: ListColumn, words: ListWords): Compare {
  const byText =
    (text: (entry: Entry) => string): Compare =>
    (a, b) =>
      text(a).localeCompare(text(b), undefined, { numeric: true });
  const compares: Readonly<Record<ListColumn, Compare>> = {
    time: (a, b) => a.time - b.time,
    name: byText(words.name),
    kind: (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind),
    size: (a, b) => (sizeOf(a) ?? -1) - (sizeOf(b) ?? -1),
    where: byText(words.where),
  };
  return compares[column];
}

export function inOrder(
  entries: readonly Entry[],
  { column, descending }: ListSort,
  words: ListWords,
): readonly Entry[] {
  const compare = comparing(column, words);
  const sign = descending ? -1 : 1;
  // `entries` is oldest first, and sorting keeps the order of equals.
  return entries.toReversed().sort((a, b) => sign * compare(a, b));
}

/** The same column turns around; another begins with what is looked for first. */
export function nextListSort(sort: ListSort, column: ListColumn): ListSort {
  if (sort.column === column) return { column, descending: !sort.descending };
  return { column, descending: column === 'time' || column === 'size' };
}
