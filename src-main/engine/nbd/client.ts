/**
 * The NBD client: reads, writes, zeroes and block status of one export over one connection, with
 * many requests under way at once. It splits what is longer than the server takes, widens reads to
 * the server's smallest block and fills holes with zeroes. It promises that a read either returns
 * every byte or rejects. It does not retry and does not reconnect: who calls it decides by the
 * error's kind (errors.ts). Protocol: github.com/NetworkBlockDevice/nbd, doc/proto.md.
 */
import type { AppError } from '#contract/errors.ts';
import {
  command,
  maxExtents,
  maxRequestBytes,
  maxZeroBytes,
  transmissionFlag,
} from './constants.ts';
import { Connection, type NbdOptions } from './connection.ts';
import type { StatusDescriptor } from './decode.ts';
import { protocolError, refusedRequest } from './errors.ts';
import type { BlockSize } from './negotiate.ts';

export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
}

/** What one connection and a pool of them have in common. */
export interface NbdDisk {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly blockSize: BlockSize;
  /** The contexts the server granted. */
  readonly contexts: readonly string[];
  /** Bytes of the disk; holes come as zeroes. Many may be under way. */
  read(offset: number, length: number): Promise<Buffer>;
  /**
   * The same into memory of the caller's, which saves an allocation. The memory may be a view of a
   * SharedArrayBuffer; it must be left alone until the promise settles.
   */
  readInto(offset: number, target: Uint8Array): Promise<void>;
  /** `bytes` must not change until the promise settles. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes the range read as zeroes, by a hole where the server can. */
  zero(offset: number, length: number): Promise<void>;
  /** Everything written and answered before is on stable storage afterwards. */
  flush(): Promise<void>;
  /** Extents of every granted context, covering exactly the range; neighbours differ in flags. */
  blockStatus(offset: number, length: number): Promise<ReadonlyMap<string, readonly Extent[]>>;
  /** Says goodbye and ends; whoever still waits gets `cancelled`. May be called twice. */
  close(): Promise<void>;
  /** Resolves when the connection has ended: null after close(), else why. Never rejects. */
  readonly closed: Promise<AppError | null>;
}

export interface NbdClient extends NbdDisk {
  /** Whether the server lets several connections write and flush together. */
  readonly multiConnection: boolean;
  /** Bytes asked for and not yet answered. */
  readonly busyBytes: number;
  /** Ends the connection as if it had failed: every waiter and `closed` get this error. */
  fail(error: AppError): void;
}

/** Connects to a server on a unix socket. Errors: the kinds of errors.ts, `cancelled`. */
export async function connectNbd(options: NbdOptions): Promise<NbdClient> {
  return new SocketNbdClient(await Connection.open(options));
}

const maxQueryBytes = 2 ** 31; // block status length is 32 bits, and a multiple of the block size

class SocketNbdClient implements NbdClient {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly blockSize: BlockSize;
  readonly contexts: readonly string[];
  readonly multiConnection: boolean;
  readonly closed: Promise<AppError | null>;
  readonly #connection: Connection;
  readonly #flags: number;
  readonly #maxBytes: number;

  constructor(connection: Connection) {
    const { sizeBytes, flags, blockSize, contexts } = connection.agreement;
    this.#connection = connection;
    this.#flags = flags;
    this.sizeBytes = sizeBytes;
    this.readOnly = (flags & transmissionFlag.readOnly) !== 0;
    this.multiConnection = (flags & transmissionFlag.canMultiConnect) !== 0;
    this.blockSize = blockSize;
    this.contexts = [...contexts.values()];
    this.closed = connection.closed;
    const most = Math.min(blockSize.maximum, maxRequestBytes);
    this.#maxBytes = most - (most % blockSize.minimum);
  }

