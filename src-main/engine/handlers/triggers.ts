/** What begins runs besides the clock: a machine that was shut down, and one that wrote much. */
import { machineId, splitMachineId } from '#engine/fleet/machine-view.ts';
import type { HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import type { Scheduler } from '#engine/schedule/scheduler.ts';
import type { Rooms } from '../engine.ts';

/**
 * How often what was written is looked at. The numbers are kept anyway (checkpoint/states.ts) and
 * are about as old as that. Milliseconds.
 */
export const lookAtChangesMs = 60_000;

/** VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN: the guest ended itself. No crash, not pulled or saved. */
const endedItself = 0;

export type TriggerRooms = Pick<Rooms, 'world' | 'catalog' | 'fleet' | 'jobs' | 'checkpointStates'>;

/** Returns the function that ends it. */
export function watchTriggers(
  rooms: TriggerRooms,
  scheduler: Pick<Scheduler, 'trigger'>,
): () => void {
  const { world, fleet } = rooms;
  // Nobody is there to hear of what breaks here, and what comes next must come all the same.
  const guarded = (action: () => void) => {
    try {
      action();
    } catch (thrown) {
      world.log.error('What begins runs besides the clock could not be looked at', thrown);
    }
  };
  const stopListening = fleet.on((host, event) => {
    if (!isShutDown(event)) return;
    guarded(() => scheduler.trigger({ kind: 'shutdown' }, machineId(host, event.uuid)));
  });
  let cancelNext: () => void = () => undefined;
  const later = () => {
    cancelNext = world.clock.timer(lookAtChangesMs, () => {
      guarded(() => {
        lookAtChanges(rooms, scheduler);
      });
      later();
    });
  };
  later();
  return () => {
    stopListening();
    cancelNext();
  };
}

function isShutDown(event: HypervisorEvent): event is HypervisorEvent & { kind: 'lifecycle' } {
  return event.kind === 'lifecycle' && event.event === 'stopped' && event.detail === endedItself;
}

/** Every machine each time: one that may not yet, because its point is too new, may later. */
function lookAtChanges(
  { catalog, fleet, jobs, checkpointStates }: TriggerRooms,
  scheduler: Pick<Scheduler, 'trigger'>,
): void {
  const points = catalog.points.byMachine();
  for (const machine of fleet.connected()) {
    const changed = checkpointStates.changedOf(machine);
    if (changed === null || jobs.ofMachine(machine) !== null) continue;
    const newest = points.get(splitMachineId(machine).uuid)?.last.time ?? -Infinity;
    if (newest >= changed.at) continue; // what was measured before that point was made is in it
    scheduler.trigger({ kind: 'changed', bytes: changed.bytes }, machine);
  }
}
