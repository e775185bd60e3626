/**
 * Gathers the facts a change is planned from, changing nothing. libvirt is never asked anything
 * that waits for a job of the machine: while one runs, the health of checkpoints is not known.
 */
import { dirname, join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import type { MachineId } from '#contract/domain.ts';
import { checkpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';
import type { CheckpointRecord, Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import { hasLostJob } from '#engine/hypervisor/lost-job.ts';
import type { World } from '#engine/world/world.ts';
import {
  isActive,
  versionNumber,
  type CheckpointFacts,
  type DiskFacts,
  type MachineFacts,
} from './facts.ts';
import { gatherChain } from './gather-images.ts';
import { gatherSnapshots } from './gather-snapshots.ts';
import { sharedImages } from './images-in-use.ts';

/** What others know of the machine: the catalog, the job list, open journals. */
export interface KnownOfMachine {
  readonly id: MachineId;
  readonly hostName: string;
  readonly installation: string;
  /** By repository id. */
  readonly repositoryNames: ReadonlyMap<string, string>;
  /** Names of the checkpoints that the next backups start from. */
  readonly references: ReadonlySet<string>;
  readonly waymarkJob: string | null;
  readonly unfinished: string | null;
  readonly undoable: MachineFacts['undoable'];
  readonly pointCount: number;
}

/** Bytes a second for an estimate; writing a machine's memory to a local disk is about this. */
const assumedBytesPerSecond = 200 * 1024 * 1024;

/** Errors: `machine-not-found` and those of the connection. */
export async function gather(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  known: KnownOfMachine,
): Promise<MachineFacts> {
  const [info, record] = await Promise.all([hypervisor.info(), hypervisor.getMachine(uuid)]);
  const active = isActive(record);
  const busy = active ? await runningJob(hypervisor, uuid) : null;
  const liveXml = active ? await hypervisor.definition(uuid, 'live') : null;
  const inactiveXml =
    record.persistent || liveXml === null ? await hypervisor.definition(uuid, 'inactive') : liveXml;
  const targets = record.definition.disks.map(({ target }) => target);
  const disks = await gatherDisks(world, record);
  const { snapshots, bases } = await gatherSnapshots(world, hypervisor, uuid, disks);
  return {
    id: known.id,
    uuid,
    name: record.name,
    host: {
      name: known.hostName,
      kind: info.kind,
      libvirt: versionNumber(info.libvirtVersion),
      qemu: versionNumber(info.hypervisorVersion),
    },
    state: record.state,
    persistent: record.persistent,
    managedSave: record.hasManagedSave,
    memoryBytes: record.definition.memoryBytes,
    definition: record.definition,
    inactiveXml,
    liveXml,
    agentConnected: record.definition.agentConnected,
    disks,
    snapshots,
    bases,
    shared: await sharedWith(world, hypervisor, uuid, { disks, snapshots }),
    beside: await filesBeside(world, disks),
    current: snapshots.find((one) => one.record.current)?.record.name ?? null,
    checkpoints: await gatherCheckpoints(hypervisor, record, disks, known, busy !== null),
    libvirtJob: busy,
    lostJob: busy === 'unknown' && (await hasLostJob(world, hypervisor, uuid, targets)),
    waymarkJob: known.waymarkJob,
    unfinished: known.unfinished,
    undoable: known.undoable,
    bytesPerSecond: assumedBytesPerSecond,
    pointCount: known.pointCount,
    at: world.clock.now(),
  };
}

/** libvirt answers this without waiting for the job. */
async function runningJob(hypervisor: Hypervisor, uuid: string): Promise<string | null> {
  try {
    const stats = await hypervisor.jobStats(uuid);
    return stats.active ? stats.operation : null;
  } catch (thrown) {
    if (hasCode(thrown, 'libvirt-error')) return null; // it stopped in this very moment
    throw thrown;
  }
}

async function gatherDisks(
  world: World,
  { definition }: MachineRecord,
): Promise<readonly DiskFacts[]> {
  return Promise.all(
    definition.disks.map(async (disk): Promise<DiskFacts> => {
      const leftOut = whyLeftOut(disk);
      const path = disk.sourceKind === 'file' || disk.sourceKind === 'block' ? disk.source : null;
      if (leftOut !== null || path === null) {
        return { target: disk.target, leftOut: leftOut ?? 'network', chain: [], freeBytes: null };
      }
      return {
        target: disk.target,
        leftOut,
        chain: await gatherChain(world, disk, path),
        freeBytes: await world.files.freeBytes(dirname(path)).catch(() => null),
      };
    }),
  );
}

/** Only what external snapshots let a plan write into or remove matters. */
async function sharedWith(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  { disks, snapshots }: Pick<MachineFacts, 'disks' | 'snapshots'>,
): Promise<MachineFacts['shared']> {
  const frozen = snapshots.flatMap((one) => one.frozen.map(({ path }) => path));
  if (frozen.length === 0) return [];
  const images = disks.flatMap(({ chain }) => chain.map(({ path }) => path));
  return sharedImages(world, hypervisor, uuid, [...images, ...frozen]);
}

async function filesBeside(world: World, disks: readonly DiskFacts[]): Promise<readonly string[]> {
  const folders = disks.flatMap(({ chain }) => chain.slice(0, 1).map(({ path }) => dirname(path)));
  const lists = [...new Set(folders)].map(async (folder) => {
    const names = await world.files.list(folder).catch(() => []); // not ours to look into
    return names.map((name) => join(folder, name));
  });
  return (await Promise.all(lists)).flat();
}

/** The most telling reason first. */
function whyLeftOut(disk: DomainDisk): DiskFacts['leftOut'] {
  if (disk.device === 'cdrom' || disk.device === 'floppy') return disk.device;
  if (disk.device === 'lun') return 'passthrough';
  if (disk.sourceKind === 'vhostuser') return 'vhost-user';
  if (disk.source === null) return 'empty';
  if (disk.readOnly) return 'read-only';
  if (disk.shareable) return 'shared';
  if (disk.transient) return 'transient';
  if (disk.bus === 'sd') return 'sd-bus';
  if (disk.sourceKind !== 'file' && disk.sourceKind !== 'block') return 'network';
  return null;
}

async function gatherCheckpoints(
  hypervisor: Hypervisor,
  record: MachineRecord,
  disks: readonly DiskFacts[],
  known: KnownOfMachine,
  busy: boolean,
): Promise<readonly CheckpointFacts[]> {
  const checkpoints = await hypervisor.listCheckpoints(record.uuid);
  const facts: CheckpointFacts[] = [];
  // One after the other: each asking takes the machine's job.
  for (const checkpoint of checkpoints) {
    const owner = checkpointOwner(checkpoint);
    const ours = owner?.installation === known.installation;
    const repository = owner?.repository ?? null;
    facts.push({
      name: checkpoint.name,
      parent: checkpoint.parent,
      xml: checkpoint.xml,
      time: checkpoint.time,
      owner: owner === null ? 'foreign' : ours ? 'ours' : 'other-waymark',
      repository: repository === null ? null : (known.repositoryNames.get(repository) ?? null),
      reference: ours && known.references.has(checkpoint.name),
      disks: isActive(record)
        ? await liveHealth(hypervisor, record.uuid, checkpoint, busy)
        : closedHealth(checkpoint, disks),
    });
  }
  return facts;
}

type DiskHealth = CheckpointFacts['disks'];

/** libvirt tells only whether all bitmaps of a checkpoint can be used. */
async function liveHealth(
  hypervisor: Hypervisor,
  uuid: string,
  { name, disks, xml }: CheckpointRecord,
  busy: boolean,
): Promise<DiskHealth> {
  const healthy = busy ? null : await validated(hypervisor, uuid, name, xml);
  const health = healthy === null ? 'unknown' : healthy ? 'healthy' : 'inconsistent';
  return disks.map(({ target, bitmap }) => ({ target, bitmap, health }));
}

async function validated(
  hypervisor: Hypervisor,
  uuid: string,
  name: string,
  xml: string,
): Promise<boolean | null> {
  try {
    return await hypervisor.validateCheckpoint(uuid, name, xml);
  } catch (thrown) {
    if (thrown instanceof AppError) return null; // stopped or busy in this very moment
    throw thrown;
  }
}

function closedHealth({ disks }: CheckpointRecord, known: readonly DiskFacts[]): DiskHealth {
  return disks.map(({ target, bitmap }) => {
    const top = known.find((disk) => disk.target === target)?.chain[0];
    if (top === undefined || top.bitmaps === null) return { target, bitmap, health: 'unknown' };
    const found = top.bitmaps.find(({ name }) => name === bitmap);
    if (found === undefined) return { target, bitmap, health: 'missing' };
    return { target, bitmap, health: found.broken ? 'inconsistent' : 'healthy' };
  });
}
