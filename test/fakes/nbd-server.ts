/**
 * An NBD server in memory that does as it is told, mistakes included: a hook sees every option and
 * every request and may answer in its own bytes instead. Also the server's half of the protocol as
 * functions, for tests of the decoder.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const structuredFlags = 0b1_0100_0101; // has flags, flush, write zeroes, multi-conn

export function greeting(flags = 3): Buffer {
  const bytes = Buffer.from('NBDMAGICIHAVEOPT\0\0', 'latin1');
  bytes.writeUInt16BE(flags, 16);
  return bytes;
}

export function optionReply(
  option: number,
  type: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(0x0003e889045565a9n, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(payload.length, 16);
  return Buffer.concat([head, payload]);
}

export function exportInfo(sizeBytes: number | bigint, flags: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 2);
  bytes.writeUInt16BE(flags, 10);
  return bytes;
}

export function blockSizeInfo(minimum: number, preferred: number, maximum: number): Buffer {
  const bytes = Buffer.alloc(14);
  bytes.writeUInt16BE(3, 0);
  [minimum, preferred, maximum].forEach((size, index) => bytes.writeUInt32BE(size, 2 + 4 * index));
  return bytes;
}

export function metaContext(id: number, name: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return Buffer.concat([bytes, Buffer.from(name)]);
}

export function simpleReply(cookie: number, errno = 0, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0x67446698, 0);
  head.writeUInt32BE(errno, 4);
  head.writeBigUInt64BE(BigInt(cookie), 8);
  return Buffer.concat([head, data]);
}

export function chunk(cookie: number, type: number, done: boolean, payload: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32BE(0x668e33ef, 0);
  head.writeUInt16BE(done ? 1 : 0, 4);
  head.writeUInt16BE(type, 6);
  head.writeBigUInt64BE(BigInt(cookie), 8);
  head.writeUInt32BE(payload.length, 16);
  return Buffer.concat([head, payload]);
}

export function endChunk(cookie: number): Buffer {
  return chunk(cookie, 0, true, Buffer.alloc(0));
}

export function dataChunk(cookie: number, offset: number, data: Buffer, done = false): Buffer {
  return chunk(cookie, 1, done, Buffer.concat([uint64(offset), data]));
}

export function holeChunk(cookie: number, offset: number, length: number, done = false): Buffer {
  return chunk(cookie, 2, done, Buffer.concat([uint64(offset), uint32(length)]));
}

export function statusChunk(
  cookie: number,
  contextId: number,
  extents: readonly (readonly [length: number, flags: number])[],
  done = false,
): Buffer {
  return chunk(cookie, 5, done, Buffer.concat([contextId, ...extents.flat()].map(uint32)));
}

export function errorChunk(
  cookie: number,
  errno: number,
  words: string,
  offset: number | null = null,
  done = true,
): Buffer {
  const message = Buffer.from(words);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  const parts = [uint32(errno), length, message, ...(offset === null ? [] : [uint64(offset)])];
  return chunk(cookie, offset === null ? 0x8001 : 0x8002, done, Buffer.concat(parts));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export interface SeenRequest {
  readonly type: number;
  readonly cookie: number;
  readonly offset: number;
  readonly length: number;
  readonly data: Buffer;
}

export interface FakeNbdOptions {
  readonly disk: Buffer;
  readonly structured?: boolean;
  readonly flags?: number;
  readonly blockSize?: readonly [number, number, number];
  /** Extents of each context, from the start of the disk. */
  readonly contexts?: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  /** True: the hook answered, or will; the server does nothing more about this option. */
  readonly onOption?: (option: number, payload: Buffer, socket: Socket) => boolean;
  /** True: the hook answered, or will; the server does nothing more about this request. */
  readonly onRequest?: (request: SeenRequest, socket: Socket) => boolean;
  /** Sent instead of the greeting. */
  readonly greeting?: Buffer;
}

