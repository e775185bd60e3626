/**
 * The drawing of what stays and goes: stretches of time side by side, each as wide as it has
 * points, so that two days of hourly points and ten years of yearly ones are read alike. Pure.
 */
import type { KeepReason, PreviewPoint } from '#contract/plans.ts';
import { markHeights, ruleOrder } from './keep-rules.ts';

const dayMs = 86_400_000;

export type ZoneName = 'older' | 'year' | 'quarter' | 'fortnight' | 'days';
/** From the youngest; a point belongs to the first that reaches back to it. */
const reaches: readonly (readonly [ZoneName, number])[] = [
  ['days', 2 * dayMs],
  ['fortnight', 14 * dayMs],
  ['quarter', 92 * dayMs],
  ['year', 366 * dayMs],
  ['older', Number.POSITIVE_INFINITY],
];

/** Marks a stretch holds; more points than that share one. */
const maxMarksPerZone = 200;
const minZoneWidth = 96;
const zonePadding = 8;
const widestMark = 8;

export interface Mark {
  readonly x: number;
  readonly width: number;
  readonly height: number;
  readonly points: readonly PreviewPoint[];
  readonly stays: boolean;
  /** Some of the points that share it go. */
  readonly someGo: boolean;
  readonly pinned: boolean;
}

export interface Zone {
  readonly name: ZoneName;
  readonly x: number;
  readonly width: number;
  readonly marks: readonly Mark[];
  readonly from: number;
  readonly to: number;
}

const otherHeight = 28;

/** The longest reason says how tall: what stays a year is taller than what stays a day. */
function heightOf(keep: readonly KeepReason[]): number {
  const rules = ruleOrder.filter((rule) => keep.includes(rule));
  return rules.length === 0 ? otherHeight : Math.max(...rules.map((rule) => markHeights[rule]));
}

function chunksOf(points: readonly PreviewPoint[]): readonly (readonly PreviewPoint[])[] {
  const size = Math.ceil(points.length / maxMarksPerZone);
  const chunks: (readonly PreviewPoint[])[] = [];
  for (let at = 0; at < points.length; at += size) chunks.push(points.slice(at, at + size));
  return chunks;
}

function marksOf(points: readonly PreviewPoint[], x: number, width: number): readonly Mark[] {
  const chunks = chunksOf(points);
  const step = (width - 2 * zonePadding) / chunks.length;
  const thick = Math.max(1, Math.min(widestMark, step * 0.6));
  return chunks.map((chunk, index): Mark => {
    const going = chunk.filter(({ keep }) => keep.length === 0).length;
    return {
      x: x + zonePadding + step * (index + 0.5) - thick / 2,
      width: thick,
      height: Math.max(...chunk.map(({ keep }) => heightOf(keep))),
      points: chunk,
      stays: going < chunk.length,
      someGo: going > 0,
      pinned: chunk.some(({ keep }) => keep.includes('pinned')),
    };
  });
}

/** `points` oldest first; `at` is the moment they are looked at from; `width` in pixels. */
export function zonesOf(points: readonly PreviewPoint[], at: number, width: number): Zone[] {
  const byName = new Map<ZoneName, PreviewPoint[]>();
  for (const point of points) {
    const name = reaches.find(([, reach]) => at - point.time <= reach)?.[0] ?? 'older';
    const held = byName.get(name);
    if (held === undefined) byName.set(name, [point]);
    else held.push(point);
  }
  const present = reaches
    .map(([name]) => ({ name, held: byName.get(name) ?? [] }))
    .filter(({ held }) => held.length > 0)
    .toReversed();
  const counts = present.map(({ held }) => Math.min(held.length, maxMarksPerZone));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const spare = Math.max(0, width - present.length * minZoneWidth);
  let x = 0;
  return present.map(({ name, held }, index): Zone => {
    const share = total === 0 ? 0 : ((counts[index] ?? 0) / total) * spare;
    const zone = {
      name,
      x,
      width: minZoneWidth + share,
      marks: marksOf(held, x, minZoneWidth + share),
      from: held[0]?.time ?? at,
      to: held.at(-1)?.time ?? at,
    };
    x += zone.width;
    return zone;
  });
}

export interface Totals {
  readonly stay: number;
  readonly go: number;
  readonly freesBytes: number;
}

export function totalsOf(points: readonly PreviewPoint[]): Totals {
  const go = points.filter(({ keep }) => keep.length === 0);
  const freesBytes = go.reduce((sum, point) => sum + (point.freesBytes ?? 0), 0);
  return { stay: points.length - go.length, go: go.length, freesBytes };
}
