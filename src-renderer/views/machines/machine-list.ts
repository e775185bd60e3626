/** Which machines the list shows and in which order. Pure. */
import type { HostId, Machine, Protection } from '#contract/domain.ts';

export type Column = 'state' | 'name' | 'host' | 'last' | 'changed' | 'points' | 'space';
export interface Sort {
  readonly column: Column;
  readonly descending: boolean;
}

/** What needs a look comes first. */
export const protectionOrder: readonly Protection[] = [
  'failing',
  'overdue',
  'never',
  'not-planned',
  'protected',
];

export interface Filter {
  readonly host: HostId | null;
  readonly protection: Protection | null;
  readonly text: string;
}

/** Each word of the search must be in the name, the host or the description. */
export function matching(machines: readonly Machine[], filter: Filter): readonly Machine[] {
  const words = filter.text
    .toLocaleLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return machines.filter((machine) => {
    if (filter.host !== null && machine.host.id !== filter.host) return false;
    if (filter.protection !== null && machine.protection !== filter.protection) return false;
    const hay = `${machine.name} ${machine.host.name} ${machine.description}`.toLocaleLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

type Compare = (a: Machine, b: Machine) => number;
const byName: Compare = (a, b) =>
  a.name.localeCompare(b.name, undefined, { numeric: true }) || a.id.localeCompare(b.id);
const compares: Readonly<Record<Column, Compare>> = {
  state: (a, b) => protectionOrder.indexOf(a.protection) - protectionOrder.indexOf(b.protection),
  name: byName,
  host: (a, b) => a.host.name.localeCompare(b.host.name),
  last: (a, b) => (b.lastPoint?.time ?? 0) - (a.lastPoint?.time ?? 0),
  changed: (a, b) => (b.changed?.bytes ?? -1) - (a.changed?.bytes ?? -1),
  points: (a, b) => b.pointCount - a.pointCount,
  space: (a, b) => b.storedBytes - a.storedBytes,
};

/** Equal ones are always by name, whichever way the column runs. */
export function sorted(machines: readonly Machine[], sort: Sort): readonly Machine[] {
  const compare = compares[sort.column];
  const sign = sort.descending ? -1 : 1;
  return machines.toSorted((a, b) => sign * compare(a, b) || byName(a, b));
}

/** The same column again turns the direction. */
export function nextSort(sort: Sort, column: Column): Sort {
  return sort.column === column
    ? { column, descending: !sort.descending }
    : { column, descending: false };
}

export type Counts = Readonly<Record<Protection, number>>;

export function countByProtection(machines: readonly Machine[]): Counts {
  const counts = { protected: 0, overdue: 0, failing: 0, never: 0, 'not-planned': 0 };
  for (const machine of machines) counts[machine.protection] += 1;
  return counts;
}
