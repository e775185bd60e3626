/**
 * A machine made from a restore point: its own name, uuid and network addresses, and a definition
 * built anew from an allow-list, because the one in the repository is not trusted.
 */
import { join } from 'node:path';
import type { RestoreTarget } from '#contract/inputs.ts';
import type { DefinitionChange } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import { rebuildDomain } from '#engine/hypervisor/rebuild-domain.ts';
import type { PoolRecord } from '#engine/hypervisor/hypervisor.ts';
import { folderName } from './place.ts';
import { choosePool } from './write-volume.ts';
import type { PlannedImage, RestoreRooms } from './restore.ts';

/** A domain definition larger than this is not one. */
export const maxDefinitionBytes = 1024 * 1024;

type NewMachineTarget = Extract<RestoreTarget, { kind: 'new-machine' }>;

export interface NewMachine {
  readonly name: string;
  readonly uuid: string;
  readonly nameTaken: boolean;
  /** `<chosen folder>/<machine>`, made by the restore; or the path of the pool. */
  readonly folder: string;
  /** Where libvirt has to write for us. */
  readonly pool: PoolRecord | null;
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
  const pool = host.stagingFolder === null ? null : await choosePool(host.hypervisor, to.folder);
  const base = to.folder ?? host.defaultFolder;
  const folder = pool?.path ?? join(base, folderName(to.name));
  // A directory pool has no folders in it, so there the machine's name is part of the file's.
  const inFolder = (file: string) =>
    join(folder, pool === null ? file : `${folderName(to.name)}-${file}`);
  const images = manifest.disks.map((disk): PlannedImage => {
    const format = disk.format === 'raw' ? 'raw' : 'qcow2';
    return { disk, format, path: inFolder(`${disk.target}.${format}`) };
  });
  const nvramPath = manifest.firmware.kind === 'included' ? inFolder('firmware.fd') : null;
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
    pool,
    images,
    nvramPath,
    xml: rebuilt.xml,
    changes: [...rebuilt.changes, ...unplaced(rebuilt.xml, images)],
    network: to.network,
  };
}

/** Disks the definition does not name, whose images are written: never left out in silence. */
function unplaced(xml: string, images: readonly PlannedImage[]): readonly DefinitionChange[] {
  const placed = new Set(parseDomain(xml).disks.map(({ target }) => target));
  return images
    .filter(({ disk }) => !placed.has(disk.target))
    .map(({ disk, path }) => ({
      kind: 'kept-out',
      what: `disk ${disk.target}: ${path}`,
      why: 'The definition in the point does not name it. Its image is written all the same.',
    }));
}
