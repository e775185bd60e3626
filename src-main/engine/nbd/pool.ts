/**
 * One export over several connections: QEMU answers each connection's requests in its own order, so
 * two of them nearly double what one can move. Each request goes where the fewest bytes are under
 * way. One connection failing fails all, because the caller's copy is lost either way.
 * A server that does not let several connections write together gets only one.
 */
import { AppError } from '#contract/errors.ts';
import { connectNbd, type NbdClient, type NbdDisk } from './client.ts';
import type { NbdOptions } from './connection.ts';
import { protocolError } from './errors.ts';

export interface NbdPool extends NbdDisk {
  readonly connections: number;
}

const maxConnections = 16;

/** Errors: as connectNbd. With an error, no connection stays open. */
export async function openNbdPool(options: NbdOptions, connections: number): Promise<NbdPool> {
  const wanted = Math.max(1, Math.min(connections, maxConnections));
  const first = await connectNbd(options);
  if (!first.readOnly && !first.multiConnection) return new ClientPool([first]);
  const attempts = Array.from({ length: wanted - 1 }, () => connectNbd(options));
  const others = await Promise.allSettled(attempts);
  const clients = [first];
  for (const other of others) if (other.status === 'fulfilled') clients.push(other.value);
  try {
    await Promise.all(attempts); // throws what the first failed one threw
    if (clients.some(({ sizeBytes }) => sizeBytes !== first.sizeBytes)) {
      throw protocolError('its connections differ in the size of the disk');
    }
    return new ClientPool(clients);
  } catch (thrown) {
    await Promise.all(clients.map((client) => client.close()));
    throw thrown;
  }
}

class ClientPool implements NbdPool {
  readonly closed: Promise<AppError | null>;
  readonly #clients: readonly NbdClient[];
  readonly #first: NbdClient;

  constructor(clients: readonly NbdClient[]) {
    const [first] = clients;
    if (first === undefined) throw new AppError('internal', 'A pool without a connection.');
    this.#clients = clients;
    this.#first = first;
    this.closed = this.#watch();
  }

  get sizeBytes() {
    return this.#first.sizeBytes;
  }

  get readOnly() {
    return this.#first.readOnly;
  }

  get blockSize() {
    return this.#first.blockSize;
  }

  get contexts() {
    return this.#first.contexts;
  }

  get connections() {
    return this.#clients.length;
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#idlest().read(offset, length);
  }

  readInto(offset: number, target: Uint8Array): Promise<void> {
    return this.#idlest().readInto(offset, target);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#idlest().write(offset, bytes);
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#idlest().zero(offset, length);
  }

  /** One connection's flush covers all: that is what multiConnection means. */
  flush(): Promise<void> {
    return this.#idlest().flush();
  }

  blockStatus(offset: number, length: number) {
    return this.#idlest().blockStatus(offset, length);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** Why the first connection to end did; the others end with the same error. */
  async #watch(): Promise<AppError | null> {
    const error = await Promise.race(this.#clients.map(({ closed }) => closed));
    for (const client of this.#clients) {
      if (error !== null) client.fail(error);
    }
    await Promise.all(this.#clients.map(({ closed }) => closed));
    return error;
  }

  #idlest(): NbdClient {
    let best = this.#first;
    for (const client of this.#clients) if (client.busyBytes < best.busyBytes) best = client;
    return best;
  }
}
