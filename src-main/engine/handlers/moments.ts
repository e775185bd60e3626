/** What is asked about snapshots and checkpoints beside the timeline. */
import type { Handlers } from '#contract/contract.ts';
import type { Rooms } from '../engine.ts';

type Calls = 'snapshots.picture' | 'checkpoints.states';

export function momentHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  const { fleet, pictures, momentsWatch, checkpointStates } = rooms;
  return {
    'snapshots.picture': async ({ machine, name }) => {
      const { hypervisor, record } = fleet.find(machine);
      const snapshots = await hypervisor.listSnapshots(record.uuid);
      const snapshot = snapshots.find((one) => one.name === name);
      if (snapshot === undefined) return null;
      const picture = await pictures.read(record.uuid, name, snapshot.time);
      if (picture === null) return null;
      return { mime: picture.mime, base64: picture.bytes.toString('base64') };
    },
    'checkpoints.states': ({ machine }) => {
      momentsWatch.look(machine);
      return checkpointStates.of(machine);
    },
  };
}
