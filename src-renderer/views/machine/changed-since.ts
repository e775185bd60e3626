/**
 * What was written since a checkpoint, and whether that is much: the gauge ends at twice the usual,
 * which is the median of what the last backups found changed.
 */
import type { Point, RepositoryId } from '#contract/domain.ts';
import type { Checkpoint, CheckpointState } from '#contract/moments.ts';

/** Backups looked at for the usual amount; fewer than `minBackups` tell nothing. */
const maxBackups = 10;
const minBackups = 2;

/** Bytes a backup to this repository usually finds changed; null where it cannot be told. */
export function usualChange(points: readonly Point[], repository: RepositoryId): number | null {
  const read = points
    .filter((point) => point.repository.id === repository)
    .filter((point) => point.disks.every((disk) => disk.mode === 'changed-only'))
    .sort((a, b) => b.time - a.time)
    .slice(0, maxBackups)
    .map((point) => point.readBytes)
    .sort((a, b) => a - b);
  const median = read[Math.floor(read.length / 2)];
  return read.length < minBackups || median === undefined || median === 0 ? null : median;
}

/** How far the gauge is filled, 0 to 1. */
export function gaugeShare(changedBytes: number, usualBytes: number): number {
  return Math.min(1, changedBytes / (2 * usualBytes));
}

/** QEMU does not remember any more, or not rightly: the next backup reads all. */
export function isBroken(state: CheckpointState | null): boolean {
  return state !== null && (state.health === 'inconsistent' || state.health === 'missing');
}

/** The newest mark a next backup starts from. */
export function newestReference(checkpoints: readonly Checkpoint[]): Checkpoint | null {
  const references = checkpoints.filter((one) => one.role === 'reference');
  return references.reduce<Checkpoint | null>(
    (newest, one) => (newest === null || one.time > newest.time ? one : newest),
    null,
  );
}
