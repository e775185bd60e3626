/**
 * What the server says, from bytes. Pure and resumable: the owner of the socket asks `target()`
 * where the next bytes belong, lets the kernel put them there and reports how many came with
 * `filled()`. So the data of a read lands in its final place with no copy in between, and a test
 * can feed one byte at a time through `feed()`. Every length is checked before it is believed;
 * a breach throws nbd-protocol, after which the decoder must not be used again.
 */
import {
  chunk,
  chunkErrorBit,
  chunkFlag,
  chunkHeaderBytes,
  chunkMagic,
  greetingBytes,
  greetingMagic,
  maxOptionReplyBytes,
  maxReplyBytes,
  optionMagic,
  optionReplyHeaderBytes,
  optionReplyMagic,
  simpleReplyBytes,
  simpleReplyMagic,
} from './constants.ts';
import { protocolError } from './errors.ts';

/** Something bytes can be put into. */
export interface Intake {
  /** Where the next bytes go; never empty. */
  target(): Uint8Array;
  /** `count` bytes (at most the target's length) have been put at the start of the target. */
  filled(count: number): void;
}

/** Gives an intake bytes that already are somewhere else, by copying them. */
export function feed(intake: Intake, bytes: Uint8Array): void {
  let position = 0;
  while (position < bytes.length) {
    const target = intake.target();
    const count = Math.min(target.length, bytes.length - position);
    target.set(bytes.subarray(position, position + count));
    intake.filled(count);
    position += count;
  }
}

export type HandshakeMessage =
  | { readonly kind: 'greeting'; readonly flags: number }
  | {
      readonly kind: 'option-reply';
      readonly option: number;
      readonly type: number;
      readonly payload: Buffer;
    };

/** The server's side of the handshake: the greeting, then replies to options. */
export class HandshakeDecoder implements Intake {
  readonly #onMessage: (message: HandshakeMessage) => void;
  #part: 'greeting' | 'header' | 'payload' = 'greeting';
  #bytes = Buffer.alloc(greetingBytes);
  #have = 0;
  #option = 0;
  #type = 0;

  constructor(onMessage: (message: HandshakeMessage) => void) {
    this.#onMessage = onMessage;
  }

  target(): Uint8Array {
    return this.#bytes.subarray(this.#have);
  }

  filled(count: number): void {
    this.#have += count;
    if (this.#have < this.#bytes.length) return;
    const bytes = this.#bytes;
    if (this.#part === 'greeting') this.#greeting(bytes);
    else if (this.#part === 'header') this.#header(bytes);
    else this.#reply(bytes);
  }

  #expect(part: 'header' | 'payload', length: number): void {
    this.#part = part;
    this.#bytes = Buffer.alloc(length);
    this.#have = 0;
  }

  #greeting(bytes: Buffer): void {
    if (bytes.readBigUInt64BE(0) !== greetingMagic) throw protocolError('it is no NBD server');
    if (bytes.readBigUInt64BE(8) !== optionMagic) {
      throw protocolError('it speaks only the oldest form of the protocol');
    }
    this.#expect('header', optionReplyHeaderBytes);
    this.#onMessage({ kind: 'greeting', flags: bytes.readUInt16BE(16) });
  }

  #header(bytes: Buffer): void {
    if (bytes.readBigUInt64BE(0) !== optionReplyMagic) {
      throw protocolError('an option reply has the wrong magic number');
    }
    this.#option = bytes.readUInt32BE(8);
    this.#type = bytes.readUInt32BE(12);
    const lengthBytes = bytes.readUInt32BE(16);
    if (lengthBytes > maxOptionReplyBytes) {
      throw protocolError('an option reply is too long', { lengthBytes, maxOptionReplyBytes });
    }
    if (lengthBytes > 0) this.#expect('payload', lengthBytes);
    else this.#reply(Buffer.alloc(0));
  }

  #reply(payload: Buffer): void {
    this.#expect('header', optionReplyHeaderBytes);
    this.#onMessage({
      kind: 'option-reply',
      option: this.#option,
      type: this.#type,
      payload,
    });
  }
}

export interface StatusDescriptor {
  readonly length: number;
  readonly flags: number;
}

