/**
 * Whether a snapshot is the one a step made. Between a crash and the moment a person decides,
 * another program may have taken one of the same name; undoing must not delete that, and finishing
 * must not take it for the step's own.
 */
import type { Hypervisor, SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';

/** From when a step is begun until libvirt has read its XML, which is the snapshot's time. */
const makingMs = 90_000;
const libvirtTimeMs = 1000; // it keeps whole seconds

/**
 * @param madeFrom the XML it would have been made from.
 * @param begun UTC epoch milliseconds at which its step was begun, each time it was.
 * Errors: `snapshot-not-found`, those of the connection.
 */
export async function isMadeFrom(
  hypervisor: Hypervisor,
  uuid: string,
  name: string,
  madeFrom: string,
  begun: readonly number[],
): Promise<boolean> {
  const told = { current: false, hasMetadata: true };
  const found = parseSnapshot(await hypervisor.snapshotXml(uuid, name), told);
  const asked = parseSnapshot(madeFrom, told);
  const inTime = begun.some(
    (at) => found.time >= at - 2 * libvirtTimeMs && found.time <= at + makingMs,
  );
  return inTime && whatIsKept(found) === whatIsKept(asked);
}

function whatIsKept({ description, memory, memoryFile, disks }: SnapshotRecord): string {
  const taken = disks
    .filter(({ kind }) => kind !== 'no')
    .map(({ target, kind, source }) => [target, kind, kind === 'external' ? source : null]);
  return JSON.stringify([description, memory, memoryFile, taken.sort()]);
}
