/**
 * The scheduler made from the rooms: what it is handed to start, to look at and to tell with. It
 * knows none of them.
 */
import { createAwake } from '#engine/computer/awake.ts';
import { createHookRunner } from '#engine/schedule/hook-runner.ts';
import type { ScheduleParts } from '#engine/schedule/parts.ts';
import { createScheduler } from '#engine/schedule/scheduler.ts';
import type { Rooms } from '../engine.ts';
import { startBackup } from './backups.ts';
import { conditionsOf } from './conditions.ts';
import { listPlans, type Schedule } from './plans.ts';
import { startVerify } from './points.ts';

/** Changes of plans closer together than this are told to the screens once; milliseconds. */
const tellWithinMs = 200;

/** What it is handed beside the rooms. */
export type Handed = Pick<ScheduleParts, 'retention' | 'onNews'>;

export function createSchedule(rooms: Rooms, handed: Handed): Schedule {
  const { world, catalog, jobs, fleet, shelf, emit } = rooms;
  const parts: ScheduleParts = {
    ...handed,
    world,
    catalog,
    jobs,
    conditions: conditionsOf(rooms),
    hooks: createHookRunner(world),
    awake: createAwake(world),
    seen: () => fleet.seen(),
    starters: {
      backup: (wish) =>
        startBackup(rooms, {
          machine: wish.machine,
          repository: wish.repository,
          exclude: [...wish.exclude],
          reread: false,
          accepted: [],
          bytesPerSecond: wish.bytesPerSecond,
        }),
      verify: (point, depth) => startVerify(rooms, point, depth),
    },
    readPoints: async (repository) => {
      await shelf.open(repository);
      await rooms.recovered();
      await shelf.sync(repository);
    },
    onRun: (run) => {
      emit('plan-runs.changed', run);
    },
    onPlans: (uuids) => {
      for (const uuid of uuids) fleet.touch(uuid);
      tellPlans();
    },
  };
  const schedule: Schedule = { parts, scheduler: createScheduler(parts) };
  const tellPlans = once(world.clock, () => {
    emit('plans.changed', listPlans(schedule));
  });
  return schedule;
}

/** Many calls within a moment become one. */
function once(clock: Rooms['world']['clock'], tell: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    clock.timer(tellWithinMs, () => {
      asked = false;
      tell();
    });
  };
}

/** Until both are built: nothing is removed, and nothing is told. */
export const nothingHanded: Handed = {
  retention: { removeByRule: () => Promise.resolve({ removed: 0, words: '' }) },
  onNews: () => undefined,
};
