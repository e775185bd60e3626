/**
 * One libvirt stream (virStream): raw bytes beside the calls, under the serial of the call that
 * opened it. Both directions end the same way: one side has no more (an empty packet), the client
 * says OK to finish or ERROR to abort, the daemon confirms.
 */
import { AppError } from '#contract/errors.ts';
import type { Clock } from '#engine/world/clock.ts';
import { maxStreamPayloadBytes, messageStatus, messageType, type Frame } from './frames.ts';
import { decodeLibvirtError } from './libvirt-error.ts';
import { programVersion, type Procedure } from './procedures.ts';
import { decodeXdr, encodeXdr, hyper, protocolError, struct, uint } from './xdr.ts';

/** What the session lends a stream. */
export interface StreamWire {
  /** Resolves when more may be sent. */
  send(frame: Frame): Promise<void>;
  ended(serial: number): void;
  readonly clock: Clock;
  readonly callTimeoutMs: number;
}

/** virNetStreamHole */
export const streamHole = struct({ length: hyper, flags: uint });

export type StreamPiece =
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'hole'; readonly length: number };

/** Packets kept for a reader that is slower than the daemon; one that never reads is a mistake. */
export const maxBufferedBytes = 64 * 1024 * 1024;

interface Waiter {
  readonly resolve: (piece: StreamPiece | null) => void;
  readonly reject: (error: AppError) => void;
  readonly cancelTimer: () => void;
}

type StreamState = 'open' | 'drained' | 'closing' | 'closed';

export class RpcStream {
  readonly #wire: StreamWire;
  readonly #procedure: Pick<Procedure<unknown, unknown>, 'name' | 'program' | 'number'>;
  #serial = 0;
  #pieces: StreamPiece[] = [];
  #bufferedBytes = 0;
  #state: StreamState = 'open';
  #error: AppError | null = null;
  #reader: Waiter | null = null;
  #closer: Waiter | null = null;

  constructor(
    wire: StreamWire,
    procedure: Pick<Procedure<never, unknown>, 'name' | 'program' | 'number'>,
  ) {
    this.#wire = wire;
    this.#procedure = procedure;
  }

  /** The session gave it the serial of its call. */
  opened(serial: number): void {
    this.#serial = serial;
  }

  /** The next piece, or null when the daemon has no more. */
  read(): Promise<StreamPiece | null> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      if (piece.kind === 'data') this.#bufferedBytes -= piece.bytes.length;
      return Promise.resolve(piece);
    }
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#state !== 'open') return Promise.resolve(null);
    return this.#wait((waiter) => (this.#reader = waiter));
  }

  /** Sends bytes in packets libvirt accepts. @throws what the daemon said when it gave up. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; offset += maxStreamPayloadBytes) {
      const part = bytes.subarray(offset, offset + maxStreamPayloadBytes);
      await this.#send(messageType.stream, messageStatus.continue, Buffer.from(part));
    }
  }

  /** Skips `length` bytes that read as zero; only on a stream opened as sparse. */
  async writeHole(length: number): Promise<void> {
    const hole = encodeXdr(streamHole, { length, flags: 0 });
    await this.#send(messageType.streamHole, messageStatus.continue, hole);
  }

  /** Ends it well: everything sent is with the daemon, everything it had was read. */
  async finish(): Promise<void> {
    await this.#close(messageStatus.ok);
  }

  /** Ends it without that promise. Never throws: there is nothing left to lose. */
  async abort(): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'closing') return;
    this.#error = null;
    await this.#close(messageStatus.error).catch(() => {
      this.#leave();
    });
  }

  /** A packet from the daemon. */
  receive(frame: Frame): void {
    if (frame.status === messageStatus.error) {
      this.fail(
        frame.payload.length === 0
          ? new AppError('libvirt-error', 'libvirt ended a transfer.', {
              function: this.#procedure.name,
            })
          : decodeLibvirtError(frame.payload, this.#procedure.name),
      );
    } else if (this.#state === 'closing') {
      // Data may still come before the confirmation, which has none.
      if (frame.payload.length === 0) this.#confirmed();
    } else if (frame.type === messageType.streamHole) {
      const { length } = decodeXdr(streamHole, frame.payload);
      if (length < 0) throw protocolError('a hole has a negative length');
      this.#deliver({ kind: 'hole', length });
    } else if (frame.payload.length === 0) {
      this.#drain();
    } else {
      this.#deliver({ kind: 'data', bytes: frame.payload });
    }
  }

  /** The daemon gave up, or the connection ended. */
  fail(error: AppError): void {
    if (this.#state === 'closed') return;
    this.#error = error;
    this.#leave();
    this.#reader?.reject(error);
    this.#closer?.reject(error);
    this.#reader?.cancelTimer();
    this.#closer?.cancelTimer();
    this.#reader = null;
    this.#closer = null;
  }

  #deliver(piece: StreamPiece): void {
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      reader.cancelTimer();
      reader.resolve(piece);
      return;
    }
    this.#pieces.push(piece);
    if (piece.kind === 'data') this.#bufferedBytes += piece.bytes.length;
    if (this.#bufferedBytes > maxBufferedBytes) throw protocolError('a stream has no reader');
  }

  #drain(): void {
    this.#state = 'drained';
    this.#reader?.cancelTimer();
    this.#reader?.resolve(null);
    this.#reader = null;
  }

  async #close(status: number): Promise<void> {
    if (this.#error !== null) throw this.#error;
    if (this.#state === 'closed' || this.#state === 'closing') return;
    this.#state = 'closing';
    const confirmed = this.#wait((waiter) => (this.#closer = waiter));
    confirmed.catch(() => undefined); // awaited below; a failing send must not leave it unhandled
    await this.#send(messageType.stream, status, Buffer.alloc(0));
    await confirmed;
  }

  #confirmed(): void {
    this.#leave();
    this.#closer?.cancelTimer();
    this.#closer?.resolve(null);
    this.#closer = null;
  }

  #leave(): void {
    this.#state = 'closed';
    this.#wire.ended(this.#serial);
  }

  #wait(keep: (waiter: Waiter) => void): Promise<StreamPiece | null> {
    return new Promise((resolve, reject) => {
      const { callTimeoutMs, clock } = this.#wire;
      const cancelTimer = clock.timer(callTimeoutMs, () => {
        const message = `libvirt sent nothing for ${callTimeoutMs / 1000} s during a transfer.`;
        const data = { function: this.#procedure.name, timeoutMs: callTimeoutMs };
        this.fail(new AppError('libvirt-timeout', message, data));
      });
      keep({ resolve, reject, cancelTimer });
    });
  }

  async #send(type: number, status: number, payload: Buffer): Promise<void> {
    if (this.#error !== null) throw this.#error;
    await this.#wire.send({
      program: this.#procedure.program,
      version: programVersion,
      procedure: this.#procedure.number,
      type,
      serial: this.#serial,
      status,
      payload,
    });
  }
}
