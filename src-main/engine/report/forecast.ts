/** When a repository is full, if it goes on as it did. */
import type { ReportRepository } from './facts.ts';

/** With less than this behind it nothing is said of what lies ahead. */
export const leastGrowthMs = 14 * 86_400_000;
/** Farther than this nobody can tell. */
const farthestMs = 10 * 365 * 86_400_000;

export type Forecast =
  | { readonly kind: 'full-at'; readonly time: number }
  /** Not within ten years. */
  | { readonly kind: 'not-soon' }
  | { readonly kind: 'too-early' }
  | { readonly kind: 'unknown' };

/** Linear: what was added in the last weeks is added again and again. */
export function forecast({ freeBytes, growth }: ReportRepository, now: number): Forecast {
  if (freeBytes === null) return { kind: 'unknown' };
  if (growth.overMs < leastGrowthMs) return { kind: 'too-early' };
  if (growth.bytes === 0) return { kind: 'not-soon' };
  const leftMs = (freeBytes / growth.bytes) * growth.overMs;
  return leftMs > farthestMs ? { kind: 'not-soon' } : { kind: 'full-at', time: now + leftMs };
}