export interface FakeNbdServer {
  readonly socketPath: string;
  readonly requests: readonly SeenRequest[];
  readonly sockets: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

/** Starts the server on a socket in a folder of its own. */
export async function startFakeNbd(options: FakeNbdOptions): Promise<FakeNbdServer> {
  const folder = await mkdtemp(join(tmpdir(), 'waymark-nbd-'));
  const socketPath = join(folder, 's');
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // the client may hang up at any time
    socket.on('close', () => sockets.delete(socket));
    const session = new Session(options, socket, (request) => {
      requests.push(request);
      // Answered in a later turn, so that requests sent together are seen together.
      setImmediate(() => {
        if (options.onRequest?.(request, socket) !== true) session.answer(request);
      });
    });
    socket.write(options.greeting ?? greeting());
    socket.on('data', (bytes: Buffer) => session.received(bytes));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    requests,
    sockets,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

class Session {
  readonly #options: FakeNbdOptions;
  readonly #socket: Socket;
  readonly #onRequest: (request: SeenRequest) => void;
  #bytes = Buffer.alloc(0);
  #phase: 'flags' | 'options' | 'requests' = 'flags';
  #granted: string[] = [];
  #structured = false;

  constructor(options: FakeNbdOptions, socket: Socket, onRequest: (request: SeenRequest) => void) {
    this.#options = options;
    this.#socket = socket;
    this.#onRequest = onRequest;
  }

  received(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const taken = this.#takeOne();
      if (taken === 0) return;
      this.#bytes = this.#bytes.subarray(taken);
    }
  }

  #takeOne(): number {
    const bytes = this.#bytes;
    if (this.#phase === 'flags') {
      if (bytes.length < 4) return 0;
      this.#phase = 'options';
      return 4;
    }
    if (this.#phase === 'options') {
      if (bytes.length < 16) return 0;
      const end = 16 + bytes.readUInt32BE(12);
      if (bytes.length < end) return 0;
      this.#option(bytes.readUInt32BE(8), Buffer.from(bytes.subarray(16, end)));
      return end;
    }
    if (bytes.length < 28) return 0;
    const type = bytes.readUInt16BE(6);
    const length = bytes.readUInt32BE(24);
    const end = 28 + (type === 1 ? length : 0);
    if (bytes.length < end) return 0;
    this.#onRequest({
      type,
      cookie: Number(bytes.readBigUInt64BE(8)),
      offset: Number(bytes.readBigUInt64BE(16)),
      length,
      data: Buffer.from(bytes.subarray(28, end)),
    });
    return end;
  }

  #option(option: number, payload: Buffer): void {
    const { onOption, structured, disk, flags, blockSize } = this.#options;
    if (onOption?.(option, payload, this.#socket) === true) return;
    const send = (type: number, bytes?: Buffer) =>
      this.#socket.write(optionReply(option, type, bytes));
    if (option === 8 && structured !== false) {
      this.#structured = true;
      send(1);
    } else if (option === 10) {
      this.#granted = readQueries(payload).filter((name) => this.#options.contexts?.[name]);
      this.#granted.forEach((name, index) => send(4, metaContext(index + 7, name)));
      send(1);
    } else if (option === 7) {
      this.#phase = 'requests';
      send(3, exportInfo(disk.length, flags ?? structuredFlags));
      if (blockSize !== undefined) send(3, blockSizeInfo(...blockSize));
      send(1);
    } else {
      send(0x80000001);
    }
  }

  /** As a well-behaved server would. */
  answer(request: SeenRequest): void {
    const { disk } = this.#options;
    const { type, cookie, offset, length, data } = request;
    const end = offset + length;
    if (type === 2) {
      this.#socket.end();
      return;
    }
    if (type === 1) data.copy(disk, offset);
    if (type === 6) disk.fill(0, offset, end);
    if (type === 7) {
      this.#granted.forEach((name, index) => {
        const extents = cut(this.#options.contexts?.[name] ?? [], offset, end);
        this.#socket.write(statusChunk(cookie, index + 7, extents));
      });
    }
    const content = type === 0 ? disk.subarray(offset, end) : Buffer.alloc(0);
    if (!this.#structured) this.#socket.write(simpleReply(cookie, 0, content));
    else if (type === 0) this.#socket.write(dataChunk(cookie, offset, content, true));
    else this.#socket.write(endChunk(cookie));
  }
}

function readQueries(payload: Buffer): string[] {
  let at = 4 + payload.readUInt32BE(0);
  const count = payload.readUInt32BE(at);
  at += 4;
  return Array.from({ length: count }, () => {
    const length = payload.readUInt32BE(at);
    const query = payload.toString('utf8', at + 4, at + 4 + length);
    at += 4 + length;
    return query;
  });
}

/** The part of an extent list that begins at `from` and reaches at least to `to`. */
function cut(
  extents: readonly (readonly [number, number])[],
  from: number,
  to: number,
): [number, number][] {
  const found: [number, number][] = [];
  let at = 0;
  for (const [length, flags] of extents) {
    const start = Math.max(at, from);
    at += length;
    if (start < at && start < to) found.push([at - start, flags]);
  }
  return found;
}
