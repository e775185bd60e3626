import type { HostId, HostState } from '#contract/domain.ts';
import { AppError, toWireError } from '#contract/errors.ts';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import { createInventory, type Inventory } from './inventory.ts';

/** Waits between attempts to reach a host; the last one repeats. */
export const retryDelaysMs: readonly number[] = [1_000, 2_000, 5_000, 15_000, 30_000, 60_000];

/** Failures that only a person can mend: trying again by itself would only make noise. */
const needsAPerson = new Set([
  'libvirt-not-installed',
  'libvirt-permission',
  'invalid-input',
  'unsupported',
  'socket-path-too-long',
]);

export interface ConnectionEvents {
  stateChanged(): void;
  machineChanged(uuid: string): void;
  machineRemoved(uuid: string): void;
  hypervisorEvent(event: HypervisorEvent): void;
  connected(): void;
}

/** One host: its connection, the retries, and the machines as last read. */
export interface HostConnection {
  readonly id: HostId;
  state(): HostState;
  readonly inventory: Inventory;
  /** The open connection; throws why there is none. */
  hypervisor(): Hypervisor;
  /** One attempt now; resolves when it succeeded or failed (see state). */
  connect(): Promise<void>;
  /** Closes and goes back to `stopped`, without retrying. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly world: World;
  readonly id: HostId;
  readonly name: string;
  /** Opens the connection; for the practice host this may start its daemon first. */
  readonly open: () => Promise<Hypervisor>;
  readonly events: ConnectionEvents;
  /** A job of ours works on the machine, so that QEMU is asked for nothing that can wait. */
  readonly worksOn: (uuid: string) => boolean;
}

export function createConnection(options: ConnectionOptions): HostConnection {
  return new Connection(options);
}

class Connection implements HostConnection {
  readonly id: HostId;
  readonly inventory: Inventory;
  readonly #options: ConnectionOptions;
  #state: HostState = { kind: 'stopped' };
  #current: Hypervisor | null = null;
  #attempt = 0;
  #cancelRetry: () => void = () => undefined;
  #closing = false;
  #connecting: Promise<void> | null = null;

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.#options = options;
    this.inventory = createInventory(options.events, options.worksOn);
  }

  state(): HostState {
    return this.#state;
  }

  hypervisor(): Hypervisor {
    if (this.#current !== null && this.#state.kind === 'connected') return this.#current;
    if (this.#state.kind === 'failed') {
      const { code, message, data } = this.#state.error;
      throw new AppError(code, message, data);
    }
    const { name } = this.#options;
    throw new AppError('host-unreachable', `The host ${name} is not connected.`, { host: name });
  }

  connect(): Promise<void> {
    if (this.#state.kind === 'connected') return Promise.resolve();
    this.#closing = false;
    this.#connecting ??= this.#tryOnce().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#cancelRetry();
    await this.#connecting?.catch(() => undefined);
    const open = this.#current;
    this.#current = null;
    this.inventory.clear();
    await open?.close();
    this.#setState({ kind: 'stopped' });
  }

  #setState(next: HostState): void {
    this.#state = next;
    this.#options.events.stateChanged();
  }

  async #tryOnce(): Promise<void> {
    this.#cancelRetry();
    this.#setState({ kind: 'connecting' });
    try {
      const hypervisor = await this.#options.open();
      if (this.#closing) {
        await hypervisor.close();
        return;
      }
      this.#current = hypervisor;
      hypervisor.on((event) => {
        this.#onEvent(hypervisor, event);
      });
      await this.#showConnected(hypervisor);
    } catch (thrown) {
      await this.#lose(thrown);
    }
  }

  async #showConnected(hypervisor: Hypervisor): Promise<void> {
    const info = await hypervisor.info();
    await this.inventory.readAll(hypervisor);
    this.#attempt = 0;
    this.#setState({
      kind: 'connected',
      libvirtVersion: info.libvirtVersion,
      hypervisorVersion: info.hypervisorVersion,
      readOnly: info.readOnly,
    });
    this.#options.events.connected();
  }

  async #lose(thrown: unknown): Promise<void> {
    const broken = this.#current;
    this.#current = null;
    await broken?.close().catch(() => undefined);
    if (this.#closing) return;
    const { world, name } = this.#options;
    const error = toWireError(thrown, world.log.error(`Host ${name} failed`, thrown));
    const delay = retryDelaysMs[Math.min(this.#attempt, retryDelaysMs.length - 1)] ?? 60_000;
    this.#attempt += 1;
    if (needsAPerson.has(error.code)) {
      this.#setState({ kind: 'failed', error, retryAt: null });
      return;
    }
    this.#setState({ kind: 'failed', error, retryAt: world.clock.now() + delay });
    this.#cancelRetry = world.clock.timer(delay, () => void this.connect());
  }

  #onEvent(hypervisor: Hypervisor, event: HypervisorEvent): void {
    const { world, events } = this.#options;
    if (event.kind === 'lifecycle' || event.kind === 'agent' || event.kind === 'job-completed') {
      // Undefining a running machine leaves it transient, so libvirt's answer decides, not the
      // event.
      this.inventory.refresh(hypervisor, event.uuid).catch((thrown: unknown) => {
        world.log.error('Reading a changed machine failed', thrown);
      });
    }
    if (event.kind === 'connection' && event.state === 'lost') {
      const words = 'The connection to libvirt was lost.';
      const error = event.error ?? new AppError('libvirt-connection-lost', words);
      this.#setState({ kind: 'failed', error: error.toJSON(), retryAt: world.clock.now() });
    }
    if (event.kind === 'connection' && event.state === 'restored') {
      this.#showConnected(hypervisor).catch((thrown: unknown) => this.#lose(thrown));
    }
    events.hypervisorEvent(event);
  }
}
