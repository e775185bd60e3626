/** Checkpoints and backup jobs of the pretend libvirt host. */
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import type { JobStats } from '#engine/hypervisor/hypervisor.ts';
import { at, attribute, children, parseXml } from '#engine/hypervisor/xml.ts';
import {
  defaultDiskBytes,
  libvirtFailure,
  mustRun,
  type FakeHost,
  type FakeMachine,
} from './hypervisor-host.ts';

export const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000;
const redefine = 1;

export function checkpointCalls(host: FakeHost) {
  const findCheckpoint = (machine: FakeMachine, name: string) => {
    const found = machine.checkpoints.find((one) => one.name === name);
    if (found === undefined) throw libvirtFailure(103, `no checkpoint '${name}'`);
    return found;
  };
  return {
    listCheckpoints: async (uuid: string) => host.find(uuid).checkpoints,
    checkpointXml: async (uuid: string, name: string) => findCheckpoint(host.find(uuid), name).xml,
    createCheckpoint: async (uuid: string, xml: string, flags: number) => {
      addCheckpoint(host, host.find(uuid), xml, flags);
    },
    validateCheckpoint: async (uuid: string, name: string) => {
      const machine = host.find(uuid);
      if (!machine.checkpoints.some((one) => one.name === name)) return false;
      mustRun(machine);
      return !machine.broken.has(name);
    },
    checkpointChangedBytes: async (uuid: string, name: string) => {
      const machine = host.find(uuid);
      mustRun(machine);
      if (machine.job !== null) throw libvirtFailure(68, 'Another job is under way.');
      const bytes = machine.broken.has(name) ? null : 0;
      return findCheckpoint(machine, name).disks.map(({ target }) => ({ target, bytes }));
    },
    deleteCheckpoint: async (
      uuid: string,
      name: string,
      options: { readonly metadataOnly?: boolean } = {},
    ) => {
      const machine = host.find(uuid);
      const { parent } = findCheckpoint(machine, name);
      if (options.metadataOnly !== true) mustRun(machine);
      machine.broken.delete(name);
      machine.checkpoints = machine.checkpoints
        .filter((one) => one.name !== name)
        .map((one) => (one.parent === name ? { ...one, parent } : one));
    },
  };
}

function addCheckpoint(host: FakeHost, machine: FakeMachine, xml: string, flags: number): void {
  const given = parseCheckpoint(xml);
  if ((flags & redefine) !== 0) {
    if (!machine.checkpoints.some(({ name }) => name === given.name)) {
      machine.checkpoints.push(given);
    }
    return;
  }
  if (machine.state === 'off') {
    throw libvirtFailure(84, 'cannot create checkpoint for inactive domain');
  }
  if (machine.checkpoints.some(({ name }) => name === given.name)) {
    throw libvirtFailure(55, `domain already has a checkpoint ${given.name}`);
  }
  const parent = machine.checkpoints.at(-1)?.name ?? null;
  machine.checkpoints.push({ ...given, parent, time: wholeSeconds(host.now()) });
}

export function endJob(host: FakeHost, machine: FakeMachine, success: boolean): void {
  if (machine.job === null) return;
  const stats: JobStats = {
    ...machine.job.stats,
    active: false,
    type: success ? 'cancelled' : 'failed',
    success,
  };
  machine.job = null;
  host.emit({ kind: 'job-completed', uuid: machine.uuid, stats });
}

export function backupCalls(host: FakeHost) {
  const agent = (uuid: string) => {
    if (!host.find(uuid).agent) throw libvirtFailure(86, 'Guest agent is not connected');
    return 1;
  };
  return {
    beginBackup: async (uuid: string, xml: string, checkpoint: string | null) => {
      const machine = host.find(uuid);
      if (machine.state === 'off') {
        throw libvirtFailure(84, 'cannot perform disk backup for inactive domain');
      }
      if (machine.job !== null) {
        throw libvirtFailure(68, 'Timed out: cannot acquire state change lock');
      }
      const disks = children(at(parseXml(xml, 'domainbackup'), 'disks')!, 'disk').filter(
        (disk) => attribute(disk, 'backup') !== 'no',
      );
      for (const disk of disks) checkIncremental(machine, attribute(disk, 'incremental'));
      if (checkpoint !== null) addCheckpoint(host, machine, checkpoint, 0);
      const size = (target: string) => machine.sizes.get(target) ?? defaultDiskBytes;
      machine.job = {
        xml,
        stats: {
          active: true,
          type: 'unbounded',
          operation: 'backup',
          elapsedMs: 0,
          tempUsedBytes: 0,
          tempTotalBytes: disks.reduce((sum, disk) => sum + size(attribute(disk, 'name') ?? ''), 0),
        },
      };
    },
    backupXml: async (uuid: string) => {
      const { job } = host.find(uuid);
      if (job === null) throw libvirtFailure(104, 'no domain backup job present');
      return job.xml;
    },
    abortJob: async (uuid: string) => {
      const machine = host.find(uuid);
      if (machine.job === null) throw libvirtFailure(55, 'no job is active on the domain');
      endJob(host, machine, true);
    },
    jobStats: async (uuid: string): Promise<JobStats> =>
      host.find(uuid).job?.stats ?? { active: false, type: 'none', operation: 'unknown' },
    freeze: async (uuid: string) => agent(uuid),
    thaw: async (uuid: string) => agent(uuid),
  };
}

function checkIncremental(machine: FakeMachine, name: string | null): void {
  if (name === null) return;
  if (!machine.checkpoints.some((one) => one.name === name)) {
    throw libvirtFailure(103, `no checkpoint '${name}'`);
  }
  if (machine.broken.has(name)) {
    throw libvirtFailure(109, `checkpoint inconsistent: missing or broken bitmap '${name}'`);
  }
}
