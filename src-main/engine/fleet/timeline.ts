import type { Point, RepositoryId } from '#contract/domain.ts';
import type { Checkpoint, Snapshot } from '#contract/moments.ts';
import type { CheckpointRecord, SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { snapshotStorage } from '#engine/hypervisor/snapshot-storage.ts';
import { checkpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';

/** What is known of a snapshot beside libvirt's record of it. */
export interface SnapshotExtras {
  readonly memoryBytes: number | null;
  readonly picture: boolean;
  readonly undoPoint: boolean;
  /** The description without Waymark's own mark. */
  readonly description: string;
  readonly missing: readonly string[]; // files that it needs and that are not there
}

/** libvirt's snapshots as the timeline shows them. */
export function viewSnapshots(
  records: readonly SnapshotRecord[],
  extras: (record: SnapshotRecord) => SnapshotExtras,
): readonly Snapshot[] {
  return records.map((record) => {
    const { missing, ...more } = extras(record);
    const taking = record.disks.filter(({ kind }) => kind === 'internal' || kind === 'external');
    return {
      name: record.name,
      time: record.time,
      parent: record.parent,
      current: record.current,
      machineState: record.machineState,
      kind: snapshotStorage(record),
      memory: record.memory !== 'no',
      disks: taking.map(({ target }) => target),
      details: taking.map(({ target, kind, image }) => ({
        target,
        storage: kind === 'external' ? 'external' : 'internal',
        image: image?.source ?? null,
      })),
      ...more,
      broken: missing.length === 0 ? null : `A file it needs is missing: ${missing.join(', ')}.`,
      deleting: record.disks.some(({ deleting }) => deleting),
    };
  });
}

/** libvirt's checkpoints, each with whose it is and what it is for. */
export function viewCheckpoints(
  records: readonly CheckpointRecord[],
  points: readonly Point[],
  installation: string,
  repositoryNames: ReadonlyMap<string, string>,
): readonly Checkpoint[] {
  const references = new Set(newestReferences(points));
  return records.map((record): Checkpoint => {
    const owner = checkpointOwner(record);
    const ours = owner?.installation === installation;
    const repository = owner?.repository ?? null;
    const name = repository === null ? undefined : repositoryNames.get(repository);
    return {
      name: record.name,
      time: record.time,
      parent: record.parent,
      owner: owner === null ? 'foreign' : ours ? 'ours' : 'other-waymark',
      repository: name === undefined ? null : { id: repository as RepositoryId, name },
      role: !ours ? 'foreign' : references.has(record.name) ? 'reference' : 'unused',
      disks: record.disks.map(({ target }) => target),
    };
  });
}

/** The checkpoint the next backup to each repository starts from. */
export function newestReferences(points: readonly Point[]): string[] {
  const byRepository = new Map<string, Point>();
  for (const point of points) {
    const known = byRepository.get(point.repository.id);
    if (point.checkpoint !== null && (known === undefined || known.time < point.time)) {
      byRepository.set(point.repository.id, point);
    }
  }
  return [...byRepository.values()].flatMap(({ checkpoint }) => checkpoint ?? []);
}
