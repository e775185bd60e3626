/**
 * The connection that outlives its sockets: when the daemon goes away it says `lost`, tries again
 * with back-off, and says `restored` once events are registered anew, so nothing that happens after
 * `restored` is missed and everything before must be read anew.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { CurrentUser } from '#engine/world/user.ts';
import type { World } from '#engine/world/world.ts';
import { openConnection } from './authenticate.ts';
import type { Frame } from './frames.ts';
import type { HypervisorEvent } from './hypervisor.ts';
import { decodeEvent } from './lifecycle-events.ts';
import { libvirtErrorNumber, hasLibvirtNumber } from './libvirt-error.ts';
import { procedures, type Procedure } from './procedures.ts';
import { permissionError, reach, type Place } from './reach.ts';
import { connectSession, type Session } from './session.ts';
import type { RpcStream } from './stream.ts';
import type { LibvirtUri } from './uri.ts';

export const firstRetryMs = 100;
export const maxRetryMs = 10_000;
const closeLimitMs = 1000;
/**
 * For a call that libvirt answers only when a machine's memory or a disk's data has moved: hours
 * for terabytes. A daemon that dies closes the socket, which ends the call at once.
 */
export const dataCallTimeoutMs = 24 * 60 * 60 * 1000;

export interface LinkOptions {
  readonly reconnect: boolean;
  readonly callTimeoutMs: number;
  readonly autostart: boolean;
  readonly user: CurrentUser;
}

interface Denied {
  readonly error: AppError;
  readonly socketPath: string;
}

interface Open {
  readonly session: Session;
  readonly socketPath: string;
  readonly readOnly: boolean;
}

export class Link {
  readonly place: Place;
  readonly #options: LinkOptions;
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  readonly #stop = new AbortController();
  #open: Open | null = null;
  #lost: AppError | null = null;

  constructor(address: LibvirtUri, world: World, options: LinkOptions) {
    this.place = { address, world, user: options.user, autostart: options.autostart };
    this.#options = options;
  }

  get readOnly(): boolean {
    return this.#open?.readOnly ?? false;
  }

  /** Of the daemon connected now or last. */
  socketPath = '';

  /** The first connection; fails instead of trying again. */
  async connect(): Promise<void> {
    this.#keep(await this.#connectOnce());
  }

  async call<A, R>(procedure: Procedure<A, R>, args: A, timeoutMs?: number): Promise<R> {
    const { session, socketPath } = this.#current();
    try {
      return await session.call(procedure, args, timeoutMs);
    } catch (thrown) {
      if (hasLibvirtNumber(thrown, libvirtErrorNumber.operationDenied)) {
        throw permissionError(this.place, socketPath);
      }
      throw thrown;
    }
  }

  openStream<A, R>(
    procedure: Procedure<A, R>,
    args: A,
  ): Promise<{ readonly result: R; readonly stream: RpcStream }> {
    return this.#current().session.openStream(procedure, args);
  }

  on(listener: (event: HypervisorEvent) => void): () => void {
    // Wrapped, so that one function given twice is two listeners.
    const own = (event: HypervisorEvent) => {
      listener(event);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    // A courtesy to the daemon; the closing socket says the same.
    await open.session.call(procedures.connectClose, null, closeLimitMs).catch(() => undefined);
    open.session.close();
  }

  #current(): Open {
    if (this.#stop.signal.aborted) {
      throw new AppError('libvirt-connection-lost', 'The connection to libvirt was closed.');
    }
    if (this.#open !== null) return this.#open;
    throw new AppError('libvirt-connection-lost', 'libvirt does not answer now.', {
      uri: this.place.address.uri,
      cause: this.#lost?.message ?? '',
    });
  }

  #emit(event: HypervisorEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (thrown) {
        this.place.world.log.error('A listener for libvirt events failed', thrown);
      }
    }
  }

  #receive = (frame: Frame): void => {
    const event = decodeEvent(frame);
    if (event !== null) this.#emit(event);
  };

  #session = (socketPath: string): Promise<Session> =>
    connectSession({
      socketPath,
      clock: this.place.world.clock,
      callTimeoutMs: this.#options.callTimeoutMs,
      onEvent: this.#receive,
    });

  async #connectOnce(): Promise<Open> {
    let denied: Denied;
    try {
      const reached = await reach(this.place, this.#session);
      const open = await this.#authenticate(reached.session, reached.socketPath, false);
      if (open !== null) return open;
      const error = permissionError(this.place, reached.socketPath);
      denied = { error, socketPath: reached.socketPath };
    } catch (thrown) {
      const socketPath = thrown instanceof AppError ? thrown.data['socketPath'] : null;
      if (!hasCode(thrown, 'libvirt-permission') || typeof socketPath !== 'string') throw thrown;
      denied = { error: thrown, socketPath };
    }
    const open = await this.#connectReadOnly(denied.socketPath);
    if (open === null) throw denied.error;
    return open;
  }

  /** libvirt serves those who may only look on a socket of its own. Null where that fails too. */
  async #connectReadOnly(socketPath: string): Promise<Open | null> {
    const readOnlyPath = `${socketPath}-ro`;
    let session: Session;
    try {
      session = await this.#session(readOnlyPath);
    } catch {
      return null; // the caller reports why read-write failed, which is what a person can fix
    }
    return this.#authenticate(session, readOnlyPath, true);
  }

  async #authenticate(
    session: Session,
    socketPath: string,
    readOnly: boolean,
  ): Promise<Open | null> {
    let granted = false;
    try {
      granted = await openConnection(session, this.place.address.name, readOnly);
    } finally {
      if (!granted) session.close();
    }
    return granted ? { session, socketPath, readOnly } : null;
  }

  #keep(open: Open): void {
    if (this.#stop.signal.aborted) {
      open.session.close();
      return;
    }
    this.#open = open;
    this.socketPath = open.socketPath;
    this.#lost = null;
    void open.session.closed.then((reason) => {
      if (reason === null || this.#stop.signal.aborted) return;
      this.#open = null;
      this.#lost = reason;
      this.#emit({ kind: 'connection', state: 'lost', error: reason });
      if (this.#options.reconnect) void this.#reconnect();
    });
  }

  async #reconnect(): Promise<void> {
    const { clock, log } = this.place.world;
    for (let wait = firstRetryMs; !this.#stop.signal.aborted;) {
      try {
        await clock.sleep(wait, this.#stop.signal);
        this.#keep(await this.#connectOnce());
        if (this.#open !== null) this.#emit({ kind: 'connection', state: 'restored' });
        return;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        if (thrown instanceof AppError) this.#lost = thrown;
        else log.error('Connecting to libvirt again failed', thrown);
        wait = Math.min(wait * 2, maxRetryMs);
      }
    }
  }
}
