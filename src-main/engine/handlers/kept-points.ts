/** Pins, what was removed and can be taken back, and the clean-up that frees its space. */
import type { Handlers } from '#contract/contract.ts';
import type { Point, PointId, RepositoryId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { CleanUpPlan, RemovedPoint } from '#contract/plans.ts';
import type { MarkedPoint } from '#engine/store/kept.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';
import { startCleanUp, viewCleanUp } from './clean-ups.ts';
import { viewRemoved } from './removed-points.ts';

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

export function keptPointHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  return {
    'points.pin': ({ point, pinned }) => setPinned(rooms, point, pinned),
    'points.removed': ({ repository }) => removedIn(rooms, repository),
    'points.take-back': ({ points }) => takeBack(rooms, points),
    'repositories.plan-clean-up': ({ repository }) => planCleanUp(rooms, repository),
    'repositories.clean-up': ({ repository }) => answer(() => startCleanUp(rooms, repository)),
  };
}

/** What the store wants to know of a point that it marks. */
export function markedPoint({ id, machine, time }: Point): MarkedPoint {
  return { id, machineUuid: machine.uuid, machineName: machine.name, time };
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

/** Newest removal first. Of all repositories: of those that are open and can be read now. */
async function removedIn(
  rooms: Rooms,
  repository: RepositoryId | null,
): Promise<readonly RemovedPoint[]> {
  if (repository === null) return (await removedAnywhere(rooms)).points;
  const { id, name } = rooms.shelf.get(repository);
  return sorted(await removedOf(rooms, { id, name }));
}

interface RemovedAnywhere {
  readonly points: readonly RemovedPoint[];
  /** Why one of the repositories could not be read; null when all were. */
  readonly unread: AppError | null;
}

/** A repository that is unplugged does not hide what the others have. */
async function removedAnywhere(rooms: Rooms): Promise<RemovedAnywhere> {
  const points: RemovedPoint[] = [];
  let unread: AppError | null = null;
  for (const { id, name, state } of rooms.shelf.list()) {
    if (state.kind !== 'ready') continue;
    try {
      points.push(...(await removedOf(rooms, { id, name })));
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      const about = { repository: id, reason: thrown.message };
      rooms.world.log.warn('What was removed from a repository could not be read.', about);
      unread ??= thrown;
    }
  }
  return { points: sorted(points), unread };
}

async function removedOf(
  { shelf }: Rooms,
  repository: RemovedPoint['repository'],
): Promise<RemovedPoint[]> {
  const markers = await (await shelf.open(repository.id)).kept.removed();
  return markers.map((marker) => viewRemoved(marker, repository));
}

function sorted(points: readonly RemovedPoint[]): readonly RemovedPoint[] {
  return [...points].sort((a, b) => b.removedAt - a.removedAt || (a.id < b.id ? 1 : -1));
}

async function planCleanUp({ shelf }: Rooms, id: RepositoryId): Promise<CleanUpPlan> {
  const { name } = shelf.get(id);
  return viewCleanUp(await (await shelf.open(id)).planCleanUp(), { id, name });
}

async function takeBack(rooms: Rooms, ids: readonly PointId[]): Promise<null> {
  const { shelf } = rooms;
  const { points, unread } = await removedAnywhere(rooms);
  const wanted = ids.map((id) => {
    const found = points.find((one) => one.id === id);
    if (found === undefined) throw unread ?? notRemoved(id); // it may be where nobody could look
    return found;
  });
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

function notRemoved(id: PointId): AppError {
  return new AppError('point-not-found', `No removed restore point is called ${id}.`, {
    point: id,
    advice: 'List what was removed: a clean-up may have freed it, or it was taken back already.',
  });
}
