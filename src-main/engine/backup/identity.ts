/**
 * What makes a machine the same machine besides its disks: definition, firmware variables, TPM
 * state. What this kind of host does not let us read is named as missing in the point, with the
 * reason.
 */
import { basename, join } from 'node:path';
import { hasCode } from '#contract/errors.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type { Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import type { ManifestPart } from '#engine/store/manifest.ts';
import type { StoreWriter, TreeRoot } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';

/** OVMF's variable store is 528 KiB, arm64's 64 MiB. */
export const maxFirmwareBytes = 64 * 1024 * 1024;
export const maxTpmBytes = 16 * 1024 * 1024;

export interface MachineIdentity {
  readonly definition: TreeRoot;
  readonly firmware: ManifestPart;
  readonly tpm: ManifestPart;
}

/** Stores what can be read. `tpmFolders`: where libvirt keeps swtpm state, likeliest first. */
export async function storeIdentity(
  world: World,
  hypervisor: Hypervisor,
  record: MachineRecord,
  tpmFolders: readonly string[],
  writer: StoreWriter,
): Promise<MachineIdentity> {
  const xml = await definitionOf(hypervisor, record);
  return {
    definition: await writer.putBlob(Buffer.from(xml)),
    firmware: await storeFirmware(world, hypervisor, record, writer),
    tpm: await storeTpm(world, record, tpmFolders, writer),
  };
}

/**
 * The stored definition, which fits another host best. A disk that was plugged in only for this run
 * is not in it: then the live one tells, so that no disk comes back without its place.
 */
async function definitionOf(hypervisor: Hypervisor, record: MachineRecord): Promise<string> {
  if (!record.persistent) return hypervisor.definition(record.uuid, 'live');
  const stored = await hypervisor.definition(record.uuid, 'inactive');
  const known = new Set(parseDomain(stored).disks.map(({ target }) => target));
  const complete = record.definition.disks.every(({ target }) => known.has(target));
  return complete ? stored : hypervisor.definition(record.uuid, 'live');
}

async function storeFirmware(
  world: World,
  hypervisor: Hypervisor,
  { definition }: MachineRecord,
  writer: StoreWriter,
): Promise<ManifestPart> {
  const { firmware } = definition;
  if (firmware.kind === 'bios' || firmware.nvramPath === null) return { kind: 'none' };
  const path = firmware.nvramPath;
  const bytes =
    (await readable(world, path, maxFirmwareBytes)) ?? (await fromVolume(hypervisor, path));
  if (bytes === null) {
    const known = (await world.files.stat(path).catch(() => null)) !== null;
    const reason = known
      ? `This user may not read ${path}.`
      : `The firmware variables at ${path} are not there yet, or cannot be reached from here.`;
    return { kind: 'not-included', reason };
  }
  return { kind: 'included', root: await writer.putBlob(bytes), fileName: basename(path) };
}

async function fromVolume(hypervisor: Hypervisor, path: string): Promise<Buffer | null> {
  try {
    if ((await hypervisor.volumeForPath(path)) === null) return null;
    return await hypervisor.downloadVolume(path, maxFirmwareBytes);
  } catch (thrown) {
    if (hasCode(thrown, 'libvirt-error', 'path-invalid')) return null;
    throw thrown;
  }
}

async function storeTpm(
  world: World,
  record: MachineRecord,
  folders: readonly string[],
  writer: StoreWriter,
): Promise<ManifestPart> {
  const { tpm } = record.definition;
  if (!tpm.present) return { kind: 'none' };
  if (!tpm.emulated) {
    return {
      kind: 'not-included',
      reason: 'The TPM is a device of the host and cannot be copied.',
    };
  }
  const name = tpm.version.startsWith('1') ? 'tpm-00.permall' : 'tpm2-00.permall';
  const folderName = tpm.version.startsWith('1') ? 'tpm1.2' : 'tpm2';
  for (const folder of folders) {
    const bytes = await readable(world, join(folder, record.uuid, folderName, name), maxTpmBytes);
    if (bytes !== null) {
      return { kind: 'included', root: await writer.putBlob(bytes), fileName: name };
    }
  }
  return {
    kind: 'not-included',
    reason: 'This user may not read the TPM state that libvirt keeps.',
  };
}

async function readable(world: World, path: string, maxBytes: number): Promise<Buffer | null> {
  try {
    return await world.files.read(path, maxBytes);
  } catch (thrown) {
    if (hasCode(thrown, 'permission-denied', 'path-not-found', 'path-invalid')) return null;
    throw thrown;
  }
}
