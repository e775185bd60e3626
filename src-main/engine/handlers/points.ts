import type { Handlers } from '#contract/contract.ts';
import type { JobId, Point, PointId } from '#contract/domain.ts';
import { AppError, asPreflight } from '#contract/errors.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { Rooms } from '../engine.ts';
import { verify } from './repositories.ts';
import { answer } from './answer.ts';
import { aPerson, markedPoint } from './kept-points.ts';
import { graceWords } from './removed-points.ts';

type Calls = 'points.list' | 'points.get' | 'points.verify' | 'points.delete';

export function pointHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  const { catalog } = rooms;
  return {
    'points.list': ({ machineUuid, repository }) =>
      answer(() => catalog.points.listPoints({ machineUuid, repository })),
    'points.get': ({ point }) => answer(() => catalog.points.getPoint(point)),
    'points.verify': ({ point }) => answer(() => startVerify(rooms, point, 'data')),
    'points.delete': ({ points, last }) => answer(() => startDelete(rooms, points, last)),
  };
}

/** 'structure' only looks whether everything the point needs is there; 'data' reads it all. */
export function startVerify(rooms: Rooms, point: PointId, depth: 'structure' | 'data'): JobId {
  const found = rooms.catalog.points.getPoint(point);
  return rooms.jobs.start({
    kind: 'verify',
    title: `Verify a restore point of ${found.machine.name}`,
    machine: { id: null, ...found.machine },
    repository: found.repository,
    cancelEffect: 'Nothing was changed; what was checked so far is not recorded.',
    requires: { machine: false, repository: true },
    run: (context) => verify(rooms, found.repository.id, depth, found, context),
  });
}

function startDelete(rooms: Rooms, points: readonly PointId[], last: boolean): JobId {
  const found = points.map((id) => rooms.catalog.points.getPoint(id));
  const [first] = found;
  if (first === undefined) throw new AppError('invalid-input', 'No restore point was named.');
  if (found.some(({ repository }) => repository.id !== first.repository.id)) {
    throw new AppError('invalid-input', 'These restore points are in several repositories.', {
      advice: 'Delete those of one repository at a time.',
    });
  }
  refusePinned(found);
  if (!last) refuseLast(rooms, found);
  return rooms.jobs.start({
    kind: 'point-delete',
    title: found.length === 1 ? 'Delete a restore point' : `Delete ${found.length} restore points`,
    machine: { id: null, ...first.machine },
    repository: first.repository,
    cancelEffect: 'Points already deleted can be taken back; the others are as they were.',
    requires: { machine: false, repository: true },
    run: (context) => deletePoints(rooms, found, last, context),
  });
}

/** Nothing is begun that would stop half way at a pin. */
function refusePinned(points: readonly Point[]): void {
  const pinned = points.filter((point) => point.pinned);
  const [first] = pinned;
  if (first === undefined) return;
  throw asPreflight(
    new AppError('refused', `A restore point of ${first.machine.name} is pinned.`, {
      points: pinned.map(({ id }) => id),
      reasons: ['A pinned restore point is not removed.'],
      unharmed: 'Nothing was deleted.',
      advice: 'Unpin it first, or leave it out.',
    }),
  );
}

/** The last point of a machine is never deleted without being asked for by name. */
function refuseLast({ catalog }: Rooms, points: readonly Point[]): void {
  for (const { machine } of points) {
    const goes = points.filter((point) => point.machine.uuid === machine.uuid).length;
    if (catalog.points.pointsOfMachine(machine.uuid).length > goes) continue;
    throw new AppError(
      'confirmation-required',
      `That would delete the last restore point of ${machine.name}.`,
      {
        machine: machine.name,
        unharmed: 'Nothing was deleted.',
        advice: 'Make another restore point first, or confirm that the last one shall go.',
      },
    );
  }
}

async function deletePoints(
  rooms: Rooms,
  points: readonly Point[],
  last: boolean,
  context: JobContext,
): Promise<{ kind: 'other'; summary: string }> {
  const { shelf, catalog, fleet, emit } = rooms;
  let deleted = 0;
  for (const point of points) {
    if (context.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
    if (!last) refuseLast(rooms, [point]); // another job may have deleted the others meanwhile
    const store = await shelf.open(point.repository.id);
    const notBefore = catalog.points.newestTime(point.repository.id);
    await store.kept.remove(markedPoint(point), aPerson, notBefore);
    catalog.points.deletePoint(point.repository.id, point.id);
    fleet.touch(point.machine.uuid);
    deleted += 1;
  }
  emit('repositories.changed', shelf.list());
  const left = `For ${graceWords} this can be taken back; then a clean-up frees the space.`;
  return { kind: 'other', summary: `${deleted} deleted. ${left}` };
}
