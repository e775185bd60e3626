/**
 * Brings a restore point back: one disk as an image file, or the whole machine as a new one. Plans
 * first, never replaces anything, and calls nothing restored that was not read back and compared.
 */
import { dirname } from 'node:path';
import type { RestoreTarget } from '#contract/inputs.ts';
import type { Check, DefinitionChange, RestoredItem, RestorePlan } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { unmet } from '#contract/pre-flight.ts';
import type { Journals } from '#engine/catalog/journals.ts';
import type { HostKind, Hypervisor, PoolRecord } from '#engine/hypervisor/hypervisor.ts';
import type { ManifestDisk, PointManifest } from '#engine/store/manifest.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import { nearestFolder } from '#engine/world/nearest-folder.ts';
import type { World } from '#engine/world/world.ts';
import { prepareMachine, type NewMachine } from './new-machine.ts';
import { reachableBy, type Identity } from './place.ts';
import { restoreChecks, type RestoreFacts } from './plan.ts';

/** Bytes a second used for an estimate until this computer has measured one. */
export const assumedBytesPerSecond = 200 * 1024 * 1024;

export interface RestoreRooms {
  readonly world: World;
  readonly store: StoreRepository;
  readonly manifest: PointManifest;
  readonly journals: Journals;
  readonly pointDamaged: boolean;
  readonly verified: boolean;
  /** The host of a new machine; null for an image. */
  readonly host: RestoreHost | null;
  /** A folder of ours for NBD sockets. */
  readonly socketFolder: string;
}

export interface RestoreHost {
  readonly id: string;
  readonly kind: HostKind;
  readonly name: string;
  readonly hypervisor: Hypervisor;
  /** The user QEMU runs as there. */
  readonly identity: Identity;
  /** Where new machines go unless a folder is given. */
  readonly defaultFolder: string;
  /** Where libvirt keeps swtpm state, if we may write there. */
  readonly tpmFolder: string | null;
  /** A folder of ours where files are finished before libvirt takes them; null: write in place. */
  readonly stagingFolder: string | null;
}

