/** What the client says, as bytes. Pure: no socket, no state. Layouts: doc/proto.md of NBD. */
import {
  info,
  maxStringBytes,
  option,
  optionHeaderBytes,
  optionMagic,
  requestHeaderBytes,
  requestMagic,
  type Command,
} from './constants.ts';
import { optionError } from './errors.ts';

const maxUint32 = 0xffffffff;

export function encodeClientFlags(flags: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(flags);
  return bytes;
}

export function encodeOption(code: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const bytes = Buffer.allocUnsafe(optionHeaderBytes + payload.length);
  bytes.writeBigUInt64BE(optionMagic, 0);
  bytes.writeUInt32BE(code, 8);
  bytes.writeUInt32BE(payload.length, 12);
  bytes.set(payload, optionHeaderBytes);
  return bytes;
}

/** NBD_OPT_GO for an export, asking for block sizes (which we then have to keep to). */
export function encodeGo(exportName: string): Buffer {
  const name = encodeString(exportName);
  const requests = Buffer.allocUnsafe(4);
  requests.writeUInt16BE(1, 0);
  requests.writeUInt16BE(info.blockSize, 2);
  return encodeOption(option.go, Buffer.concat([withLength(name), requests]));
}

/** NBD_OPT_SET_META_CONTEXT: the contexts blockStatus will tell about. */
export function encodeSetMetaContext(exportName: string, contexts: readonly string[]): Buffer {
  const count = Buffer.allocUnsafe(4);
  count.writeUInt32BE(contexts.length);
  const queries = contexts.map((context) => withLength(encodeString(context)));
  const name = withLength(encodeString(exportName));
  return encodeOption(option.setMetaContext, Buffer.concat([name, count, ...queries]));
}

/**
 * A request header; a write's data follows it. The cookie is ours to choose: 32 bits are plenty for
 * what is in flight, the upper half stays zero.
 */
export function encodeRequest(
  type: Command,
  cookie: number,
  offset: number,
  length: number,
): Buffer {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError('offset');
  if (!Number.isSafeInteger(length) || length < 0 || length > maxUint32) {
    throw new RangeError('length');
  }
  const bytes = Buffer.allocUnsafe(requestHeaderBytes);
  bytes.writeUInt32BE(requestMagic, 0);
  bytes.writeUInt16BE(0, 4);
  bytes.writeUInt16BE(type, 6);
  bytes.writeUInt32BE(0, 8);
  bytes.writeUInt32BE(cookie, 12);
  bytes.writeUInt32BE(Math.floor(offset / 2 ** 32), 16);
  bytes.writeUInt32BE(offset % 2 ** 32, 20);
  bytes.writeUInt32BE(length, 24);
  return bytes;
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > maxStringBytes) {
    throw optionError(`a name is longer than ${maxStringBytes} bytes`, {
      lengthBytes: bytes.length,
    });
  }
  return bytes;
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
