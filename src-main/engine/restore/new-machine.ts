/**
 * A machine made from a restore point: its own name, uuid and network addresses, and a definition
 * built anew from an allow-list, because the one in the repository is not trusted.
 */
import { join } from 'node:path';
import type { RestoreTarget } from '#contract/contract.ts';
import type { DefinitionChange } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { rebuildDomain } from '#engine/hypervisor/rebuild-domain.ts';
import { diskPath, folderName } from './place.ts';
import type { PlannedImage, RestoreRooms } from './restore.ts';

/** A domain definition larger than this is not one. */
export const maxDefinitionBytes = 1024 * 1024;

type NewMachineTarget = Extract<RestoreTarget, { kind: 'new-machine' }>;

export interface NewMachine {
  readonly name: string;
  readonly uuid: string;
  readonly nameTaken: boolean;
  /** `<chosen folder>/<machine>`: made by the restore. */
  readonly folder: string;
  readonly images: readonly PlannedImage[];
  readonly nvramPath: string | null;
  readonly xml: string;
  readonly changes: readonly DefinitionChange[];
  readonly network: 'disconnected' | 'connected';
}

/** Builds the definition and the paths; changes nothing. */
export async function prepareMachine(
  rooms: RestoreRooms,
  to: NewMachineTarget,
): Promise<NewMachine> {
  const { manifest, store, world, host } = rooms;
  if (host === null) throw new AppError('host-not-found', 'A new machine needs a host.');
  if (manifest.definition === null) {
    throw new AppError('definition-refused', 'The restore point has no machine definition.', {
      unharmed: 'Its disks are complete.',
      advice: 'Restore the disks as images and make a machine for them.',
    });
  }
  if (manifest.definition.sizeBytes > maxDefinitionBytes) {
    throw new AppError('definition-refused', 'The machine definition is too large to be one.');
  }
  const definition = (await store.readBlob(manifest.definition)).toString('utf8');
  const base = to.folder ?? host.defaultFolder;
  const images = manifest.disks.map((disk): PlannedImage => {
    const format = disk.format === 'raw' ? 'raw' : 'qcow2';
    return { disk, format, path: diskPath(base, to.name, disk.target, format) };
  });
  const folder = join(base, folderName(to.name));
  const nvramPath = manifest.firmware.kind === 'included' ? join(folder, 'firmware.fd') : null;
  const uuid = world.ids.uuid();
  const rebuilt = rebuildDomain(definition, {
    name: to.name,
    uuid,
    macs: () => world.ids.mac(),
    disks: new Map(images.map(({ disk, path, format }) => [disk.target, { path, format }])),
    network: to.network,
    nvram: nvramPath,
  });
  const machines = await host.hypervisor.listMachines();
  return {
    name: to.name,
    uuid,
    nameTaken: machines.some(({ name }) => name === to.name),
    folder,
    images,
    nvramPath,
    xml: rebuilt.xml,
    changes: rebuilt.changes,
    network: to.network,
  };
}
