/** What is said of one point: on its mark, in the table and in the inspector the same words. */
import type { Part, Point, Verification } from '#contract/domain.ts';
import type { Snapshot } from '#contract/moments.ts';
import { t } from '../../text/catalogue.ts';
import { whenText } from '../../text/times.ts';
import type { Entry } from './entries.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'none';

export interface Verdict {
  readonly tone: Tone;
  readonly icon: 'good' | 'bad' | 'never';
  readonly text: string;
}

/** Only what was checked is green (ux.md R4). */
export function verdictOf(point: Point): Verdict {
  const verified = point.verified;
  if (point.damaged || verified?.ok === false) {
    return { tone: 'bad', icon: 'bad', text: t('verified.damaged') };
  }
  if (verified === null) return { tone: 'none', icon: 'never', text: t('verified.not') };
  return { tone: 'good', icon: 'good', text: t(`verified.${verified.depth}`) };
}

/** True for a point whose data was read back, or restored and compared. */
export function isProven(point: Point): boolean {
  const verified: Verification | null = point.verified;
  return !point.damaged && verified !== null && verified.ok && verified.depth !== 'structure';
}

export function kindText(entry: Entry): string {
  return t(`kind.${entry.kind}`);
}

export function goodForText(entry: Entry): string {
  return t(`badge.${entry.kind}`);
}

function verifiedText(entry: Entry): string {
  if (entry.kind === 'point') return verdictOf(entry.of).text;
  if (entry.kind === 'checkpoint') return t('contents.intact');
  return t('verified.not');
}

export function contentsText(entry: Entry): string {
  if (entry.kind === 'point') {
    const consistency = t(`contents.${entry.of.consistency.kind}`);
    return t('contents.disks-consistency', { count: entry.of.disks.length, consistency });
  }
  if (entry.kind === 'checkpoint') return t('count.disks', { count: entry.of.disks.length });
  return snapshotContents(entry.of);
}

export function snapshotContents(snapshot: Snapshot): string {
  return snapshot.memory ? t('contents.memory') : t('contents.disks-only');
}

/** Where it lives: a repository, or the host. */
export function whereText(entry: Entry): string {
  if (entry.kind === 'point') return entry.of.repository.name;
  if (entry.kind === 'checkpoint' && entry.of.repository !== null) return entry.of.repository.name;
  return t('table.this-host');
}

/** "Restore point, Sun 22 Nov, 02:00, Restore, Read back": how a mark is announced. */
export function announcement(entry: Entry, now: number): string {
  const values = {
    kind: kindText(entry),
    when: whenText(entry.time, now),
    good: goodForText(entry),
    verified: verifiedText(entry),
  };
  if (entry.kind !== 'snapshot') return t('timeline.mark', values);
  return t('timeline.mark-named', { ...values, name: entry.of.name });
}

export function partText(part: Part, included: (sizeBytes: number) => string): string {
  if (part.kind === 'included') return included(part.sizeBytes);
  return part.kind === 'none' ? t('timeline.none') : t('inspector.part-not');
}
