/**
 * A pretend libvirt host: machines, checkpoints, backup jobs and volumes in memory. It passes the
 * same suite as the real one. It has no bytes: a backup job here offers no NBD server.
 */
import { AppError } from '#contract/errors.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type { Hypervisor, HypervisorEvent, HypervisorInfo } from '#engine/hypervisor/hypervisor.ts';
import type { QemuUser } from '#engine/hypervisor/qemu-user.ts';
import {
  defaultDiskBytes,
  libvirtFailure,
  mustRun,
  type FakeHost,
  type FakeMachine,
} from './hypervisor-host.ts';
import { backupCalls, checkpointCalls, endJob } from './hypervisor-jobs.ts';
import {
  blockJobCalls,
  describeNow,
  savedMemoryCalls,
  snapshotCalls,
} from './hypervisor-snapshots.ts';
import { fakeVolumes, type FakeVolumes } from './hypervisor-volumes.ts';

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

export function fakeHypervisor(options: FakeHypervisorOptions = {}): FakeHypervisor {
  const listeners = new Set<{ readonly hear: (event: HypervisorEvent) => void }>();
  const failures = new Map<string, AppError>();
  const calls: (readonly [string, string])[] = [];
  let gone: AppError | null = null;
  const host: FakeHost = {
    machines: new Map(),
    memoryFiles: new Map(),
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
    ...savedMemoryCalls(host),
    ...blockJobCalls(host),
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

function lookingCalls(host: FakeHost) {
  const record = (machine: FakeMachine) => {
    const definition = describeNow(machine);
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
    state: async (uuid: string) => ({
      state: host.find(uuid).state,
      reason: host.find(uuid).reason,
    }),
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
    guestBytes: async (uuid: string) => {
      const machine = host.find(uuid);
      mustRun(machine);
      return machine.guestBytes;
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

function powerCalls(host: FakeHost) {
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
      machine.reason = 1;
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

function stopMachine(host: FakeHost, machine: FakeMachine): void {
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
    reason: 1,
    persistent: true,
    managedSave: false,
    agent: false,
    checkpoints: [],
    broken: new Set(),
    snapshots: [],
    chains: new Map(),
    blockJobs: new Map(),
    job: null,
    sizes: new Map(),
    picture: null,
    guestBytes: { readBytes: 512, writtenBytes: 0 }, // it looked for a boot sector
  };
}
