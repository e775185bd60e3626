/** What the memory of checkpoints is handed of the other rooms. */
import type { Emit } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import type { StatesParts } from '#engine/checkpoint/states.ts';
import type { Fleet } from '#engine/fleet/fleet.ts';
import { newestReferences } from '#engine/fleet/timeline.ts';
import { isActive } from '#engine/interlock/facts.ts';
import type { Jobs } from '#engine/jobs/job-types.ts';
import type { World } from '#engine/world/world.ts';

interface Around {
  readonly world: World;
  readonly catalog: Catalog;
  readonly fleet: Fleet;
  readonly jobs: Jobs;
  readonly emit: Emit;
}

export function statesParts({ world, catalog, fleet, jobs, emit }: Around): StatesParts {
  return {
    world,
    machines: () => fleet.connected(),
    find: (machine) => {
      const { hypervisor, record } = fleet.find(machine);
      const job = jobs.ofMachine(machine);
      return {
        uuid: record.uuid,
        hypervisor,
        definition: record.definition,
        active: isActive(record),
        job: job === null ? null : jobs.get(job).title,
        references: () => newestReferences(catalog.points.pointsOfMachine(record.uuid)),
      };
    },
    changed: (machine) => {
      try {
        emit('machines.changed', { machine: fleet.machine(machine) });
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown; // it was removed in this very moment
      }
    },
  };
}
