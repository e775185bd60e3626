/**
 * Removes what neither a plan's rule nor that of another plan for the same machine and repository
 * keeps, one point after another, so that it can be taken back.
 * It looks at the repository again first: another computer may have pinned or removed points since.
 */
import type { Named, Point, RepositoryId } from '#contract/domain.ts';
import { hasCode } from '#contract/errors.ts';
import type { KeptPlan } from '#engine/schedule/conditions.ts';
import { aheadOf, goes, rulesBeside } from '#engine/schedule/every-rule.ts';
import type { RemovedByRule, Retention } from '#engine/schedule/parts.ts';
import { futureMs } from '#engine/schedule/retention.ts';
import { momentWords } from '#engine/schedule/time-words.ts';
import { counted } from '#engine/snapshot/words.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import type { Rooms } from '../engine.ts';
import { cleanUpWhenDue } from './clean-ups.ts';
import { markedPoint } from './kept-points.ts';
import { graceWords } from './removed-points.ts';
import { ruledPoints } from './ruled-points.ts';

export function ruleRemoval(rooms: Rooms): Retention {
  return {
    removeByRule: async (plan, machine, repository) => {
      const removed = await removeByRule(rooms, plan, machine, repository);
      await cleanUpWhenDue(rooms, repository.id);
      return removed;
    },
  };
}

async function removeByRule(
  rooms: Rooms,
  plan: KeptPlan,
  machine: { readonly uuid: string; readonly name: string },
  repository: Named<RepositoryId>,
): Promise<RemovedByRule> {
  const { shelf, catalog, fleet, emit, world } = rooms;
  if (plan.keep === null) return { removed: 0, words: '' };
  const store = await shelf.open(repository.id);
  await shelf.sync(repository.id);
  const all = catalog.points.pointsOfMachine(machine.uuid);
  const points = ruledPoints(all, repository.id);
  const options = { machineGone: false, now: world.clock.now() };
  const ahead = aheadOf(points, options.now);
  if (ahead !== null) return { removed: 0, words: aheadWords(ahead, machine.name, plan.zone) };
  const beside = rulesBeside({ catalog, seen: () => fleet.seen() }, plan.id);
  const going = goes(points, [plan, ...beside(machine.uuid, repository.id)], options);
  const latest = options.now + futureMs;
  const [newest] = points
    .filter(({ damaged, time, id }) => !damaged && time <= latest && !going.includes(id))
    .sort((a, b) => b.time - a.time);
  const notBefore = catalog.points.newestTime(repository.id);
  let removed = 0;
  for (const id of going) {
    // Deleted or found damaged since: another is the newest good one now, so nothing more goes.
    if (newest === undefined || !catalog.points.isGood(repository.id, newest.id)) break;
    const point = all.find((one) => one.id === id && one.repository.id === repository.id);
    if (point === undefined || !(await removeOne(store, point, plan.name, notBefore))) continue;
    catalog.points.deletePoint(repository.id, point.id);
    removed += 1;
  }
  if (removed > 0) {
    fleet.touch(machine.uuid);
    emit('repositories.changed', shelf.list());
  }
  return { removed, words: words(removed, machine.name, repository.name) };
}

/** False for one that is pinned or gone meanwhile. */
async function removeOne(
  store: StoreRepository,
  point: Point,
  planName: string,
  notBefore: number,
): Promise<boolean> {
  try {
    await store.kept.remove(markedPoint(point), `Plan ${planName}`, notBefore);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'refused', 'point-not-found')) return false;
    throw thrown;
  }
}

function words(removed: number, machine: string, repository: string): string {
  if (removed === 0) return '';
  const what = `${counted(removed, 'restore point')} of ${machine} in ${repository}`;
  return `The rule removed ${what}; for ${graceWords} that can be taken back.`;
}

/** The clock may be behind: which points are old is not known then. */
function aheadWords(ahead: number, machine: string, zone: string): string {
  return (
    `The rule removed nothing: the newest restore point of ${machine} is of ` +
    `${momentWords(ahead, zone)}, later than the clock of this computer says. Set the clock ` +
    'right, or remove that restore point.'
  );
}
