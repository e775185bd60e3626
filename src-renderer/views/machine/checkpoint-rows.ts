/**
 * One ruler a repository: a tick where a reference was set and later replaced, the flag on the live
 * one, a gap where a reference was lost and everything had to be read again. Replaced checkpoints
 * are gone from libvirt; the restore points remember when they were set.
 */
import type { Point, RepositoryId } from '#contract/domain.ts';
import type { Checkpoint, Revert } from '#contract/moments.ts';

/** A reference was lost before this backup; a revert since the one before explains it. */
export interface Gap {
  readonly time: number;
  readonly why: 'revert' | 'unknown';
}

export interface CheckpointRow {
  readonly key: string;
  /** The repository's name; empty for marks that belong to none. */
  readonly name: string;
  readonly owner: 'repository' | 'foreign' | 'unused';
  readonly ticks: readonly number[];
  readonly gaps: readonly Gap[];
  readonly live: readonly Checkpoint[];
}

const maxRows = 4;

function lost(point: Point): boolean {
  return point.disks.some((disk) => disk.reason === 'reference-lost');
}

function gapsOf(points: readonly Point[], reverts: readonly Revert[]): readonly Gap[] {
  const sorted = [...points].sort((a, b) => a.time - b.time);
  return sorted.flatMap((point, index) => {
    if (!lost(point)) return [];
    const since = sorted[index - 1]?.time ?? Number.NEGATIVE_INFINITY;
    const reverted = reverts.some(({ time }) => time > since && time <= point.time);
    return [{ time: point.time, why: reverted ? 'revert' : 'unknown' }];
  });
}

function repositoryRow(
  { id, name }: { readonly id: RepositoryId; readonly name: string },
  checkpoints: readonly Checkpoint[],
  points: readonly Point[],
  reverts: readonly Revert[],
): CheckpointRow {
  const live = checkpoints.filter((checkpoint) => checkpoint.repository?.id === id);
  const liveNames = new Set(live.map((checkpoint) => checkpoint.name));
  const mine = points.filter((point) => point.repository.id === id);
  return {
    key: id,
    name,
    owner: 'repository',
    ticks: mine
      .filter((point) => point.checkpoint !== null && !liveNames.has(point.checkpoint))
      .map((point) => point.time)
      .sort((a, b) => a - b),
    gaps: gapsOf(mine, reverts),
    live,
  };
}

/** The rows of the lane, repositories with a live reference first, then by name. */
export function checkpointRows(
  checkpoints: readonly Checkpoint[],
  points: readonly Point[],
  reverts: readonly Revert[],
): readonly CheckpointRow[] {
  const names = new Map<RepositoryId, string>();
  for (const { repository } of [...checkpoints, ...points]) {
    if (repository !== null) names.set(repository.id, repository.name);
  }
  const rows = [...names].map(([id, name]) =>
    repositoryRow({ id, name }, checkpoints, points, reverts),
  );
  const strangers = checkpoints.filter((checkpoint) => checkpoint.repository === null);
  const foreign = strangers.filter((checkpoint) => checkpoint.owner === 'foreign');
  const unused = strangers.filter((checkpoint) => checkpoint.owner !== 'foreign');
  const shown = rows
    .filter((row) => row.live.length > 0 || row.ticks.length > 0)
    .sort((a, b) => b.live.length - a.live.length || a.name.localeCompare(b.name));
  const other = { name: '', ticks: [], gaps: [] };
  if (foreign.length > 0) shown.push({ ...other, key: 'foreign', owner: 'foreign', live: foreign });
  if (unused.length > 0) shown.push({ ...other, key: 'unused', owner: 'unused', live: unused });
  return shown.slice(0, maxRows);
}
