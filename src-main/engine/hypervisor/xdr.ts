/**
 * XDR (RFC 4506) as libvirt uses it: pure, no socket. A codec writes a value and reads it back.
 * Reading trusts nothing: every length is compared with its limit and with the bytes that are
 * really there before anything is allocated.
 */
import { AppError } from '#contract/errors.ts';

/** REMOTE_STRING_MAX of remote_protocol.x, in bytes. */
export const maxStringBytes = 4_194_304;
const unit = 4; // everything in XDR is padded to this many bytes

export interface Codec<T> {
  write(writer: XdrWriter, value: T): void;
  read(reader: XdrReader): T;
}

export function protocolError(what: string): AppError {
  return new AppError(
    'libvirt-protocol',
    `libvirt sent what its protocol does not allow: ${what}.`,
    {
      detail: what,
    },
  );
}

class XdrWriter {
  readonly #parts: Buffer[] = [];

  append(bytes: Buffer): void {
    this.#parts.push(bytes);
    const rest = bytes.length % unit;
    if (rest !== 0) this.#parts.push(Buffer.alloc(unit - rest));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** A view of the next `length` bytes; padding after them is skipped. */
  take(length: number): Buffer {
    const padded = length + ((unit - (length % unit)) % unit);
    if (padded > this.remaining) throw protocolError('a message ends too early');
    const taken = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += padded;
    return taken;
  }

  finish(): void {
    if (this.remaining !== 0) throw protocolError('a message is longer than its content');
  }
}

export const int: Codec<number> = {
  write: (writer, value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    writer.append(bytes);
  },
  read: (reader) => reader.take(4).readInt32BE(),
};

export const uint: Codec<number> = {
  write: (writer, value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    writer.append(bytes);
  },
  read: (reader) => reader.take(4).readUInt32BE(),
};

/** libvirt's flags of one bit come as an int. */
export const flag: Codec<boolean> = {
  write: (writer, value) => {
    int.write(writer, value ? 1 : 0);
  },
  read: (reader) => int.read(reader) !== 0,
};

/** 64 bits. Values no number can hold are held to the nearest safe one: none is a real size. */
function hyperCodec(signed: boolean): Codec<number> {
  return {
    write: (writer, value) => {
      if (!Number.isSafeInteger(value)) {
        throw new AppError('invalid-input', 'A number is too large for libvirt.', {});
      }
      const bytes = Buffer.alloc(8);
      if (signed) bytes.writeBigInt64BE(BigInt(value));
      else bytes.writeBigUInt64BE(BigInt(value));
      writer.append(bytes);
    },
    read: (reader) => {
      const bytes = reader.take(8);
      const value = Number(signed ? bytes.readBigInt64BE() : bytes.readBigUInt64BE());
      return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
    },
  };
}

export const hyper = hyperCodec(true);
export const uhyper = hyperCodec(false);

export const double: Codec<number> = {
  write: (writer, value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    writer.append(bytes);
  },
  read: (reader) => reader.take(8).readDoubleBE(),
};

export const string: Codec<string> = {
  write: (writer, value) => {
    const bytes = Buffer.from(value);
    if (bytes.length > maxStringBytes) {
      throw new AppError('invalid-input', 'A text is too long for libvirt.', {
        maxBytes: maxStringBytes,
      });
    }
    uint.write(writer, bytes.length);
    writer.append(bytes);
  },
  read: (reader) => {
    const length = uint.read(reader);
    if (length > maxStringBytes) throw protocolError('a text is longer than its limit');
    return reader.take(length).toString();
  },
};

/** Bytes whose number both sides know. */
export function fixed(length: number): Codec<Buffer> {
  return {
    write: (writer, value) => {
      if (value.length !== length) throw new RangeError(`expected ${length} bytes`);
      writer.append(value);
    },
    read: (reader) => Buffer.from(reader.take(length)),
  };
}

export function optional<T>(codec: Codec<T>): Codec<T | null> {
  return {
    write: (writer, value) => {
      flag.write(writer, value !== null);
      if (value !== null) codec.write(writer, value);
    },
    read: (reader) => (flag.read(reader) ? codec.read(reader) : null),
  };
}

/** A counted list. No element is smaller than four bytes, so the bytes left bound the count too. */
export function list<T>(codec: Codec<T>, maxCount: number): Codec<readonly T[]> {
  return {
    write: (writer, values) => {
      if (values.length > maxCount) {
        throw new AppError('invalid-input', 'A list is too long for libvirt.', { maxCount });
      }
      uint.write(writer, values.length);
      for (const value of values) codec.write(writer, value);
    },
    read: (reader) => {
      const count = uint.read(reader);
      if (count > maxCount) throw protocolError('a list is longer than its limit');
      if (count * unit > reader.remaining) throw protocolError('a list is longer than its message');
      return Array.from({ length: count }, () => codec.read(reader));
    },
  };
}

type Shape = Readonly<Record<string, Codec<never>>>;
type Fields<S> = { readonly [K in keyof S]: S[K] extends Codec<infer T> ? T : never };

/** Fields one after the other, in the order they are written here. */
export function struct<S extends { readonly [K in keyof S]: Codec<never> | Codec<unknown> }>(
  fields: S,
): Codec<Fields<S>> {
  const entries = Object.entries(fields as unknown as Shape) as [string, Codec<unknown>][];
  return {
    write: (writer, value) => {
      const record = value as Readonly<Record<string, unknown>>;
      for (const [name, codec] of entries) codec.write(writer, record[name]);
    },
    read: (reader) =>
      Object.fromEntries(entries.map(([name, codec]) => [name, codec.read(reader)])) as Fields<S>,
  };
}

/** No bytes at all. */
export const nothing: Codec<null> = { write: () => undefined, read: () => null };

export function encodeXdr<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new XdrWriter();
  codec.write(writer, value);
  return writer.finish();
}

/** @throws `libvirt-protocol` when the bytes are not exactly one value. */
export function decodeXdr<T>(codec: Codec<T>, bytes: Buffer): T {
  const reader = new XdrReader(bytes);
  const value = codec.read(reader);
  reader.finish();
  return value;
}
