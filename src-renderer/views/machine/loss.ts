/** What the newest revert has cost, when it did not keep where the machine was. */
import type { Point } from '#contract/domain.ts';
import type { Revert, Timeline } from '#contract/moments.ts';

export interface Loss {
  readonly revert: Revert;
  /** The newest restore point of what was lost; it holds part of it. */
  readonly point: Point | null;
}

/** Null when nothing was lost, or a later revert is the newest. */
export function lossOf({ reverts, points }: Timeline): Loss | null {
  const revert = reverts[0];
  if (revert?.kept !== null) return null;
  const since = revert.lostSince ?? Number.NEGATIVE_INFINITY;
  const during = points.filter(
    ({ time, damaged }) => !damaged && time > since && time <= revert.time,
  );
  const point = during.reduce<Point | null>(
    (newest, one) => (newest === null || one.time > newest.time ? one : newest),
    null,
  );
  return { revert, point };
}
