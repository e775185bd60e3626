/**
 * libvirt's packets (virnetprotocol.x): a length word, a header of 24 bytes, a payload. Pure and
 * resumable: bytes go in as they come, whole frames come out. The length word is checked before
 * anything is kept for it, and never used to allocate.
 */
import { protocolError } from './xdr.ts';

export const lengthBytes = 4; // VIR_NET_MESSAGE_LEN_MAX, counted in the length word
export const headerBytes = 24; // VIR_NET_MESSAGE_HEADER_MAX
/** VIR_NET_MESSAGE_MAX of virnetprotocol.x, without the length word. */
export const maxMessageBytes = 33_554_432;
/** The largest stream packet libvirt's own client sends (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). */
export const maxStreamPayloadBytes = 262_120;

export const messageType = {
  call: 0,
  reply: 1,
  message: 2,
  stream: 3,
  streamHole: 6,
} as const;

export const messageStatus = { ok: 0, error: 1, continue: 2 } as const;

export interface Frame {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  readonly payload: Buffer;
}

/** One frame's bytes. @throws `libvirt-protocol` when the payload is too large to send. */
export function encodeFrame(frame: Frame): Buffer {
  const { payload } = frame;
  if (headerBytes + payload.length > maxMessageBytes) {
    throw protocolError('a message would be longer than its limit');
  }
  const head = Buffer.alloc(lengthBytes + headerBytes);
  head.writeUInt32BE(head.length + payload.length, 0);
  head.writeUInt32BE(frame.program, 4);
  head.writeUInt32BE(frame.version, 8);
  head.writeInt32BE(frame.procedure, 12);
  head.writeInt32BE(frame.type, 16);
  head.writeUInt32BE(frame.serial, 20);
  head.writeInt32BE(frame.status, 24);
  return Buffer.concat([head, payload]);
}

function decodeFrame(bytes: Buffer): Frame {
  return {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    payload: bytes.subarray(lengthBytes + headerBytes),
  };
}

/** Bytes in, frames out. After it threw it stays broken: a stream has no second beginning. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #held = 0;
  #length: number | null = null; // of the frame being received, with its length word
  #broken = false;

  /** Bytes kept for a frame that is not whole yet. */
  get heldBytes(): number {
    return this.#held;
  }

  /** @throws `libvirt-protocol` for a length no frame can have. */
  push(chunk: Buffer): Frame[] {
    if (this.#broken) throw protocolError('the connection is broken');
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#held += chunk.length;
    }
    const frames: Frame[] = [];
    for (;;) {
      this.#length ??= this.#readLength();
      if (this.#length === null || this.#held < this.#length) return frames;
      frames.push(decodeFrame(this.#take(this.#length)));
      this.#length = null;
    }
  }

  #readLength(): number | null {
    if (this.#held < lengthBytes) return null;
    const length = this.#joined().readUInt32BE(0);
    if (length < lengthBytes + headerBytes || length > lengthBytes + maxMessageBytes) {
      this.#broken = true;
      this.#chunks = [];
      this.#held = 0;
      throw protocolError(`a message says it has ${length} bytes`);
    }
    return length;
  }

  /** What is held as one piece; called once per frame's head and once per whole frame. */
  #joined(): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #take(length: number): Buffer {
    const joined = this.#joined();
    const rest = joined.subarray(length);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return joined.subarray(0, length);
  }
}
