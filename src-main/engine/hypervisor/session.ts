/**
 * One unix socket to one daemon: serial numbers, at most five calls at a time (libvirtd serves no
 * more per client: max_client_requests), a timeout for each, events, streams, keepalive replies.
 * It knows frames and procedures, nothing of machines. Once closed it stays closed.
 */
import { createConnection, type Socket } from 'node:net';
import { AppError } from '#contract/errors.ts';
import { errnoOf } from '#engine/world/file-errors.ts';
import type { Clock } from '#engine/world/clock.ts';
import { encodeFrame, FrameDecoder, messageStatus, messageType, type Frame } from './frames.ts';
import { decodeLibvirtError } from './libvirt-error.ts';
import {
  keepaliveProcedure,
  keepaliveProgram,
  programVersion,
  type Procedure,
} from './procedures.ts';
import { RpcStream, type StreamWire } from './stream.ts';
import { decodeXdr, encodeXdr, protocolError } from './xdr.ts';

/** libvirtd.conf's max_client_requests; a sixth would only stop it from reading. */
export const maxCallsInFlight = 5;
export const maxQueuedCalls = 4096;
const maxSerial = 0xffff_ffff;

export interface SessionOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly callTimeoutMs: number;
  /** A frame of type MESSAGE: an event. A throw ends the session. */
  readonly onEvent: (frame: Frame) => void;
}

interface Pending {
  readonly procedure: Procedure<unknown, unknown>;
  readonly frame: (serial: number) => Buffer;
  readonly settle: (outcome: { readonly payload: Buffer } | { readonly error: AppError }) => void;
  readonly stream: RpcStream | null;
  cancelTimer: () => void;
  serial: number; // 0 while it waits in the queue
  /** Its caller has given up; the daemon still works on it, so it keeps its place in flight. */
  abandoned: boolean;
}

/**
 * Connects. @throws the socket's own error (ENOENT, EACCES, ECONNREFUSED): the caller knows what it
 * means at this path.
 */
export function connectSession(options: SessionOptions): Promise<Session> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: options.socketPath });
    const cancel = options.clock.timer(options.callTimeoutMs, () => {
      socket.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' }));
    });
    const failed = (thrown: Error) => {
      cancel();
      reject(thrown);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      cancel();
      socket.off('error', failed);
      resolve(new Session(socket, options));
    });
  });
}

export class Session {
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  readonly #decoder = new FrameDecoder();
  readonly #inFlight = new Map<number, Pending>();
  readonly #streams = new Map<number, RpcStream>();
  readonly #wire: StreamWire;
  #queue: Pending[] = [];
  #serial = 0;
  #ended: AppError | null = null;
  #resolveClosed: (reason: AppError | null) => void = () => undefined;
  /** Resolves when the connection ends: null after close(), the reason otherwise. */
  readonly closed: Promise<AppError | null>;

  constructor(socket: Socket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#wire = {
      send: (frame) => this.#send(frame),
      callTimeoutMs: options.callTimeoutMs,
      clock: options.clock,
      ended: (serial) => this.#streams.delete(serial),
    };
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (thrown) => this.#end(lost(errnoOf(thrown))));
    socket.on('close', () => this.#end(lost('closed')));
  }

  /**
   * One call. @throws libvirt's error; `libvirt-timeout` when no answer came (the daemon may still
   * carry it out); `libvirt-connection-lost`; `libvirt-protocol` for an answer that cannot be read.
   */
  async call<A, R>(
    procedure: Procedure<A, R>,
    args: A,
    timeoutMs = this.#options.callTimeoutMs,
  ): Promise<R> {
    const payload = await this.#enqueue(procedure, args, timeoutMs, null);
    return this.#decode(procedure, payload);
  }

