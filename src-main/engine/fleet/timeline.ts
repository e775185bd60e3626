import type { Point, RepositoryId } from '#contract/domain.ts';
import type { Checkpoint, Snapshot } from '#contract/moments.ts';
import type { CheckpointRecord, SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { checkpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';

/** libvirt's snapshots as the timeline shows them. */
export function viewSnapshots(records: readonly SnapshotRecord[]): readonly Snapshot[] {
  return records.map((record) => ({
    name: record.name,
    description: record.description,
    time: record.time,
    parent: record.parent,
    current: record.current,
    machineState: record.machineState,
    kind: kindOf(record),
    memory: record.memory !== 'no',
    disks: record.disks
      .filter(({ kind }) => kind !== 'no' && kind !== 'manual')
      .map(({ target }) => target),
    details: [],
    memoryBytes: null,
    picture: false,
    undoPoint: false,
    broken: null,
    deleting: false,
  }));
}

function kindOf(record: SnapshotRecord): Snapshot['kind'] {
  const kinds = new Set([...record.disks.map(({ kind }) => kind), record.memory]);
  const external = kinds.has('external');
  const internal = kinds.has('internal');
  if (external && internal) return 'mixed';
  return external ? 'external' : 'internal';
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
function newestReferences(points: readonly Point[]): string[] {
  const byRepository = new Map<string, Point>();
  for (const point of points) {
    const known = byRepository.get(point.repository.id);
    if (point.checkpoint !== null && (known === undefined || known.time < point.time)) {
      byRepository.set(point.repository.id, point);
    }
  }
  return [...byRepository.values()].flatMap(({ checkpoint }) => checkpoint ?? []);
}
