/**
 * The order snapshots and checkpoints are told in. libvirt's own topological list cannot be used:
 * while one is being made it is counted but hangs below no parent yet, and the whole list ends with
 * invalidArgument (seen with 9.0).
 */

interface Moment {
  readonly name: string;
  readonly parent: string | null;
  readonly time: number;
}

/** Oldest first, but each after its parent; one whose parent is not there counts as having none. */
export function parentsFirst<T extends Moment>(moments: readonly T[]): readonly T[] {
  const waiting = new Map(moments.map((moment) => [moment.name, moment]));
  const ordered: T[] = [];
  const oldestFirst = [...moments].sort((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1));
  for (const moment of oldestFirst) {
    const line: T[] = [];
    for (let next = waiting.get(moment.name); next !== undefined;) {
      waiting.delete(next.name);
      line.push(next);
      next = next.parent === null ? undefined : waiting.get(next.parent);
    }
    ordered.push(...line.reverse());
  }
  return ordered;
}
