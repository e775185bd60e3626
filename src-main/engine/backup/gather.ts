/**
 * The facts a backup is decided from, read without changing anything: the machine, the newest point
 * that set a reference, and whether that reference is still whole.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import { checkpointOwner, checkpointPrefix } from '#engine/hypervisor/checkpoint-owner.ts';
import type { CheckpointRecord, Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import { hasLostJob } from '#engine/hypervisor/lost-job.ts';
import { imageHead, imageInfo, isRecording } from '#engine/nbd/image.ts';
import type { PointManifest } from '#engine/store/manifest.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import type { World } from '#engine/world/world.ts';

/** qemu-img's name for version 2 of qcow2, which has no room for bitmaps. */
const oldCompat = '0.10';

export type ReferenceHealth = 'healthy' | 'missing' | 'inconsistent';

/** The point whose own checkpoint is the reference, and how that checkpoint is. */
export interface Reference {
  readonly manifest: PointManifest;
  readonly checkpoint: string;
  readonly health: ReferenceHealth;
}

export interface Gathered {
  readonly record: MachineRecord;
  /** The XML of the running machine, or the stored one. */
  readonly xml: string;
  readonly active: boolean;
  /** The newest point of this machine in this repository, whatever it was made from. */
  readonly newest: PointManifest | null;
  readonly reference: Reference | null;
  readonly checkpoints: readonly CheckpointRecord[];
  /** Sizes by target, as the machine has them now. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Every image of the machine can be opened by us; decides the route of a stopped one. */
  readonly imagesReadable: boolean;
  /** Disks on an overlay above the reference's image, its bitmap in every image down to that. */
  readonly reachingDown: ReadonlySet<string>;
  /** qcow2 images that cannot hold a bitmap (version 2). */
  readonly oldFormat: ReadonlySet<string>;
  /** libvirt holds a job that it lost, so that no backup can begin. */
  readonly lostJob: boolean;
}

export interface GatherOptions {
  readonly world: World;
  readonly hypervisor: Hypervisor;
  readonly store: StoreRepository;
  readonly uuid: string;
}

export async function gather(options: GatherOptions): Promise<Gathered> {
  const { world, hypervisor, store, uuid } = options;
  const record = await hypervisor.getMachine(uuid);
  const active = isActive(record);
  const xml = await hypervisor.definition(uuid, active ? 'live' : 'inactive');
  const checkpoints = await hypervisor.listCheckpoints(uuid);
  const ours = new Set(
    checkpoints
      .filter((one) => checkpointOwner(one)?.repository === store.id)
      .map((one) => one.name),
  );
  const { newest, referenced } = await readManifests(store, uuid, ours);
  const imagesReadable = !active && (await allReadable(world, record));
  const checkpoint = referenced?.checkpoint ?? null;
  const reference =
    referenced === null || checkpoint === null
      ? null
      : {
          manifest: referenced,
          checkpoint,
          health: await health(options, record, referenced, ours, checkpoints),
        };
  return {
    record,
    xml,
    active,
    newest,
    reference,
    checkpoints,
    sizes: await readSizes(hypervisor, record),
    imagesReadable,
    reachingDown: await reachingDown(world, record, reference, checkpoints),
    oldFormat: await oldFormats(world, record),
    lostJob: active && (await hasLostJob(world, hypervisor, uuid, targetsOf(record))),
  };
}

function targetsOf({ definition }: MachineRecord): readonly string[] {
  return definition.disks.map(({ target }) => target);
}

/**
 * The newest point, and the one that set the reference: the newest whose own checkpoint the machine
 * still has for this repository, else the newest that set any. Each bitmap tells what changed since
 * its own point and no other, so the first is exact even where another host, or a clock that went
 * back, made a point that looks newer. A damaged manifest is passed over: it can be no base.
 */
async function readManifests(
  store: StoreRepository,
  uuid: string,
  checkpoints: ReadonlySet<string>,
): Promise<{ newest: PointManifest | null; referenced: PointManifest | null }> {
  const names = (await store.listPoints())
    .filter(({ machineUuid }) => machineUuid === uuid)
    .sort((a, b) => (a.id < b.id ? 1 : -1)); // ULIDs sort by time
  let newest: PointManifest | null = null;
  let referenced: PointManifest | null = null;
  for (const { id } of names) {
    const own = checkpointPrefix + id.toLowerCase();
    if (referenced !== null && !checkpoints.has(own)) continue;
    const manifest = await store.readPoint(id, uuid).catch((thrown: unknown) => {
      if (hasCode(thrown, 'manifest-damaged', 'manifest-refused', 'block-damaged')) return null;
      throw thrown;
    });
    if (manifest === null) continue;
    newest ??= manifest;
    if (manifest.checkpoint === own && checkpoints.has(own))
      return { newest, referenced: manifest };
    if (manifest.checkpoint !== null) referenced ??= manifest;
  }
  return { newest, referenced };
}

/** A manifest is believed only about the checkpoint made together with it, for this repository. */
async function health(
  { world, hypervisor, uuid }: GatherOptions,
  record: MachineRecord,
  manifest: PointManifest,
  ours: ReadonlySet<string>,
  checkpoints: readonly CheckpointRecord[],
): Promise<ReferenceHealth> {
  const { id, checkpoint: name } = manifest;
  const known = checkpoints.find((checkpoint) => checkpoint.name === name);
  if (known === undefined || !ours.has(known.name)) return 'missing';
  if (known.name !== checkpointPrefix + id.toLowerCase()) return 'missing';
  if (!isActive(record)) return closedHealth(world, record, known);
  const healthy = await hypervisor.validateCheckpoint(uuid, known.name, known.xml);
  return healthy && (await reachesDown(world, record, manifest, known))
    ? 'healthy'
    : 'inconsistent';
}

