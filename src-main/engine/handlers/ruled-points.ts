import type { Point, RepositoryId } from '#contract/domain.ts';
import type { RuledPoint } from '#engine/schedule/retention.ts';

/** What the retention rule wants to know of the points of one machine in one repository. */
export function ruledPoints(
  points: readonly Point[],
  repository: RepositoryId,
): readonly RuledPoint[] {
  return points
    .filter((point) => point.repository.id === repository)
    .map(({ id, time, pinned, damaged }) => ({ id, time, pinned, damaged }));
}
