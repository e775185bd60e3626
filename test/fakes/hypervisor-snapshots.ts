/**
 * Snapshots, saved memory and block jobs of the pretend libvirt host. It keeps the chain of each
 * disk's images by name, and says of itself what libvirt 9.0 says.
 */
import { parseDomain, type ImageRef } from '#engine/hypervisor/domain-xml.ts';
import type {
  BlockCommitOptions,
  BlockJobInfo,
  BlockJobStatus,
  BlockJobType,
} from '#engine/hypervisor/hypervisor.ts';
import { snapshotCreateFlag } from '#engine/hypervisor/snapshot-flags.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { libvirtFailure, mustRun, type FakeHost, type FakeMachine } from './hypervisor-host.ts';
import { wholeSeconds } from './hypervisor-jobs.ts';

/** The machine's disk as it is now; its chain only while it runs, as libvirt tells it. */
export function describeNow(machine: FakeMachine) {
  const definition = parseDomain(machine.xml);
  if (machine.state === 'off') return definition;
  const disks = definition.disks.map((disk) => ({
    ...disk,
    chain: disk.source === null ? null : (machine.chains.get(disk.target) ?? []),
  }));
  return { ...definition, disks };
}

function imageOf(machine: FakeMachine, target: string): ImageRef {
  const disk = parseDomain(machine.xml).disks.find((one) => one.target === target);
  if (disk === undefined) throw libvirtFailure(8, `invalid path ${target}`);
  return { sourceKind: disk.sourceKind, source: disk.source, format: disk.format };
}

/** Puts another file in the place of a disk's image. */
function replaceImage(machine: FakeMachine, target: string, file: string): void {
  const old = imageOf(machine, target).source ?? '';
  machine.xml = machine.xml
    .replaceAll(`file="${old}"`, `file="${file}"`)
    .replaceAll(`file='${old}'`, `file='${file}'`);
}

export function snapshotCalls(host: FakeHost) {
  const find = (uuid: string, name: string) => {
    const found = host.find(uuid).snapshots.find((one) => one.name === name);
    if (found === undefined) {
      throw libvirtFailure(72, `no domain snapshot with matching name '${name}'`);
    }
    return found;
  };
  return {
    listSnapshots: async (uuid: string) => host.find(uuid).snapshots,
    snapshotXml: async (uuid: string, name: string) => find(uuid, name).xml,
    momentNames: async (uuid: string) => {
      const { snapshots, checkpoints } = host.find(uuid);
      return {
        snapshots: snapshots.map(({ name }) => name).sort(),
        currentSnapshot: snapshots.find(({ current }) => current)?.name ?? null,
        checkpoints: checkpoints.map(({ name }) => name).sort(),
      };
    },
    createSnapshot: async (uuid: string, xml: string, flags: number) => {
      createSnapshot(host, host.find(uuid), xml, flags);
    },
    deleteSnapshot: async (uuid: string, name: string, _flags: number) => {
      const machine = host.find(uuid);
      const { parent, current } = find(uuid, name);
      machine.snapshots = machine.snapshots
        .filter((one) => one.name !== name)
        .map((one) => ({
          ...one,
          parent: one.parent === name ? parent : one.parent,
          current: one.current || (current && one.name === parent),
        }));
    },
    revertSnapshot: async (uuid: string, name: string, _flags: number) => {
      const machine = host.find(uuid);
      if (find(uuid, name).disks.some(({ kind }) => kind === 'external')) {
        throw libvirtFailure(67, 'revert to external snapshot not supported yet');
      }
      machine.snapshots = machine.snapshots.map((one) => ({ ...one, current: one.name === name }));
    },
  };
}

function createSnapshot(host: FakeHost, machine: FakeMachine, xml: string, flags: number): void {
  const given = parseSnapshot(xml, { current: true, hasMetadata: true });
  const others = machine.snapshots.filter(({ name }) => name !== given.name);
  if ((flags & snapshotCreateFlag.redefine) !== 0) {
    const current = (flags & snapshotCreateFlag.current) !== 0;
    const rest = current ? others.map((one) => ({ ...one, current: false })) : others;
    machine.snapshots = [...rest, { ...given, current }];
    return;
  }
  if (others.length < machine.snapshots.length) {
    throw libvirtFailure(55, `domain snapshot ${given.name} already exists`);
  }
  const domain = parseDomain(machine.xml);
  const diskOnly = (flags & snapshotCreateFlag.diskOnly) !== 0;
  const memory = machine.state === 'off' || diskOnly ? 'no' : given.memory;
  const memoryKind = memory === 'no' && machine.state !== 'off' && !diskOnly ? 'internal' : memory;
  if (given.memoryFile !== null) {
    host.memoryFiles.set(given.memoryFile, { uuid: machine.uuid, xml: machine.xml });
  }
  const disks = given.disks.map((disk) => ({ ...disk, image: imageOf(machine, disk.target) }));
  for (const { kind, target, source, image } of disks) {
    if (kind !== 'external' || source === null) continue;
    machine.chains.set(target, [image, ...(machine.chains.get(target) ?? [])]);
    replaceImage(machine, target, source);
  }
  const time = wholeSeconds(host.now());
  machine.snapshots = [
    ...machine.snapshots.map((one) => ({ ...one, current: false })),
    {
      ...given,
      disks,
      domain,
      memory: memoryKind,
      parent: machine.snapshots.find(({ current }) => current)?.name ?? null,
      machineState: machine.state,
      time,
      // As libvirt prints it: with what it adds.
      xml: xml.replace('</name>', `</name><creationTime>${time / 1000}</creationTime>`),
    },
  ];
}