/** Who asked, and therefore knows what a reply may hold. Each method may throw nbd-protocol. */
export interface ReplyHandler {
  /** A simple reply. For a read without error: where its data goes. Else null. */
  simple(cookie: number, errno: number): Uint8Array | null;
  /** Where `length` bytes of the disk at `offset` go. */
  data(cookie: number, offset: number, length: number): Uint8Array;
  hole(cookie: number, offset: number, length: number): void;
  status(cookie: number, contextId: number, extents: readonly StatusDescriptor[]): void;
  /** An error chunk; `offset` where the server named one. */
  failed(cookie: number, errno: number, message: string, offset: number | null): void;
  /** All of the reply has arrived. */
  done(cookie: number): void;
}

const dataPrefixBytes = 8; // offset of a data chunk
const holeBytes = 12;
const extentBytes = 8;
const errorBytes = 6; // error number and message length
const offsetBytes = 8;
const unknownErrno = 22; // EINVAL
const dataHeaderBytes = chunkHeaderBytes + dataPrefixBytes;
const longestHeaderBytes = chunkHeaderBytes + holeBytes;

/**
 * The server's side of the transmission phase: simple replies and chunks of structured ones.
 * Headers are read into a small buffer that reaches no further than a data chunk's header, so data
 * starts at the start of its target.
 */
export class ReplyDecoder implements Intake {
  readonly #handler: ReplyHandler;
  readonly #header = Buffer.alloc(longestHeaderBytes);
  readonly #view = new DataView(this.#header.buffer, this.#header.byteOffset, longestHeaderBytes);
  #have = 0; // bytes in #header
  #into: Uint8Array | null = null; // rest of the payload's target
  #whole: Buffer | null = null; // the payload, where it is not disk data
  #type = 0;
  #cookie = 0;
  #done = false;

  constructor(handler: ReplyHandler) {
    this.#handler = handler;
  }