  get busyBytes(): number {
    return this.#connection.busyBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#checkRange('read', offset, length);
    const { start, end } = this.#widen(offset, length);
    // Every byte is written before the buffer is handed out: a read is complete or rejected.
    const whole = Buffer.allocUnsafeSlow(end - start);
    await this.#readAll(start, whole);
    return whole.length === length
      ? whole
      : whole.subarray(offset - start, offset - start + length);
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    this.#checkRange('read', offset, target.length);
    const { start, end } = this.#widen(offset, target.length);
    if (end - start === target.length) await this.#readAll(offset, target);
    else target.set(await this.read(offset, target.length));
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#checkWrite('write', offset, bytes.length);
    await this.#split(offset, bytes.length, this.#maxBytes, (at, length) => {
      const data = bytes.subarray(at - offset, at - offset + length);
      return { command: command.write, offset: at, length, data };
    });
  }

  async zero(offset: number, length: number): Promise<void> {
    this.#checkWrite('zero', offset, length);
    if ((this.#flags & transmissionFlag.sendWriteZeroes) !== 0) {
      await this.#split(offset, length, maxZeroBytes, (at, bytes) => {
        return { command: command.writeZeroes, offset: at, length: bytes };
      });
      return;
    }
    const zeroes = Buffer.alloc(Math.min(length, this.#maxBytes));
    await this.#split(offset, length, this.#maxBytes, (at, bytes) => {
      return { command: command.write, offset: at, length: bytes, data: zeroes.subarray(0, bytes) };
    });
  }

  async flush(): Promise<void> {
    if (this.readOnly || (this.#flags & transmissionFlag.sendFlush) === 0) return;
    await this.#connection.submit({ command: command.flush, offset: 0, length: 0 });
  }

  async blockStatus(
    offset: number,
    length: number,
  ): Promise<ReadonlyMap<string, readonly Extent[]>> {
    this.#checkRange('query', offset, length);
    const names = this.#connection.agreement.contexts;
    const found = new Map<string, Extent[]>(this.contexts.map((name) => [name, []]));
    if (names.size === 0 || length === 0) return found;
    const { start, end } = this.#widen(offset, length);
    // Contexts may each be told for a different length: ask again from the least advanced one.
    let at = start;
    while (at < end) {
      const answer = await this.#connection.submit({
        command: command.blockStatus,
        offset: at,
        length: Math.min(end - at, maxQueryBytes),
      });
      let next = end;
      for (const [id, descriptors] of answer) {
        const extents = found.get(names.get(id) ?? '');
        if (extents === undefined) continue;
        next = Math.min(next, append(extents, at, offset, offset + length, descriptors));
      }
      at = next;
    }
    return found;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  fail(error: AppError): void {
    this.#connection.fail(error);
  }

  #readAll(offset: number, target: Uint8Array): Promise<void> {
    return this.#split(offset, target.length, this.#maxBytes, (at, length) => {
      const part =
        length === target.length ? target : target.subarray(at - offset, at - offset + length);
      return { command: command.read, offset: at, length, target: part };
    });
  }

  async #split(
    offset: number,
    length: number,
    most: number,
    make: (at: number, length: number) => Parameters<Connection['submit']>[0],
  ): Promise<void> {
    if (length === 0) return;
    if (length <= most) {
      await this.#connection.submit(make(offset, length));
      return;
    }
    // All settle before this does, so that no part is still writing into the caller's memory.
    const parts: Promise<unknown>[] = [];
    for (let done = 0; done < length; done += most) {
      const part = make(offset + done, Math.min(most, length - done));
      parts.push(this.#connection.submit(part));
    }
    await Promise.allSettled(parts);
    await Promise.all(parts); // throws what the first failed one threw
  }

  #widen(offset: number, length: number): { start: number; end: number } {
    const { minimum } = this.blockSize;
    const start = offset - (offset % minimum);
    const end = Math.ceil((offset + length) / minimum) * minimum;
    return { start, end: Math.min(end, this.sizeBytes) };
  }

  #checkRange(what: string, offset: number, length: number): void {
    const sensible =
      Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!sensible || offset + length > this.sizeBytes) {
      const request = { command: what, offset, length };
      throw refusedRequest(request, `the disk has ${this.sizeBytes} bytes`);
    }
  }

  #checkWrite(what: string, offset: number, length: number): void {
    this.#checkRange(what, offset, length);
    const request = { command: what, offset, length };
    if (this.readOnly) throw refusedRequest(request, 'the disk is served read-only');
    const { minimum } = this.blockSize;
    if (offset % minimum !== 0 || length % minimum !== 0) {
      throw refusedRequest(request, `the server takes only multiples of ${minimum} bytes`);
    }
  }
}

/** Adds one reply's extents, cut to [from, to); returns where the reply ended. */
function append(
  extents: Extent[],
  offset: number,
  from: number,
  to: number,
  descriptors: readonly StatusDescriptor[],
): number {
  let at = offset;
  for (const { length, flags } of descriptors) {
    const last = extents.at(-1);
    // After a context that told less, what this one told before comes again: skip it.
    const start = Math.max(at, from, last === undefined ? from : last.offset + last.length);
    const end = Math.min(at + length, to);
    at += length;
    if (start >= end) continue;
    if (last?.flags === flags) {
      extents[extents.length - 1] = { ...last, length: end - last.offset };
    } else {
      extents.push({ offset: start, length: end - start, flags });
      if (extents.length > maxExtents) throw protocolError('too many extents', { maxExtents });
    }
  }
  return at;
}
