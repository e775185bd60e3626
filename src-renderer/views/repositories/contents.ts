/** What a repository holds, one row a machine. Pure. */
import type { Point } from '#contract/domain.ts';

export interface Holding {
  readonly uuid: string;
  readonly name: string;
  readonly host: string;
  readonly count: number;
  readonly newest: Point;
  readonly oldest: Point;
  readonly storedBytes: number;
  readonly damaged: number;
}

/** Points come newest first; so do the rows. The name is the newest point's. */
export function holdings(points: readonly Point[]): readonly Holding[] {
  const rows = new Map<string, Holding>();
  for (const point of points.toSorted((a, b) => b.time - a.time)) {
    const row = rows.get(point.machine.uuid);
    rows.set(point.machine.uuid, {
      uuid: point.machine.uuid,
      name: row?.name ?? point.machine.name,
      host: row?.host ?? point.host,
      count: (row?.count ?? 0) + 1,
      newest: row?.newest ?? point,
      oldest: point,
      storedBytes: (row?.storedBytes ?? 0) + point.storedBytes,
      damaged: (row?.damaged ?? 0) + (point.damaged ? 1 : 0),
    });
  }
  return [...rows.values()];
}