  target(): Uint8Array {
    if (this.#into !== null) return this.#into;
    const end = this.#have < dataHeaderBytes ? dataHeaderBytes : longestHeaderBytes;
    return this.#header.subarray(this.#have, end);
  }

  filled(count: number): void {
    if (this.#into === null) {
      this.#have += count;
    } else if (count < this.#into.length) {
      this.#into = this.#into.subarray(count);
      return;
    } else {
      this.#endPayload();
    }
    while (this.#into === null && this.#nextHeader());
  }

  /** Takes one header off the front of #header; false when more bytes are needed. */
  #nextHeader(): boolean {
    if (this.#have < simpleReplyBytes) return false;
    const magic = this.#view.getUint32(0);
    if (magic === simpleReplyMagic) return this.#simple();
    if (magic !== chunkMagic) throw protocolError('a reply has the wrong magic number', { magic });
    if (this.#have < chunkHeaderBytes) return false;
    const flags = this.#view.getUint16(4);
    const type = this.#view.getUint16(6);
    const cookie = this.#readCookie(8);
    const lengthBytes = this.#view.getUint32(16);
    if (type === chunk.offsetData && this.#have < dataHeaderBytes) return false;
    if (type === chunk.offsetHole && this.#have < longestHeaderBytes) return false;
    this.#type = type;
    this.#cookie = cookie;
    this.#done = (flags & chunkFlag.done) !== 0;
    if (type === chunk.offsetData) this.#data(lengthBytes);
    else if (type === chunk.offsetHole) this.#hole(lengthBytes);
    else this.#other(lengthBytes);
    return true;
  }

  #simple(): boolean {
    this.#cookie = this.#readCookie(8);
    this.#done = true;
    const errno = this.#view.getUint32(4);
    this.#consume(simpleReplyBytes);
    const target = this.#handler.simple(this.#cookie, errno);
    if (target === null) this.#finish();
    else this.#beginPayload(target);
    return true;
  }

  #data(lengthBytes: number): void {
    const offset = this.#readOffset(chunkHeaderBytes);
    const dataBytes = lengthBytes - dataPrefixBytes;
    if (dataBytes < 1) throw protocolError('a data chunk is empty', { lengthBytes });
    this.#consume(dataHeaderBytes);
    const target = this.#handler.data(this.#cookie, offset, dataBytes);
    if (target.length !== dataBytes) throw new RangeError('target');
    this.#beginPayload(target);
  }

  #hole(lengthBytes: number): void {
    if (lengthBytes !== holeBytes)
      throw protocolError('a hole has a wrong length', { lengthBytes });
    const offset = this.#readOffset(chunkHeaderBytes);
    const length = this.#view.getUint32(chunkHeaderBytes + offsetBytes);
    if (length === 0) throw protocolError('a hole is empty');
    this.#consume(longestHeaderBytes);
    this.#handler.hole(this.#cookie, offset, length);
    this.#finish();
  }

  #other(lengthBytes: number): void {
    if (this.#type === chunk.none) {
      if (lengthBytes !== 0 || !this.#done) throw protocolError('an end chunk is malformed');
    } else if (this.#type !== chunk.blockStatus && (this.#type & chunkErrorBit) === 0) {
      throw protocolError('a reply has an unknown type', { type: this.#type });
    }
    if (lengthBytes > maxReplyBytes) {
      throw protocolError('a reply is too long', { lengthBytes, maxReplyBytes });
    }
    this.#consume(chunkHeaderBytes);
    if (this.#type === chunk.none) {
      this.#finish();
      return;
    }
    this.#whole = Buffer.allocUnsafe(lengthBytes);
    if (lengthBytes === 0) this.#endPayload();
    else this.#beginPayload(this.#whole);
  }

  /** Sends what follows to `target`, beginning with what came along with the header. */
  #beginPayload(target: Uint8Array): void {
    const early = Math.min(this.#have, target.length);
    if (early > 0) {
      target.set(this.#header.subarray(0, early));
      this.#consume(early);
    }
    if (early === target.length) this.#endPayload();
    else this.#into = early === 0 ? target : target.subarray(early);
  }

  #endPayload(): void {
    this.#into = null;
    const whole = this.#whole;
    this.#whole = null;
    if (whole !== null) {
      if (this.#type === chunk.blockStatus) this.#status(whole);
      else this.#error(whole);
    }
    this.#finish();
  }

  #status(payload: Buffer): void {
    const count = (payload.length - 4) / extentBytes;
    if (!Number.isInteger(count) || count < 1) {
      throw protocolError('a block status has a wrong length', { lengthBytes: payload.length });
    }
    const extents: StatusDescriptor[] = [];
    for (let at = 4; at < payload.length; at += extentBytes) {
      const length = payload.readUInt32BE(at);
      if (length === 0) throw protocolError('a block status has an empty extent');
      extents.push({ length, flags: payload.readUInt32BE(at + 4) });
    }
    this.#handler.status(this.#cookie, payload.readUInt32BE(0), extents);
  }

  /** Any chunk with the error bit; of unknown ones only the beginning is understood. */
  #error(payload: Buffer): void {
    if (payload.length < errorBytes) {
      throw protocolError('an error reply is too short', { lengthBytes: payload.length });
    }
    const messageEnd = errorBytes + payload.readUInt16BE(4);
    const withOffset = this.#type === chunk.errorOffset;
    if (messageEnd + (withOffset ? offsetBytes : 0) > payload.length) {
      throw protocolError("an error reply's message is longer than the reply");
    }
    let offset: number | null = null;
    if (withOffset) {
      const at = payload.readBigUInt64BE(messageEnd);
      if (at > BigInt(Number.MAX_SAFE_INTEGER)) throw protocolError('an offset is too large');
      offset = Number(at);
    }
    const message = payload.toString('utf8', errorBytes, messageEnd);
    const errno = payload.readUInt32BE(0);
    this.#handler.failed(this.#cookie, errno === 0 ? unknownErrno : errno, message, offset);
  }

  #finish(): void {
    if (this.#done) this.#handler.done(this.#cookie);
  }

  #consume(count: number): void {
    this.#header.copyWithin(0, count, this.#have);
    this.#have -= count;
  }

  /** Our cookies are 32 bits; one that is not was never sent by us. */
  #readCookie(at: number): number {
    if (this.#view.getUint32(at) !== 0) throw protocolError('a reply answers no request of ours');
    return this.#view.getUint32(at + 4);
  }

  #readOffset(at: number): number {
    const offset = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(offset)) throw protocolError('an offset is too large');
    return offset;
  }
}
