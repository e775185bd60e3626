import type { MachineState } from '#contract/domain.ts';
import type { DomainRef } from './procedures.ts';
import { uuidBytes } from './uuid.ts';

/** libvirt finds a machine by its uuid alone; name and id only serve its messages. */
export function domainRef(uuid: string): DomainRef {
  return { name: uuid, uuid: uuidBytes(uuid), id: -1 };
}

/** virDomainState, by number. */
const states: readonly MachineState[] = [
  'unknown',
  'running',
  'running', // "blocked on resource": a running machine to a person
  'paused',
  'shutting-down',
  'off',
  'crashed',
  'suspended',
];

export function machineState(number: number): MachineState {
  return states[number] ?? 'unknown';
}