/**
 * libvirt asks only that a bitmap is in the active image and in those below without a gap. What was
 * written between the point and an external snapshot is recorded in the image that was active then:
 * where that part is gone, the rest is healthy to libvirt and still not all that changed. Images
 * below the active one are not written, so their files tell; where they cannot be read, libvirt's
 * word has to do.
 */
async function reachesDown(
  world: World,
  { definition }: MachineRecord,
  manifest: PointManifest,
  checkpoint: CheckpointRecord,
): Promise<boolean> {
  for (const { target, bitmap } of checkpoint.disks) {
    const was = manifest.disks.find((disk) => disk.target === target)?.source ?? null;
    const below = definition.disks.find((disk) => disk.target === target)?.chain ?? [];
    const lowest = below.findIndex(({ source }) => source === was);
    for (const { source, format } of below.slice(0, lowest + 1)) {
      if (source === null || format !== 'qcow2') return false;
      const head = await imageHead(world, source, { share: true }).catch(() => null);
      if (head?.info.bitmaps.every(({ name }) => name !== bitmap) === true) return false;
    }
  }
  return true;
}

function isActive({ state }: MachineRecord): boolean {
  return state !== 'off' && state !== 'crashed';
}

/**
 * On closed images the bitmaps themselves are looked at. One that also lives in a backing image
 * would need merging, which only QEMU does right, so such a reference is not used.
 */
async function closedHealth(
  world: World,
  record: MachineRecord,
  checkpoint: CheckpointRecord,
): Promise<ReferenceHealth> {
  for (const { target, bitmap } of checkpoint.disks) {
    const disk = record.definition.disks.find((candidate) => candidate.target === target);
    if (typeof disk?.source !== 'string') continue; // a removed disk needs no reference
    const info = await imageInfo(world, disk.source, { share: true }).catch((thrown: unknown) => {
      if (thrown instanceof AppError) return null;
      throw thrown;
    });
    if (info === null) return 'missing';
    const found = info.bitmaps.find((candidate) => candidate.name === bitmap);
    if (found === undefined) return 'missing';
    if (!isRecording(found)) return 'inconsistent';
    for (const { path: below } of info.backing) {
      const base = await imageInfo(world, below, { share: true }).catch(() => null);
      if (base === null) return 'missing';
      if (base.bitmaps.some((candidate) => candidate.name === bitmap)) return 'missing';
    }
  }
  return 'healthy';
}

/** Images below the active one are closed to writing, so their files tell of their bitmaps. */
async function reachingDown(
  world: World,
  { definition }: MachineRecord,
  reference: Reference | null,
  checkpoints: readonly CheckpointRecord[],
): Promise<ReadonlySet<string>> {
  const reaching = new Set<string>();
  const known = checkpoints.find(({ name }) => name === reference?.checkpoint);
  if (reference === null || known === undefined) return reaching;
  for (const { target, bitmap } of known.disks) {
    const before = reference.manifest.disks.find((disk) => disk.target === target)?.source;
    const chain = definition.disks.find((disk) => disk.target === target)?.chain ?? [];
    const at = chain.findIndex(({ source }) => source !== null && source === before);
    if (at === -1) continue;
    const images = chain.slice(0, at + 1).flatMap(({ source }) => source ?? []);
    const holds = await Promise.all(images.map((path) => holdsBitmap(world, path, bitmap)));
    if (holds.every(Boolean)) reaching.add(target);
  }
  return reaching;
}

async function holdsBitmap(world: World, path: string, bitmap: string): Promise<boolean> {
  try {
    const { bitmaps } = await imageInfo(world, path, { share: true });
    return bitmaps.some(({ name }) => name === bitmap);
  } catch (thrown) {
    if (thrown instanceof AppError) return false; // not ours to read: then everything is read
    throw thrown;
  }
}

async function allReadable(world: World, record: MachineRecord): Promise<boolean> {
  for (const disk of record.definition.disks) {
    if (disk.source === null || disk.device !== 'disk') continue;
    if ((await world.files.stat(disk.source)) === null) continue; // missing: said by the plan
    if (!(await world.files.may(disk.source, 'read'))) return false;
  }
  return true;
}

async function readSizes(
  hypervisor: Hypervisor,
  record: MachineRecord,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const { target, source, device } of record.definition.disks) {
    if (source === null || device !== 'disk') continue;
    const info = await hypervisor.blockInfo(record.uuid, target).catch((thrown: unknown) => {
      if (hasCode(thrown, 'libvirt-error')) return null;
      throw thrown;
    });
    if (info !== null) sizes.set(target, info.capacityBytes);
  }
  return sizes;
}

async function oldFormats(world: World, record: MachineRecord): Promise<ReadonlySet<string>> {
  const old = new Set<string>();
  for (const { target, source, format } of record.definition.disks) {
    if (source === null || format !== 'qcow2') continue;
    const info = await imageInfo(world, source, { share: true }).catch(() => null);
    if (info?.compat === oldCompat) old.add(target);
  }
  return old;
}
