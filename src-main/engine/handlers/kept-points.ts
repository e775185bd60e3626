/** Pins, and what was removed and can be taken back. */
import type { Handlers } from '#contract/contract.ts';
import type { Named, Point, PointId, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { RemovedPoint } from '#contract/plans.ts';
import { removalGraceSeconds, type MarkedPoint } from '#engine/store/kept.ts';
import type { Marker } from '#engine/store/marker.ts';
import type { Rooms } from '../engine.ts';

type Calls = Extract<
  keyof Handlers,
  | 'points.pin'
  | 'points.removed'
  | 'points.take-back'
  | 'repositories.plan-clean-up'
  | 'repositories.clean-up'
>;

/** Who did what no plan did, as `by` of a marker. */
export const aPerson = 'A person';

function later(): Promise<never> {
  return Promise.reject(new AppError('unsupported', 'Not built yet.'));
}

export function keptPointHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  return {
    'points.pin': ({ point, pinned }) => setPinned(rooms, point, pinned),
    'points.removed': ({ repository }) => removedIn(rooms, repository),
    'points.take-back': ({ points }) => takeBack(rooms, points),
    'repositories.plan-clean-up': later,
    'repositories.clean-up': later,
  };
}

/** What the store wants to know of a point that it marks. */
export function markedPoint({ id, machine, time }: Point): MarkedPoint {
  return { id, machineUuid: machine.uuid, machineName: machine.name, time };
}

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

async function setPinned(rooms: Rooms, id: PointId, pinned: boolean): Promise<Point> {
  const { shelf, catalog, fleet, emit } = rooms;
  const point = catalog.points.getPoint(id);
  const { kept } = await shelf.open(point.repository.id);
  const marked = markedPoint(point);
  await (pinned ? kept.pin(marked, aPerson) : kept.unpin(marked));
  catalog.points.setPinned(point.repository.id, point.id, pinned);
  fleet.touch(point.machine.uuid);
  emit('repositories.changed', shelf.list());
  return { ...point, pinned };
}

/** Newest removal first. Of all repositories: of those that are open. */
async function removedIn(
  { shelf }: Rooms,
  repository: RepositoryId | null,
): Promise<readonly RemovedPoint[]> {
  const wanted =
    repository === null
      ? shelf.list().filter(({ state }) => state.kind === 'ready')
      : [shelf.get(repository)];
  const found: RemovedPoint[] = [];
  for (const { id, name } of wanted) {
    const markers = await (await shelf.open(id)).kept.removed();
    found.push(...markers.map((marker) => viewRemoved(marker, { id, name })));
  }
  return found.sort((a, b) => b.removedAt - a.removedAt || (a.id < b.id ? 1 : -1));
}

async function takeBack(rooms: Rooms, ids: readonly PointId[]): Promise<null> {
  const { shelf } = rooms;
  const removed = await removedIn(rooms, null);
  const wanted = ids.map((id) => removed.find((one) => one.id === id) ?? notRemoved(id));
  const touched = new Set<RepositoryId>();
  try {
    for (const { id, machine, repository } of wanted) {
      const { kept } = await shelf.open(repository.id);
      touched.add(repository.id);
      await kept.takeBack({ id, machineUuid: machine.uuid });
    }
  } finally {
    // Also when one of them failed: those before it are back and have to be listed.
    for (const repository of touched) await shelf.sync(repository);
  }
  return null;
}

function notRemoved(id: PointId): never {
  throw new AppError('point-not-found', `No removed restore point is called ${id}.`, {
    point: id,
    advice: 'List what was removed: a clean-up may have freed it, or it was taken back already.',
  });
}
