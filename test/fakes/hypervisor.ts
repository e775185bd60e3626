/**
 * A pretend libvirt host: machines, checkpoints, backup jobs and volumes in memory. It passes the
 * same suite as the real one. It has no bytes: a backup job here offers no NBD server.
 */
import type { MachineState } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type {
  CheckpointRecord,
  Hypervisor,
  HypervisorEvent,
  HypervisorInfo,
  JobStats,
  LifecycleKind,
  SnapshotRecord,
} from '#engine/hypervisor/hypervisor.ts';
import type { QemuUser } from '#engine/hypervisor/qemu-user.ts';
import { parseSnapshot } from '#engine/hypervisor/snapshot-xml.ts';
import { at, attribute, children, parseXml } from '#engine/hypervisor/xml.ts';
import { fakeVolumes, type FakeVolumes } from './hypervisor-volumes.ts';

export interface FakeMachine {
  uuid: string;
  xml: string;
  state: MachineState;
  persistent: boolean;
  managedSave: boolean;
  agent: boolean;
  checkpoints: CheckpointRecord[];
  /** Names of checkpoints whose bitmap cannot be used any more. */
  broken: Set<string>;
  snapshots: SnapshotRecord[];
  job: { readonly xml: string; readonly stats: JobStats } | null;
  /** Sizes by disk target; 16 MiB for any other. */
  sizes: Map<string, number>;
  picture: Buffer | null;
}

export interface FakeHypervisor extends Hypervisor {
  readonly machines: Map<string, FakeMachine>;
  readonly volumes: FakeVolumes;
  /** Every call made, by name, with the uuid or path it named. */
  readonly calls: (readonly [name: string, subject: string])[];
  /** Sends an event as libvirt would. */
  emit(event: HypervisorEvent): void;
  /** The next call of this name fails with this error. */
  failNext(name: keyof Hypervisor, error: AppError): void;
  /** The daemon goes away: calls fail until `restore`. */
  lose(): void;
  restore(): void;
}

export interface FakeHypervisorOptions {
  readonly uri?: string;
  readonly info?: Partial<HypervisorInfo>;
  readonly now?: () => number;
  readonly qemuUser?: QemuUser | null;
  readonly pools?: readonly { readonly name: string; readonly path: string }[];
}

const defaultDiskBytes = 16 * 1024 * 1024;

/** An error as libvirt gives it, with its number. */
export function libvirtFailure(code: number, message: string): AppError {
  const codes: Record<number, 'machine-not-found' | 'machine-busy' | 'checkpoint-inconsistent'> = {
    42: 'machine-not-found',
    68: 'machine-busy',
    109: 'checkpoint-inconsistent',
  };
  return new AppError(codes[code] ?? 'libvirt-error', message, { code, domain: 10, level: 2 });
}

interface Host {
  readonly machines: Map<string, FakeMachine>;
  readonly now: () => number;
  find(uuid: string): FakeMachine;
  emit(event: HypervisorEvent): void;
  lifecycle(uuid: string, event: LifecycleKind): void;
}

export function fakeHypervisor(options: FakeHypervisorOptions = {}): FakeHypervisor {
  const listeners = new Set<{ readonly hear: (event: HypervisorEvent) => void }>();
  const failures = new Map<string, AppError>();
  const calls: (readonly [string, string])[] = [];
  let gone: AppError | null = null;
  const host: Host = {
    machines: new Map(),
    now: options.now ?? Date.now,
    find: (uuid) => {
      const found = host.machines.get(uuid.toLowerCase());
      if (found === undefined) throw libvirtFailure(42, `no domain with matching uuid '${uuid}'`);
      return found;
    },
    emit: (event) => {
      for (const { hear } of [...listeners]) hear(event);
    },
    lifecycle: (uuid, event) => {
      host.emit({ kind: 'lifecycle', uuid, event, detail: 0 });
    },
  };
  const volumes = fakeVolumes(options.pools ?? []);
  const methods = {
    info: async () => ({
      libvirtVersion: '9.0.0',
      hypervisorVersion: '7.2.22',
      hostname: 'fake',
      readOnly: false,
      kind: 'session' as const,
      ...options.info,
    }),
    qemuUser: async () => options.qemuUser ?? null,
    ...lookingCalls(host),
    ...powerCalls(host),
    ...snapshotCalls(host),
    ...checkpointCalls(host),
    ...backupCalls(host),
    ...volumes.calls,
  };
  const guarded = Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      async (...args: unknown[]) => {
        calls.push([name, typeof args[0] === 'string' ? args[0] : '']);
        if (gone !== null) throw gone;
        const failure = failures.get(name);
        failures.delete(name);
        if (failure !== undefined) throw failure;
        return (method as (...given: unknown[]) => Promise<unknown>)(...args);
      },
    ]),
  ) as unknown as typeof methods;
  const lost = (message: string) => new AppError('libvirt-connection-lost', message);
  return {
    uri: options.uri ?? 'qemu:///fake',
    ...guarded,
    on: (listener) => {
      const entry = { hear: listener };
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
    close: async () => {
      gone = lost('The connection to libvirt was closed.');
    },
    machines: host.machines,
    volumes,
    calls,
    emit: host.emit,
    failNext: (name, error) => {
      failures.set(name, error);
    },
    lose: () => {
      gone = lost('libvirt does not answer now.');
      host.emit({ kind: 'connection', state: 'lost', error: gone });
    },
    restore: () => {
      gone = null;
      host.emit({ kind: 'connection', state: 'restored' });
    },
  };
}

