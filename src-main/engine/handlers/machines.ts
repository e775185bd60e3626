import type { Handlers } from '#contract/contract.ts';
import type { Rooms } from '../engine.ts';
import { answer } from './answer.ts';
import { timelineOf } from './timeline.ts';

type Calls =
  'machines.list' | 'machines.get' | 'machines.timeline' | 'machines.start' | 'machines.screenshot';

export function machineHandlers(rooms: Rooms): Pick<Handlers, Calls> {
  const { fleet } = rooms;
  return {
    'machines.list': ({ host }) => answer(() => fleet.machines(host)),
    'machines.get': ({ machine }) => answer(() => fleet.machine(machine)),
    'machines.timeline': ({ machine }) => timelineOf(rooms, machine),
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
