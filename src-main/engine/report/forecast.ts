/** What may be said of when a repository is full. */
import type { ReportRepository } from './facts.ts';

/** With less than this behind it nothing is said of what lies ahead. */
export const leastHistoryMs = 14 * 86_400_000;
/** Farther than this nobody can tell. */
export const farthestMs = 10 * 365 * 86_400_000;

export type Forecast =
  | { readonly kind: 'full-at'; readonly time: number }
  /** Not within ten years. */
  | { readonly kind: 'not-soon' }
  | { readonly kind: 'too-early' }
  | { readonly kind: 'unknown' };

export function forecast(repository: ReportRepository, now: number): Forecast {
  const { freeBytes, historyMs, fullAt } = repository;
  if (freeBytes === null) return { kind: 'unknown' };
  if (historyMs < leastHistoryMs) return { kind: 'too-early' };
  if (fullAt === null || fullAt - now > farthestMs) return { kind: 'not-soon' };
  return { kind: 'full-at', time: fullAt };
}