function lookingCalls(host: Host) {
  const record = (machine: FakeMachine) => {
    const definition = parseDomain(machine.xml);
    return {
      uuid: machine.uuid,
      name: definition.name,
      state: machine.state,
      persistent: machine.persistent,
      hasManagedSave: machine.managedSave,
      definition,
    };
  };
  return {
    listMachines: async () => [...host.machines.values()].map(record),
    getMachine: async (uuid: string) => record(host.find(uuid)),
    definition: async (uuid: string) => host.find(uuid).xml,
    state: async (uuid: string) => ({ state: host.find(uuid).state, reason: 1 }),
    hasManagedSave: async (uuid: string) => host.find(uuid).managedSave,
    agentConnected: async (uuid: string) => host.find(uuid).agent,
    screenshot: async (uuid: string) => {
      const { state, picture } = host.find(uuid);
      if (state === 'off' || picture === null) return null;
      return { mime: 'image/png', bytes: picture };
    },
    blockInfo: async (uuid: string, path: string) => {
      const machine = host.find(uuid);
      const disks = parseDomain(machine.xml).disks;
      const disk = disks.find(({ target, source }) => target === path || source === path);
      if (disk === undefined) throw libvirtFailure(8, `invalid path ${path}`);
      const capacityBytes = machine.sizes.get(disk.target) ?? defaultDiskBytes;
      return { capacityBytes, allocationBytes: 0, physicalBytes: 0 };
    },
    monitorCommand: async (uuid: string, _command: string, _human: boolean) => {
      host.find(uuid);
      return '';
    },
    setBlockThreshold: async (uuid: string, _device: string, _bytes: number) => {
      mustRun(host.find(uuid));
    },
  };
}

function mustRun(machine: FakeMachine): void {
  if (machine.state === 'off') throw libvirtFailure(55, 'domain is not running');
}

function powerCalls(host: Host) {
  return {
    define: async (xml: string) => {
      const { uuid, name } = parseDomain(xml);
      if (name === '' || uuid === '') throw libvirtFailure(27, 'missing name or uuid');
      const known = host.machines.get(uuid);
      if (known !== undefined) known.xml = xml;
      else host.machines.set(uuid, newMachine(uuid, xml));
      host.lifecycle(uuid, 'defined');
      return uuid;
    },
    undefine: async (uuid: string, options: { readonly checkpointsMetadata?: boolean } = {}) => {
      const machine = host.find(uuid);
      if (machine.checkpoints.length > 0 && options.checkpointsMetadata !== true) {
        throw libvirtFailure(55, 'cannot delete inactive domain with checkpoints');
      }
      if (machine.state === 'off') host.machines.delete(machine.uuid);
      else machine.persistent = false;
      host.lifecycle(machine.uuid, 'undefined');
    },
    start: async (uuid: string, options: { readonly paused?: boolean } = {}) => {
      const machine = host.find(uuid);
      if (machine.state !== 'off') throw libvirtFailure(55, 'domain is already running');
      machine.state = options.paused === true ? 'paused' : 'running';
      machine.managedSave = false;
      host.lifecycle(machine.uuid, 'started');
    },
    resume: async (uuid: string) => {
      const machine = host.find(uuid);
      if (machine.state !== 'paused') throw libvirtFailure(55, 'domain is not paused');
      machine.state = 'running';
      host.lifecycle(machine.uuid, 'resumed');
    },
    suspend: async (uuid: string) => {
      const machine = host.find(uuid);
      mustRun(machine);
      machine.state = 'paused';
      host.lifecycle(machine.uuid, 'suspended');
    },
    destroy: async (uuid: string) => {
      stopMachine(host, host.find(uuid));
    },
    shutdown: async (uuid: string) => {
      stopMachine(host, host.find(uuid));
    },
  };
}

function stopMachine(host: Host, machine: FakeMachine): void {
  mustRun(machine);
  endJob(host, machine, false);
  machine.state = 'off';
  if (!machine.persistent) host.machines.delete(machine.uuid);
  host.lifecycle(machine.uuid, 'stopped');
}

function newMachine(uuid: string, xml: string): FakeMachine {
  return {
    uuid,
    xml,
    state: 'off',
    persistent: true,
    managedSave: false,
    agent: false,
    checkpoints: [],
    broken: new Set(),
    snapshots: [],
    job: null,
    sizes: new Map(),
    picture: null,
  };
}

function snapshotCalls(host: Host) {
  const without = (machine: FakeMachine, name: string) => {
    const others = machine.snapshots.filter((one) => one.name !== name);
    if (others.length === machine.snapshots.length) {
      throw libvirtFailure(72, `no domain snapshot with matching name '${name}'`);
    }
    return others;
  };
  return {
    listSnapshots: async (uuid: string) => host.find(uuid).snapshots,
    createSnapshot: async (uuid: string, xml: string, _flags: number) => {
      const machine = host.find(uuid);
      const parent = machine.snapshots.find(({ current }) => current)?.name ?? null;
      const older = machine.snapshots.map((one) => ({ ...one, current: false }));
      const made = { ...parseSnapshot(xml, true), parent, machineState: machine.state };
      machine.snapshots = [...older, { ...made, time: wholeSeconds(host.now()) }];
    },
    deleteSnapshot: async (uuid: string, name: string, _flags: number) => {
      const machine = host.find(uuid);
      machine.snapshots = without(machine, name);
    },
    revertSnapshot: async (uuid: string, name: string, _flags: number) => {
      const machine = host.find(uuid);
      without(machine, name);
      machine.snapshots = machine.snapshots.map((one) => ({ ...one, current: one.name === name }));
    },
  };
}

const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000;
const redefine = 1;

function checkpointCalls(host: Host) {
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

function addCheckpoint(host: Host, machine: FakeMachine, xml: string, flags: number): void {
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

function endJob(host: Host, machine: FakeMachine, success: boolean): void {
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

function backupCalls(host: Host) {
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
