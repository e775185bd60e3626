/**
 * Marks on a lane, and when several become one. Day and week: marks at their minute, joined when
 * they would touch. Month: a cell a day, up to three side by side, from four on one bar with a
 * count. Year: a cell a week, one mark for all of it. Pure: pixels in, pixels out.
 */
import type { Span, TimeWindow } from './time-window.ts';
import { cellsOf } from './time-window.ts';

export interface Dated {
  readonly time: number;
}

export interface Mark<T> {
  /** Middle of the mark, pixels from the left of the lane. */
  readonly x: number;
  readonly width: number;
  /** Oldest first; more than one makes it a cluster. */
  readonly members: readonly [T, ...T[]];
}

/** Pixels. A single mark, and the bar that stands for several. */
export const markWidth = 7;
export const thinMarkWidth = 4;
export const clusterWidth = 16;
const gap = 1.5;
const maxSideBySide = 3;

type At = (time: number) => number;

function filled<T>(items: readonly T[]): items is readonly [T, ...T[]] {
  return items.length > 0;
}

/** A row of touching marks longer than this many of them is cut, or it would become one mark. */
const maxJoined = 5;

/** Marks where their time is; those nearer than `touching` pixels to their neighbour join. */
export function marksByTime<T extends Dated>(
  items: readonly T[],
  at: At,
  touching: number,
): readonly Mark<T>[] {
  const groups: T[][] = [];
  let lastX = Number.NEGATIVE_INFINITY;
  for (const item of [...items].sort((a, b) => a.time - b.time)) {
    const x = at(item.time);
    const group = groups.at(-1);
    if (group !== undefined && x - lastX < touching) group.push(item);
    else groups.push([item]);
    lastX = x;
  }
  return groups.flatMap((group) => joined(group, at, touching * maxJoined));
}

/** One mark for neighbours that touch, or as many as `maxSpan` pixels each asks for. */
function joined<T extends Dated>(group: readonly T[], at: At, maxSpan: number): readonly Mark<T>[] {
  const first = group[0];
  const last = group.at(-1);
  if (first === undefined || last === undefined) return [];
  const from = at(first.time);
  const span = at(last.time) - from;
  const parts = Math.max(1, Math.ceil(span / maxSpan));
  const partOf = ({ time }: T): number =>
    Math.min(parts - 1, Math.floor(((at(time) - from) / span) * parts));
  return Array.from({ length: parts }, (_, part): readonly Mark<T>[] => {
    const members = parts === 1 ? group : group.filter((item) => partOf(item) === part);
    if (!filled(members)) return [];
    const width = members.length === 1 ? markWidth : clusterWidth;
    return [{ x: from + (span * (part + 0.5)) / parts, width, members }];
  }).flat();
}

function sideBySide<T>(members: readonly T[], middle: number): readonly Mark<T>[] {
  const width = members.length === 1 ? markWidth : thinMarkWidth;
  const step = width + gap;
  const left = middle - ((members.length - 1) * step) / 2;
  return members.map((member, index) => ({ x: left + index * step, width, members: [member] }));
}

/** Marks in cells: few stand side by side, many become one. */
export function marksByCell<T extends Dated>(
  items: readonly T[],
  cells: readonly Span[],
  at: At,
  limit: number,
  now: number,
): readonly Mark<T>[] {
  const sorted = [...items].sort((a, b) => a.time - b.time);
  return cells.flatMap((cell) => {
    const members = sorted.filter((item) => item.time >= cell.from && item.time < cell.to);
    if (!filled(members)) return [];
    // What exists is left of Now, so the cell that holds now ends there.
    const end = now > cell.from && now < cell.to ? now : cell.to;
    const middle = (at(cell.from) + at(end)) / 2;
    if (members.length <= limit) return sideBySide(members, middle);
    const width = Math.min(clusterWidth, Math.max(thinMarkWidth, at(cell.to) - at(cell.from) - 2));
    return [{ x: middle, width, members }];
  });
}

/** The marks of restore points by the rule of the zoom. */
export function pointMarks<T extends Dated>(
  items: readonly T[],
  window: TimeWindow,
  at: At,
  now: number,
): readonly Mark<T>[] {
  const inside = items.filter((item) => item.time >= window.from && item.time < window.to);
  if (window.zoom === 'month') return marksByCell(inside, cellsOf(window), at, maxSideBySide, now);
  if (window.zoom === 'year') return marksByCell(inside, cellsOf(window), at, 1, now);
  return marksByTime(inside, at, markWidth + gap);
}
