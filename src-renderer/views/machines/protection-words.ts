/** The first line of the first screen: how many are protected, and what the worst of them lacks. */
import type { Machine } from '#contract/domain.ts';
import { t } from '../../text/catalogue.ts';
import { sinceText } from '../../text/times.ts';
import type { Counts } from './machine-list.ts';

/** "9 of 14 machines are protected." */
export function summaryText(counts: Counts, total: number): string {
  const planned = counts.protected + counts.overdue + counts.failing;
  return planned > 0
    ? t('machines.summary-protected', { protected: counts.protected, count: total })
    : t('machines.summary-with-points', { some: total - counts.never, count: total });
}

/** "jenkins is overdue: no good point since Saturday."; '' when nothing is overdue or failing. */
export function worstText(machines: readonly Machine[], now: number): string {
  const late = machines.filter(
    ({ protection }) => protection === 'overdue' || protection === 'failing',
  );
  const oldest = late.toSorted((a, b) => (a.lastPoint?.time ?? 0) - (b.lastPoint?.time ?? 0))[0];
  if (oldest === undefined) return '';
  const time = oldest.lastPoint?.time;
  if (late.length === 1) {
    return time === undefined
      ? t('machines.late-one-never', { name: oldest.name })
      : t('machines.late-one', { name: oldest.name, since: sinceText(time, now) });
  }
  return time === undefined
    ? t('machines.late-many-never', { count: late.length, name: oldest.name })
    : t('machines.late-many', {
        count: late.length,
        name: oldest.name,
        since: sinceText(time, now),
      });
}
