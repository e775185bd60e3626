import type { Handlers } from '#contract/contract.ts';
import type { MachineId } from '#contract/domain.ts';
import type { Timeline } from '#contract/moments.ts';
import { AppError } from '#contract/errors.ts';
import { splitMachineId } from '#engine/fleet/machine-view.ts';
import { viewCheckpoints, viewSnapshots } from '#engine/fleet/timeline.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';

type Calls =
  'machines.list' | 'machines.get' | 'machines.timeline' | 'machines.start' | 'machines.screenshot';

export function machineHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  const { fleet } = rooms;
  return {
    'machines.list': ({ host }) => answer(() => fleet.machines(host)),
    'machines.get': ({ machine }) => answer(() => fleet.machine(machine)),
    'machines.timeline': ({ machine }) => timeline(rooms, machine),
    'machines.start': async ({ machine }) => {
      const { hypervisor, record } = fleet.find(machine);
      await hypervisor.start(record.uuid);
      await fleet.refresh(machine);
      return null;
    },
    'machines.screenshot': async ({ machine }) => {
      const { hypervisor, record } = fleet.find(machine);
      const picture = await hypervisor.screenshot(record.uuid);
      if (picture === null) return null;
      return { mime: picture.mime, base64: picture.bytes.toString('base64') };
    },
  };
}

/** Points come from the catalog, so they are shown even while the host is away. */
async function timeline(rooms: Rooms, machine: MachineId): Promise<Timeline> {
  const { fleet, catalog } = rooms;
  const { uuid } = splitMachineId(machine);
  const points = catalog.points.pointsOfMachine(uuid);
  const base = {
    machine,
    points,
    failures: catalog.runs.failuresOfMachine(uuid),
    reverts: [],
    undo: null,
    chainWarning: null,
  };
  const names = new Map(catalog.repositories.list().map(({ id, name }) => [String(id), name]));
  try {
    const { hypervisor } = fleet.find(machine);
    const [snapshots, checkpoints] = await Promise.all([
      hypervisor.listSnapshots(uuid),
      hypervisor.listCheckpoints(uuid),
    ]);
    const installation = catalog.settings.installation();
    return {
      ...base,
      snapshots: viewSnapshots(snapshots),
      checkpoints: viewCheckpoints(checkpoints, points, installation, names),
      incomplete: null,
    };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return { ...base, snapshots: [], checkpoints: [], incomplete: thrown.toJSON() };
  }
}
