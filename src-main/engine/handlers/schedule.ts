/**
 * The scheduler made from the rooms: what it is handed to start, to look at and to tell with. It
 * knows none of them.
 */
import { createHookRunner } from '#engine/schedule/hook-runner.ts';
import type { ScheduleParts } from '#engine/schedule/parts.ts';
import { createScheduler } from '#engine/schedule/scheduler.ts';
import type { Rooms } from '../engine.ts';
import { startBackup } from './backups.ts';
import { conditionsOf } from './conditions.ts';
import { listPlans, type Schedule } from './plans.ts';
import { startVerify } from './points.ts';
import { ruleRemoval } from './remove-by-rule.ts';

/** Changes of plans closer together than this are told to the screens once; milliseconds. */
const tellWithinMs = 200;

export function createSchedule(rooms: Rooms): Schedule {
  const { world, catalog, jobs, fleet, shelf, emit } = rooms;
  const parts: ScheduleParts = {
    world,
    catalog,
    jobs,
    conditions: conditionsOf(rooms),
    hooks: createHookRunner(world),
    awake: rooms.awake,
    retention: ruleRemoval(rooms),
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
    onNews: (what) => {
      rooms.news.tell(what);
    },
    onRun: (run) => {
      emit('plan-runs.changed', run);
    },
    onPlans: (uuids) => {
      for (const uuid of uuids) fleet.touch(uuid);
      tellPlans();
    },
  };
  // Many changes within a moment are told once.
  let cancelTelling: (() => void) | null = null;
  const tellPlans = () => {
    cancelTelling ??= world.clock.timer(tellWithinMs, () => {
      cancelTelling = null;
      emit('plans.changed', listPlans(schedule));
    });
  };
  const scheduler = createScheduler(parts);
  const schedule: Schedule = {
    parts,
    scheduler,
    stop: async () => {
      await scheduler.stop();
      cancelTelling?.();
      cancelTelling = () => undefined; // nothing is told any more
    },
  };
  return schedule;
}