export function savedMemoryCalls(host: FakeHost) {
  const saved = (file: string) => {
    const found = host.memoryFiles.get(file);
    if (found === undefined) throw libvirtFailure(38, `cannot open ${file}`);
    return found;
  };
  return {
    hasManagedSave: async (uuid: string) => host.find(uuid).managedSave,
    removeManagedSave: async (uuid: string) => {
      host.find(uuid).managedSave = false;
    },
    savedDefinition: async (file: string) => saved(file).xml,
    restoreMemory: async (
      file: string,
      options: { readonly xml?: string; readonly paused?: boolean } = {},
    ) => {
      const { uuid, xml } = saved(file);
      const machine = host.find(uuid);
      if (machine.state !== 'off') throw libvirtFailure(55, 'domain is already active');
      machine.xml = options.xml ?? xml;
      machine.state = options.paused === true ? 'paused' : 'running';
      machine.reason = 3;
      host.lifecycle(machine.uuid, 'started');
    },
  };
}

export function blockJobCalls(host: FakeHost) {
  const running = (uuid: string, disk: string) => {
    const machine = host.find(uuid);
    mustRun(machine);
    imageOf(machine, disk);
    return machine;
  };
  const tell = (uuid: string, disk: string, type: BlockJobType, status: BlockJobStatus) => {
    host.emit({ kind: 'block-job', uuid, disk, type, status });
  };
  return {
    blockCommit: async (uuid: string, disk: string, options: BlockCommitOptions) => {
      const machine = running(uuid, disk);
      const chain = machine.chains.get(disk) ?? [];
      const below = (file: string | null) => chain.findIndex(({ source }) => source === file);
      const base = options.base === null ? chain.length - 1 : below(options.base);
      const top = options.top === null ? -1 : below(options.top);
      if (base < 0) throw libvirtFailure(8, 'could not find base image in chain');
      if (options.active === true) {
        machine.blockJobs.set(disk, { type: 'active-commit', cur: 1, end: 1, base });
        tell(uuid, disk, 'active-commit', 'ready');
        return;
      }
      if (top < 0) throw libvirtFailure(8, 'commit of the active layer requires active flag');
      machine.chains.set(disk, [...chain.slice(0, top), ...chain.slice(base)]);
      tell(uuid, disk, 'commit', 'completed');
    },
    blockPull: async (uuid: string, disk: string, options: { readonly base: string | null }) => {
      const machine = running(uuid, disk);
      const chain = machine.chains.get(disk) ?? [];
      const kept = chain.findIndex(({ source }) => source === options.base);
      machine.chains.set(disk, kept < 0 ? [] : chain.slice(kept));
      tell(uuid, disk, 'pull', 'completed');
    },
    blockJob: async (uuid: string, disk: string): Promise<BlockJobInfo | null> => {
      const job = running(uuid, disk).blockJobs.get(disk);
      return job === undefined ? null : { type: job.type, cur: job.cur, end: job.end };
    },
    abortBlockJob: async (
      uuid: string,
      disk: string,
      options: { readonly pivot?: boolean } = {},
    ) => {
      const machine = running(uuid, disk);
      const job = machine.blockJobs.get(disk);
      if (job === undefined) throw libvirtFailure(8, `disk ${disk} does not have an active job`);
      machine.blockJobs.delete(disk);
      if (options.pivot === true) {
        const chain = machine.chains.get(disk) ?? [];
        replaceImage(machine, disk, chain[job.base]?.source ?? '');
        machine.chains.set(disk, chain.slice(job.base + 1));
      }
      tell(uuid, disk, job.type, options.pivot === true ? 'completed' : 'cancelled');
    },
  };
}
