/**
 * The last 14 days of one machine in 154 × 20 px: a bar for each restore point (up to three side by
 * side, more make the bar tall), a ring for snapshots, a cross for failed runs. Pure.
 */
import type { DayActivity } from '#contract/domain.ts';

export const dayWidth = 11;
export const stripHeight = 20;
const baseLine = 19;
const maxBars = 3;

export interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface DayMarks {
  readonly bars: readonly Bar[];
  /** Middle of the ring, when there was a snapshot. */
  readonly ring: { readonly x: number; readonly y: number } | null;
  /** Path of the cross, when a run failed and no point was made. */
  readonly cross: string | null;
}

function barsOf(left: number, points: number): readonly Bar[] {
  if (points === 0) return [];
  if (points > maxBars) return [{ x: left + 1, y: 5, width: 9, height: baseLine - 5 }];
  const width = points === 1 ? 5 : points === 2 ? 3.5 : 2.5;
  const total = points * width + (points - 1);
  const start = left + (dayWidth - total) / 2;
  return Array.from({ length: points }, (_, index) => ({
    x: start + index * (width + 1),
    y: 11,
    width,
    height: baseLine - 11,
  }));
}

export function marksOf(day: DayActivity, index: number): DayMarks {
  const left = index * dayWidth;
  const middle = left + dayWidth / 2;
  return {
    bars: barsOf(left, day.points),
    ring: day.snapshots > 0 ? { x: middle, y: 3.5 } : null,
    cross: day.failed > 0 && day.points === 0 ? `M${middle - 2.5} 12.5l5 5m0-5l-5 5` : null,
  };
}

export function totalsOf(days: readonly DayActivity[]): DayActivity {
  const total = { day: '', points: 0, snapshots: 0, failed: 0 };
  for (const day of days) {
    total.points += day.points;
    total.snapshots += day.snapshots;
    total.failed += day.failed;
  }
  return total;
}
