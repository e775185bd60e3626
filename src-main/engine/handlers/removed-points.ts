import type { Named, PointId, RepositoryId } from '#contract/domain.ts';
import type { RemovedPoint } from '#contract/plans.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import type { Marker } from '#engine/store/marker.ts';

/** A removal as every way in shows it. */
export function viewRemoved(
  { point, machineName, time, at, by }: Marker,
  repository: Named<RepositoryId>,
): RemovedPoint {
  return {
    id: point.id as PointId,
    machine: { uuid: point.machineUuid, name: machineName },
    repository,
    time,
    removedAt: at,
    by,
    goneAfter: at + removalGraceSeconds * 1000,
  };
}

/** "7 days": how long a removed point can be taken back. */
export const graceWords = `${removalGraceSeconds / 86_400} days`;
