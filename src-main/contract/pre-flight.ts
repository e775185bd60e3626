import type { Check } from './domain.ts';

/** Blockers, and warnings that ask for a tick and did not get one. */
export function unmet(checks: readonly Check[], accepted: readonly string[]): readonly Check[] {
  return checks.filter(
    ({ id, level, accept }) =>
      level === 'blocker' ||
      (level === 'warning' && accept !== undefined && !accepted.includes(id)),
  );
}
