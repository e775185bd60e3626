/** A libvirt daemon's end of a connection, by hand: no socket, no process. */
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import type { Clock } from '#engine/world/clock.ts';
import { encodeFrame, FrameDecoder, messageType, type Frame } from '#engine/hypervisor/frames.ts';
import { remoteError } from '#engine/hypervisor/libvirt-error.ts';
import { Session } from '#engine/hypervisor/session.ts';
import { encodeXdr } from '#engine/hypervisor/xdr.ts';

export interface LibvirtWire {
  readonly session: Session;
  /** Every frame the client sent, in order. */
  readonly received: Frame[];
  /** Resolves when the client has sent so many frames. */
  sent(count: number): Promise<void>;
  /** Events the session passed on. */
  readonly events: Frame[];
  send(frame: Frame): void;
  raw(bytes: Buffer): void;
  reply(to: Frame, payload?: Buffer, status?: number): void;
  fail(to: Frame, code: number, message: string): void;
  /** The daemon goes away. */
  hangUp(): void;
}

export function libvirtWire(clock: Clock, callTimeoutMs = 1000): LibvirtWire {
  const [ours, theirs] = duplexPair();
  const events: Frame[] = [];
  const received: Frame[] = [];
  const waiting: { readonly count: number; readonly done: () => void }[] = [];
  const decoder = new FrameDecoder();
  theirs.on('data', (chunk: Buffer) => {
    received.push(...decoder.push(chunk));
    for (const { count, done } of waiting) if (received.length >= count) done();
  });
  const session = new Session(ours as unknown as Socket, {
    socketPath: '/fake',
    clock,
    callTimeoutMs,
    onEvent: (frame) => events.push(frame),
  });
  const send = (frame: Frame) => {
    theirs.write(encodeFrame(frame));
  };
  const reply = (to: Frame, payload: Buffer = Buffer.alloc(0), status = 0) => {
    send({ ...to, type: messageType.reply, status, payload });
  };
  return {
    session,
    received,
    events,
    sent: (count) =>
      new Promise((resolve) => {
        if (received.length >= count) resolve();
        else waiting.push({ count, done: resolve });
      }),
    send,
    raw: (bytes) => {
      theirs.write(bytes);
    },
    reply,
    fail: (to, code, message) => {
      reply(to, errorPayload(code, message), 1);
    },
    hangUp: () => {
      ours.destroy();
    },
  };
}

export function errorPayload(code: number, message: string): Buffer {
  return encodeXdr(remoteError, {
    code,
    domain: 10,
    message,
    level: 2,
    dom: null,
    str1: null,
    str2: null,
    str3: null,
    int1: -1,
    int2: -1,
    net: null,
  });
}