  /** A call that opens a stream; the stream lives until it is finished or aborted. */
  async openStream<A, R>(
    procedure: Procedure<A, R>,
    args: A,
  ): Promise<{ readonly result: R; readonly stream: RpcStream }> {
    const stream = new RpcStream(this.#wire, procedure);
    const payload = await this.#enqueue(procedure, args, this.#options.callTimeoutMs, stream);
    return { result: this.#decode(procedure, payload), stream };
  }

  /** Idempotent. Calls under way end with `libvirt-connection-lost`. */
  close(): void {
    this.#end(null);
  }

  #decode<A, R>(procedure: Procedure<A, R>, payload: Buffer): R {
    try {
      return decodeXdr(procedure.result, payload);
    } catch (thrown) {
      const error = thrown instanceof AppError ? thrown : protocolError(String(thrown));
      this.#end(error);
      throw error;
    }
  }

  #enqueue<A, R>(
    procedure: Procedure<A, R>,
    args: A,
    timeoutMs: number,
    stream: RpcStream | null,
  ): Promise<Buffer> {
    return new Promise((resolve, reject: (error: AppError) => void) => {
      if (this.#ended !== null) throw this.#ended;
      if (this.#queue.length >= maxQueuedCalls) {
        throw new AppError('libvirt-error', 'Too many calls to libvirt wait already.', {
          maxQueuedCalls,
        });
      }
      const payload = encodeXdr(procedure.args, args);
      const pending: Pending = {
        procedure,
        frame: (serial) => encodeFrame({ ...callHeader(procedure, serial), payload }),
        settle: (outcome) => {
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.payload);
        },
        stream,
        cancelTimer: () => undefined,
        serial: 0,
        abandoned: false,
      };
      pending.cancelTimer = this.#options.clock.timer(timeoutMs, () => {
        this.#abandon(pending, timeoutMs);
      });
      this.#queue.push(pending);
      this.#sendQueued();
    });
  }

  #abandon(pending: Pending, timeoutMs: number): void {
    pending.abandoned = true;
    if (pending.serial === 0) this.#queue = this.#queue.filter((other) => other !== pending);
    pending.settle({
      error: new AppError(
        'libvirt-timeout',
        `libvirt did not answer ${pending.procedure.name} within ${timeoutMs / 1000} s.`,
        { function: pending.procedure.name, timeoutMs },
      ),
    });
  }

  #sendQueued(): void {
    while (this.#inFlight.size < maxCallsInFlight) {
      const pending = this.#queue.shift();
      if (pending === undefined) return;
      pending.serial = this.#nextSerial();
      this.#inFlight.set(pending.serial, pending);
      if (pending.stream !== null) {
        pending.stream.opened(pending.serial);
        // Before the reply: stream packets may come in the same read as it.
        this.#streams.set(pending.serial, pending.stream);
      }
      this.#socket.write(pending.frame(pending.serial));
    }
  }

  #nextSerial(): number {
    do this.#serial = this.#serial >= maxSerial ? 1 : this.#serial + 1;
    while (this.#inFlight.has(this.#serial) || this.#streams.has(this.#serial));
    return this.#serial;
  }

  /** Resolves when the socket will take more: the pressure a large upload feels. */
  async #send(frame: Frame): Promise<void> {
    if (this.#ended !== null) throw this.#ended;
    if (this.#socket.write(encodeFrame(frame))) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
    this.#throwIfEnded();
  }

  #throwIfEnded(): void {
    if (this.#ended !== null) throw this.#ended;
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#decoder.push(chunk)) {
        if (this.#ended !== null) return;
        this.#dispatch(frame);
      }
    } catch (thrown) {
      this.#end(thrown instanceof AppError ? thrown : protocolError(String(thrown)));
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === keepaliveProgram) {
      this.#answerPing(frame);
      return;
    }
    switch (frame.type) {
      case messageType.reply:
        this.#settle(frame);
        return;
      case messageType.message:
        this.#options.onEvent(frame);
        return;
      case messageType.stream:
      case messageType.streamHole:
        // Packets of a stream that was aborted may still be on their way.
        this.#streams.get(frame.serial)?.receive(frame);
        return;
      default:
        throw protocolError(`a message has the unknown type ${frame.type}`);
    }
  }

  #answerPing(frame: Frame): void {
    if (frame.procedure !== keepaliveProcedure.ping) return;
    const pong = { ...frame, procedure: keepaliveProcedure.pong, payload: Buffer.alloc(0) };
    this.#socket.write(encodeFrame(pong));
  }

  #settle(frame: Frame): void {
    const pending = this.#inFlight.get(frame.serial);
    if (pending?.procedure.number !== frame.procedure) {
      throw protocolError('an answer came that nobody asked for');
    }
    const failed = frame.status !== messageStatus.ok;
    // Decoded first: when it throws, the call is still in flight and ends with the connection.
    const outcome = failed
      ? { error: decodeLibvirtError(frame.payload, pending.procedure.name) }
      : { payload: frame.payload };
    this.#inFlight.delete(frame.serial);
    pending.cancelTimer();
    if (pending.stream !== null) {
      if (failed) this.#streams.delete(frame.serial);
      else if (pending.abandoned) void pending.stream.abort();
    }
    if (!pending.abandoned) pending.settle(outcome);
    this.#sendQueued();
  }

  #end(reason: AppError | null): void {
    if (this.#ended !== null) return;
    const error = reason ?? lost('closed by us');
    this.#ended = error;
    this.#socket.destroy();
    for (const pending of [...this.#inFlight.values(), ...this.#queue]) {
      pending.cancelTimer();
      pending.settle({ error });
    }
    this.#inFlight.clear();
    this.#queue = [];
    for (const stream of [...this.#streams.values()]) stream.fail(error);
    this.#streams.clear();
    this.#resolveClosed(reason);
  }
}

function callHeader<A, R>(procedure: Procedure<A, R>, serial: number) {
  return {
    program: procedure.program,
    version: programVersion,
    procedure: procedure.number,
    type: messageType.call,
    serial,
    status: messageStatus.ok,
  };
}

function lost(why: string): AppError {
  return new AppError('libvirt-connection-lost', 'The connection to libvirt ended.', { why });
}
