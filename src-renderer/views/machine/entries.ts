/**
 * Everything on a timeline as one list of entries, and the way from one to the next: the keyboard,
 * the table and the inspector's arrows walk the same list.
 */
import type { Point } from '#contract/domain.ts';
import type { Checkpoint, Snapshot, Timeline } from '#contract/moments.ts';

export type Entry =
  | { readonly kind: 'snapshot'; readonly id: string; readonly time: number; readonly of: Snapshot }
  | {
      readonly kind: 'checkpoint';
      readonly id: string;
      readonly time: number;
      readonly of: Checkpoint;
    }
  | { readonly kind: 'point'; readonly id: string; readonly time: number; readonly of: Point };

export type Lane = Entry['kind'];
/** Top to bottom. */
const lanes: readonly Lane[] = ['snapshot', 'checkpoint', 'point'];

export interface Choice {
  readonly kind: Lane;
  readonly id: string;
}

/** Oldest first. */
export function entriesOf(timeline: Timeline): readonly Entry[] {
  const entries: Entry[] = [
    ...timeline.snapshots.map((of): Entry => ({
      kind: 'snapshot',
      id: of.name,
      time: of.time,
      of,
    })),
    ...timeline.checkpoints.map((of): Entry => ({
      kind: 'checkpoint',
      id: of.name,
      time: of.time,
      of,
    })),
    ...timeline.points.map((of): Entry => ({ kind: 'point', id: of.id, time: of.time, of })),
  ];
  return entries.sort((a, b) => a.time - b.time || lanes.indexOf(b.kind) - lanes.indexOf(a.kind));
}

export function keyOf(choice: Choice): string {
  return `${choice.kind}:${choice.id}`;
}

export function same(a: Choice | null, b: Choice | null): boolean {
  return a !== null && b !== null && a.kind === b.kind && a.id === b.id;
}

export function chosen(entries: readonly Entry[], choice: Choice | null): Entry | null {
  return entries.find((entry) => same(entry, choice)) ?? null;
}

/** What is selected when nothing was: the newest restore point, else the newest of anything. */
export function firstChoice(entries: readonly Entry[]): Entry | null {
  return entries.findLast((entry) => entry.kind === 'point') ?? entries.at(-1) ?? null;
}

/** Where the tree begins: the snapshot the machine goes on from, else the newest. */
export function firstSnapshot(entries: readonly Entry[]): Entry | null {
  const snapshots = entries.filter((entry) => entry.kind === 'snapshot');
  return snapshots.find(({ of }) => of.current) ?? snapshots.at(-1) ?? null;
}

/** The entry `steps` later (negative: earlier) in the same lane; null at the end. */
export function along(entries: readonly Entry[], from: Entry, steps: number): Entry | null {
  const lane = entries.filter((entry) => entry.kind === from.kind);
  return lane[lane.findIndex((entry) => same(entry, from)) + steps] ?? null;
}

/** The oldest or the newest entry of the lane. */
export function endOf(
  entries: readonly Entry[],
  lane: Lane,
  which: 'first' | 'last',
): Entry | null {
  const inLane = entries.filter((entry) => entry.kind === lane);
  return (which === 'first' ? inLane[0] : inLane.at(-1)) ?? null;
}

function nearest(entries: readonly Entry[], time: number): Entry | null {
  let best: Entry | null = null;
  for (const entry of entries) {
    if (best === null || Math.abs(entry.time - time) <= Math.abs(best.time - time)) best = entry;
  }
  return best;
}

/** The entry nearest in time in the next lane that has any, above (-1) or below (1). */
export function across(entries: readonly Entry[], from: Entry, steps: -1 | 1): Entry | null {
  for (let at = lanes.indexOf(from.kind) + steps; at >= 0 && at < lanes.length; at += steps) {
    const found = nearest(
      entries.filter((entry) => entry.kind === lanes[at]),
      from.time,
    );
    if (found !== null) return found;
  }
  return null;
}

/** The entry a screen of time away in the same lane, or the lane's end. */
export function far(entries: readonly Entry[], from: Entry, milliseconds: number): Entry | null {
  const lane = entries.filter((entry) => entry.kind === from.kind);
  const target = from.time + milliseconds;
  const beyond =
    milliseconds < 0
      ? lane.findLast((entry) => entry.time <= target)
      : lane.find((entry) => entry.time >= target);
  return beyond ?? (milliseconds < 0 ? lane[0] : lane.at(-1)) ?? null;
}