/** One file to be made from one disk. */
export interface PlannedImage {
  readonly disk: ManifestDisk;
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

/** All that a restore needs to run, gathered before anything is written. */
export interface PreparedRestore {
  readonly to: RestoreTarget;
  readonly images: readonly PlannedImage[];
  readonly machine: NewMachine | null;
  readonly writeBytes: number;
  readonly checks: readonly Check[];
}

/** Gathers the facts and decides; changes nothing. Throws what makes even a plan impossible. */
export async function prepareRestore(
  rooms: RestoreRooms,
  to: RestoreTarget,
): Promise<PreparedRestore> {
  const machine = to.kind === 'new-machine' ? await prepareMachine(rooms, to) : null;
  const images = machine?.images ?? [imageOf(rooms.manifest, to)];
  let writeBytes = 0;
  for (const { disk } of images) writeBytes += await dataBytes(rooms.store, disk);
  const facts = await gatherFacts(rooms, images, machine, writeBytes);
  return { to, images, machine, writeBytes, checks: restoreChecks(facts) };
}

function imageOf(manifest: PointManifest, to: RestoreTarget): PlannedImage {
  if (to.kind !== 'image') throw new AppError('internal', 'Not an image.');
  const disk = manifest.disks.find(({ target }) => target === to.disk);
  if (disk === undefined) {
    const known = manifest.disks.map(({ target }) => target);
    throw new AppError('not-found', `The restore point has no disk ${to.disk}.`, {
      disk: to.disk,
      advice: known.length === 0 ? 'It has no disks.' : `It has: ${known.join(', ')}.`,
    });
  }
  return { disk, path: to.path, format: to.format };
}

/** Bytes of a disk that are not zero. */
async function dataBytes(store: StoreRepository, disk: ManifestDisk): Promise<number> {
  let bytes = 0;
  for await (const range of store.openTree(disk.root).ranges()) bytes += range.length;
  return bytes;
}

async function gatherFacts(
  rooms: RestoreRooms,
  images: readonly PlannedImage[],
  machine: NewMachine | null,
  writeBytes: number,
): Promise<RestoreFacts> {
  const { files } = rooms.world;
  if (machine !== null && machine.pool !== null)
    return poolFacts(rooms, machine, machine.pool, writeBytes);
  const folder = machine?.folder ?? dirname(images[0]?.path ?? '/');
  const existing: string[] = [];
  for (const { path } of images) if ((await files.stat(path)) !== null) existing.push(path);
  const here = await files.stat(folder);
  // A new machine's own folder is made when needed; an image goes where a folder already is.
  const writableAt = machine === null ? folder : await nearestFolder(rooms.world.files, folder);
  const usable = here === null ? machine !== null : here.kind === 'folder' || here.kind === 'link';
  return {
    pointDamaged: rooms.pointDamaged,
    verified: rooms.verified,
    writeBytes,
    folder,
    folderExists: here !== null,
    folderWritable: usable && (await files.may(writableAt, 'write')),
    freeBytes: await files.freeBytes(writableAt).catch(() => null),
    existingPaths: existing,
    machine: machine === null ? null : await machineFacts(rooms, machine, folder),
  };
}

/** In a storage pool libvirt writes, and makes the files usable for QEMU by itself. */
async function poolFacts(
  rooms: RestoreRooms,
  machine: NewMachine,
  pool: PoolRecord,
  writeBytes: number,
): Promise<RestoreFacts> {
  const existing: string[] = [];
  for (const { path } of machine.images) {
    if (rooms.host !== null && (await rooms.host.hypervisor.volumeForPath(path)) !== null)
      existing.push(path);
  }
  const staging = rooms.host?.stagingFolder ?? rooms.socketFolder;
  const here = await rooms.world.files.freeBytes(await nearestFolder(rooms.world.files, staging));
  const facts = await machineFacts(rooms, machine, machine.folder);
  return {
    pointDamaged: rooms.pointDamaged,
    verified: rooms.verified,
    writeBytes,
    folder: machine.folder,
    folderExists: true,
    folderWritable: true,
    freeBytes: Math.min(pool.freeBytes, here),
    existingPaths: existing,
    machine: { ...facts, qemuReachesFolder: true },
  };
}

async function machineFacts(
  rooms: RestoreRooms,
  machine: NewMachine,
  folder: string,
): Promise<NonNullable<RestoreFacts['machine']>> {
  const { manifest, host, world } = rooms;
  const identity = host?.identity ?? { uid: world.processes.uid, gid: world.processes.gid };
  const missing = [
    ...(manifest.firmware.kind === 'not-included' ? ['firmware variables'] : []),
    ...(manifest.tpm.kind === 'not-included' ? ['TPM state'] : []),
    ...(manifest.tpm.kind === 'included' && host?.tpmFolder === null
      ? ['TPM state (this host does not let Waymark put it back)']
      : []),
  ];
  return {
    name: machine.name,
    nameTaken: machine.nameTaken,
    qemuReachesFolder: await reachableBy(world, identity, folder),
    qemuUser: String(identity.uid),
    changes: machine.changes,
    network: machine.network,
    missingParts: missing,
  };
}

/** The plan as a person sees it. */
export function describeRestore(
  point: RestorePlan['point'],
  prepared: PreparedRestore,
): RestorePlan {
  const { images, machine, to, writeBytes, checks } = prepared;
  const changes: readonly DefinitionChange[] = machine?.changes ?? [];
  const commands = images.flatMap(({ path, format, disk }) => [
    `qemu-img create -f ${format} ${path} ${disk.sizeBytes}`,
    `write ${disk.target} from the repository, then read ${path} back and compare`,
  ]);
  return {
    point,
    checks,
    writeBytes,
    estimatedSeconds: Math.ceil((2 * writeBytes) / assumedBytesPerSecond),
    undo:
      to.kind === 'image' ? `Delete ${to.path}.` : `Delete the machine ${to.name} and its folder.`,
    commands: machine === null ? commands : [...commands, `virsh define ${machine.name}.xml`],
    definitionChanges: changes,
  };
}

/** Throws `refused` with every blocker and every warning that was not accepted. */
export function refuseUnmet(checks: readonly Check[], accepted: readonly string[]): void {
  const open = unmet(checks, accepted);
  const [first] = open;
  if (first === undefined) return;
  const codes: Readonly<Record<string, AppError['code']>> = {
    existing: 'path-exists',
    name: 'name-taken',
    space: 'no-space',
  };
  throw new AppError(codes[first.id] ?? 'refused', `${first.title}. ${first.detail}`, {
    reasons: open.map(({ title, detail }) => `${title}. ${detail}`),
    where: 'target',
    preflight: true,
    unharmed: 'Nothing was written and nothing was changed.',
    advice: first.accept === undefined ? first.detail : `To go on, accept: ${first.accept}.`,
  });
}

/** The items of a finished restore, as reported. */
export function restoredItem(image: PlannedImage, writtenBytes: number): RestoredItem {
  return {
    target: image.disk.target,
    path: image.path,
    format: image.format,
    sizeBytes: image.disk.sizeBytes,
    writtenBytes,
  };
}
