/**
 * The hosts that were added and the machines they have, kept true by libvirt's events: what the
 * list shows is what libvirt last said. Retries a lost host by itself. Does not change any
 * machine.
 */
import type {
  Host,
  HostId,
  JobId,
  Machine,
  MachineId,
  MachineState,
  Named,
} from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Emit } from '#contract/contract.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import type { HostRecord } from '#engine/catalog/hosts.ts';
import type { Hypervisor, HypervisorEvent, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import { createConnection, type HostConnection } from './connection.ts';
import type { KnownMachine } from './inventory.ts';
import { machineId, splitMachineId, viewMachine, type MachineStanding } from './machine-view.ts';

/** Events of one machine closer together than this are told to the screens once. */
export const changeWindowMs = 50;

export interface FleetOptions {
  readonly world: World;
  readonly catalog: Catalog;
  readonly emit: Emit;
  /** Opens a host; the practice host's daemon is started first where it must be. */
  readonly open: (host: HostRecord) => Promise<Hypervisor>;
  /** The running or queued job of a machine. */
  readonly jobOf: (machine: MachineId) => JobId | null;
  /** What was written since the machine's reference, as far as it was asked for. */
  readonly changedOf: (machine: MachineId) => Machine['changed'];
  /** How it stands against the plans that mean it; null when none does. */
  readonly standingOf: (machineUuid: string) => MachineStanding | null;
  readonly onConnected: (host: HostRecord, hypervisor: Hypervisor) => void;
}

/** A machine with what is needed to act on it. */
export interface FoundMachine {
  readonly id: MachineId;
  readonly host: HostRecord;
  readonly hypervisor: Hypervisor;
  readonly record: MachineRecord;
}

export interface FleetSeen {
  readonly hosts: readonly (Named<HostId> & { readonly connected: boolean })[];
  readonly machines: readonly {
    readonly id: MachineId;
    readonly uuid: string;
    readonly name: string;
    readonly host: HostId;
    readonly state: MachineState;
    /** Targets of its disks. */
    readonly disks: readonly string[];
  }[];
}

export interface Fleet {
  hosts(): readonly Host[];
  host(id: HostId): Host;
  machines(host: HostId | null): readonly Machine[];
  machine(id: MachineId): Machine;
  /** All machines of hosts that are connected now. */
  connected(): readonly MachineId[];
  /** Every host, whether it is connected, and the machines it has, without what they look like. */
  seen(): FleetSeen;
  /** Connected and known; throws `machine-not-found`, `host-not-found` or why the host is away. */
  find(id: MachineId): FoundMachine;
  hypervisor(host: HostId): Hypervisor;
  record(host: HostId): HostRecord;
  /** Connects first and remembers only a host that answered. */
  add(name: string, uri: string, practice: boolean): Promise<Host>;
  remove(id: HostId): Promise<void>;
  retry(id: HostId): Promise<Host>;
  /** Reads one machine again, for after a change of ours. */
  refresh(id: MachineId): Promise<void>;
  /** Tells the screens about a machine whose points or job changed. */
  touch(machineUuid: string): void;
  /** Starts connecting to every host; resolves at once. */
  start(): void;
  /** Resolves when every host was tried once. */
  settled(): Promise<void>;
  on(listener: (host: HostId, event: HypervisorEvent) => void): () => void;
  stop(): Promise<void>;
}

export function createFleet(options: FleetOptions): Fleet {
  return new LiveFleet(options);
}

class LiveFleet implements Fleet {
  readonly #options: FleetOptions;
  readonly #catalog: Catalog;
  readonly #connections = new Map<HostId, HostConnection>();
  readonly #listeners = new Set<(host: HostId, event: HypervisorEvent) => void>();
  /** Machines whose change is about to be told, with what cancels that. */
  readonly #pending = new Map<MachineId, () => void>();
  readonly #shownCounts = new Map<HostId, number>();
  #firstTries: Promise<unknown> = Promise.resolve();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#catalog = options.catalog;
  }

  hosts(): readonly Host[] {
    return this.#catalog.hosts.list().map((host) => this.#viewHost(host));
  }

  host(id: HostId): Host {
    return this.#viewHost(this.record(id));
  }

  machines(only: HostId | null): readonly Machine[] {
    return this.#catalog.hosts
      .list()
      .filter(({ id }) => only === null || id === only)
      .flatMap((host) => this.#view(host, this.#connections.get(host.id)?.inventory.all() ?? []))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  machine(id: MachineId): Machine {
    const { host: hostId, uuid } = splitMachineId(id);
    const host = this.record(hostId);
    const known = this.#connections.get(hostId)?.inventory.get(uuid) ?? null;
    const [machine] = known === null ? [] : this.#view(host, [known]);
    if (machine === undefined) throw machineNotFound(host.name);
    return machine;
  }

  connected(): readonly MachineId[] {
    return [...this.#connections].flatMap(([host, connection]) =>
      connection.state().kind === 'connected'
        ? connection.inventory.all().map(({ record }) => machineId(host, record.uuid))
        : [],
    );
  }

  seen(): FleetSeen {
    const hosts = this.#catalog.hosts.list().map(({ id, name }) => ({
      id,
      name,
      connected: this.#connections.get(id)?.state().kind === 'connected',
    }));
    const machines = hosts.flatMap(({ id, connected }) =>
      (connected ? (this.#connections.get(id)?.inventory.all() ?? []) : []).map(({ record }) => ({
        id: machineId(id, record.uuid),
        uuid: record.uuid,
        name: record.name,
        host: id,
        state: record.state,
        disks: record.definition.disks.map(({ target }) => target),
      })),
    );
    return { hosts, machines };
  }

  find(id: MachineId): FoundMachine {
    const { host: hostId, uuid } = splitMachineId(id);
    const host = this.record(hostId);
    const open = this.#connection(hostId);
    const hypervisor = open.hypervisor();
    const known = open.inventory.get(uuid);
    if (known === null) throw machineNotFound(host.name);
    return { id, host, hypervisor, record: known.record };
  }

  hypervisor(host: HostId): Hypervisor {
    return this.#connection(host).hypervisor();
  }

  record(id: HostId): HostRecord {
    const found = this.#catalog.hosts.get(id);
    if (found !== null) return found;
    throw new AppError('host-not-found', 'There is no such host.', {
      advice: 'List the hosts; it may have been removed.',
    });
  }

  async add(name: string, uri: string, practice: boolean): Promise<Host> {
    const id = this.#options.world.ids.ulid() as HostId;
    const host: HostRecord = { id, name, uri, practice };
    if (this.#catalog.hosts.byName(name) !== null) throw nameTaken(name);
    const made = this.#connect(host);
    await made.connect();
    const state = made.state();
    if (state.kind !== 'connected') {
      this.#connections.delete(id);
      await made.close();
      if (state.kind !== 'failed') {
        throw new AppError('host-unreachable', `The host at ${uri} did not answer.`);
      }
      throw new AppError(state.error.code, state.error.message, state.error.data);
    }
    this.#catalog.hosts.insert(host);
    this.#tellHosts();
    // Its machines were read before it was known, so they are told now.
    for (const { record } of made.inventory.all()) this.#tellMachine(host, record.uuid);
    return this.#viewHost(host);
  }

  async remove(id: HostId): Promise<void> {
    const host = this.record(id);
    await this.#connections.get(id)?.close();
    this.#connections.delete(id);
    this.#catalog.hosts.remove(host.id);
    this.#tellHosts();
  }

  async retry(id: HostId): Promise<Host> {
    await this.#connection(id).connect();
    return this.host(id);
  }

  async refresh(id: MachineId): Promise<void> {
    const { host, uuid } = splitMachineId(id);
    const open = this.#connection(host);
    await open.inventory.refresh(open.hypervisor(), uuid);
  }

  touch(uuid: string): void {
    for (const host of this.#catalog.hosts.list()) {
      const inventory = this.#connections.get(host.id)?.inventory;
      if (inventory !== undefined && inventory.get(uuid) !== null) this.#tellMachine(host, uuid);
    }
  }

  start(): void {
    const hosts = this.#catalog.hosts.list();
    this.#firstTries = Promise.all(hosts.map((host) => this.#connect(host).connect()));
  }

  async settled(): Promise<void> {
    await this.#firstTries;
  }

  on(listener: (host: HostId, event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    for (const cancel of this.#pending.values()) cancel();
    this.#pending.clear();
    await Promise.all([...this.#connections.values()].map((open) => open.close()));
    this.#connections.clear();
  }

  #connection(id: HostId): HostConnection {
    return this.#connections.get(id) ?? this.#connect(this.record(id));
  }

  #connect(host: HostRecord): HostConnection {
    const { world, emit, open, onConnected, jobOf } = this.#options;
    const made: HostConnection = createConnection({
      world,
      id: host.id,
      name: host.name,
      open: () => open(host),
      worksOn: (uuid) => jobOf(machineId(host.id, uuid)) !== null,
      events: {
        stateChanged: () => {
          this.#tellHosts();
        },
        machineChanged: (uuid) => {
          this.#tellMachine(host, uuid);
          this.#tellCount(host.id, made.inventory.all().length);
        },
        machineRemoved: (uuid) => {
          emit('machines.removed', { machine: machineId(host.id, uuid) });
          this.#tellHosts();
        },
        hypervisorEvent: (event) => {
          for (const listener of this.#listeners) listener(host.id, event);
        },
        connected: () => {
          onConnected(host, made.hypervisor());
        },
      },
    });
    this.#connections.set(host.id, made);
    return made;
  }

  /** A machine that is new changes what its host shows. */
  #tellCount(host: HostId, count: number): void {
    if (this.#shownCounts.get(host) === count) return;
    this.#shownCounts.set(host, count);
    this.#tellHosts();
  }

  #tellHosts(): void {
    this.#options.emit('hosts.changed', this.hosts());
  }

  #tellMachine(host: HostRecord, uuid: string): void {
    const { world, emit } = this.#options;
    const id = machineId(host.id, uuid);
    if (this.#pending.has(id)) return;
    const cancel = world.clock.timer(changeWindowMs, () => {
      this.#pending.delete(id);
      const known = this.#connections.get(host.id)?.inventory.get(uuid) ?? null;
      const [machine] = known === null ? [] : this.#view(host, [known]);
      if (machine === undefined || this.#catalog.hosts.get(host.id) === null) return;
      emit('machines.changed', { machine });
      emit('timeline.changed', { machine: id });
    });
    this.#pending.set(id, cancel);
  }

  #viewHost(host: HostRecord): Host {
    const open = this.#connections.get(host.id);
    return {
      ...host,
      state: open?.state() ?? { kind: 'stopped' },
      machineCount: open?.inventory.all().length ?? 0,
    };
  }

  #view(host: HostRecord, known: readonly KnownMachine[]): Machine[] {
    const points = this.#catalog.points.byMachine();
    const now = this.#options.world.clock.now();
    const days = this.#catalog.days.activity(now);
    const empty = this.#catalog.days.emptyDays(now);
    return known.map((machine) => {
      const { uuid } = machine.record;
      const stored = points.get(uuid);
      return viewMachine({
        host: { id: host.id, name: host.name },
        practice: host.practice,
        known: machine,
        history: {
          lastPoint: stored?.last ?? null,
          pointCount: stored?.count ?? 0,
          storedBytes: stored?.storedBytes ?? 0,
          days: days.get(uuid) ?? empty,
          job: this.#options.jobOf(machineId(host.id, uuid)),
          changed: this.#options.changedOf(machineId(host.id, uuid)),
          standing: this.#options.standingOf(uuid),
        },
      });
    });
  }
}

function machineNotFound(host: string): AppError {
  return new AppError('machine-not-found', `There is no such machine on ${host}.`, {
    unharmed: 'Its restore points, if it had any, are still in their repositories.',
    advice: 'List the machines; it may have been removed or renamed.',
  });
}

function nameTaken(name: string): AppError {
  return new AppError('name-taken', `A host is already called ${name}.`, {
    advice: 'Choose another name.',
  });
}
