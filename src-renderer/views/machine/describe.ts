/** What is said of one point: on its mark, in the table and in the inspector the same words. */
import type { Part, Point, Verification } from '#contract/domain.ts';
import type { CheckpointState, Snapshot } from '#contract/moments.ts';
import { t } from '../../text/catalogue.ts';
import { whenText } from '../../text/times.ts';
import type { Entry } from './entries.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'none';

export interface Verdict {
  readonly tone: Tone;
  readonly icon: 'good' | 'warn' | 'bad' | 'never';
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

/** What a snapshot is called: its name, or what it is where Waymark chose the name. */
export function snapshotTitle(snapshot: Snapshot): string {
  return snapshot.undoPoint ? t('snapshot.undo-point') : snapshot.name;
}

/** Why it cannot be gone back to; null when nothing is known against it. */
export function whyNoRevert(snapshot: Snapshot): string | null {
  return snapshot.deleting ? t('snapshot.deleting-why') : snapshot.broken;
}

/** What is wrong with a snapshot, as a word; null when nothing is known against it. */
export function snapshotTrouble(snapshot: Snapshot): Verdict | null {
  if (snapshot.deleting) return { tone: 'warn', icon: 'warn', text: t('snapshot.deleting') };
  if (snapshot.broken !== null) return { tone: 'bad', icon: 'bad', text: t('snapshot.broken') };
  return null;
}

/** Healthy is green only because QEMU or the image was asked; before that nobody knows. */
export function healthOf(state: CheckpointState | null): Verdict {
  const text = t(`health.${state?.health ?? 'unknown'}`);
  if (state === null || state.health === 'unknown') return { tone: 'none', icon: 'never', text };
  return state.health === 'healthy'
    ? { tone: 'good', icon: 'good', text }
    : { tone: 'bad', icon: 'bad', text };
}

/** One word on an entry's trustworthiness; `state` is a checkpoint's newest. */
export function entryVerdict(entry: Entry, state: CheckpointState | null): Verdict {
  if (entry.kind === 'point') return verdictOf(entry.of);
  if (entry.kind === 'checkpoint') return healthOf(state);
  const none: Verdict = { tone: 'none', icon: 'never', text: t('verified.not') };
  return snapshotTrouble(entry.of) ?? none;
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
export function announcement(
  entry: Entry,
  now: number,
  state: CheckpointState | null = null,
): string {
  const values = {
    kind: kindText(entry),
    when: whenText(entry.time, now),
    good: goodForText(entry),
    verified: entryVerdict(entry, state).text,
  };
  if (entry.kind === 'point' && entry.of.pinned) {
    return t('timeline.mark-pinned', { mark: t('timeline.mark', values) });
  }
  if (entry.kind !== 'snapshot') return t('timeline.mark', values);
  return t('timeline.mark-named', { ...values, name: snapshotTitle(entry.of) });
}

export function partText(part: Part, included: (sizeBytes: number) => string): string {
  if (part.kind === 'included') return included(part.sizeBytes);
  return part.kind === 'none' ? t('timeline.none') : t('inspector.part-not');
}
