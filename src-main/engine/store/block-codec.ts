/** Plaintext to payload and back: zstd, then the seal of crypto.ts. Runs in workers and on main. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  blockId,
  encoding,
  openSealed,
  PayloadDamage,
  sameBytes,
  sealedOverheadBytes,
  sealInto,
  type BlockKind,
  type StoreKeys,
} from './crypto.ts';
import { freeOutput } from './free-now.ts';

export const defaultCompressionLevel = 2;
/** Room beyond the input so that zlib never needs a second output chunk. */
const compressMarginBytes = 1024;

/** The most a payload of `plainBytes` can take: stored raw. */
export function maxPayloadBytes(keys: StoreKeys, plainBytes: number): number {
  return plainBytes + sealedOverheadBytes(keys);
}

/** Compresses if that shrinks it, seals, writes it into `into` at `at`; returns its length. */
export function encodeInto(
  keys: StoreKeys,
  kind: BlockKind,
  block: { id: Uint8Array; plaintext: Uint8Array; level: number },
  into: Uint8Array,
  at: number,
): number {
  const { id, plaintext } = block;
  const packed = zstdCompressSync(plaintext, {
    chunkSize: plaintext.length + compressMarginBytes,
    params: { [constants.ZSTD_c_compressionLevel]: block.level },
  });
  const length =
    packed.length < plaintext.length
      ? sealInto(keys, { id, kind, how: encoding.zstd, bytes: packed }, into, at)
      : sealInto(keys, { id, kind, how: encoding.raw, bytes: plaintext }, into, at);
  freeOutput(packed);
  return length;
}

export function encodeBlock(
  keys: StoreKeys,
  kind: BlockKind,
  id: Uint8Array,
  plaintext: Uint8Array,
): Buffer {
  const into = Buffer.allocUnsafe(maxPayloadBytes(keys, plaintext.length));
  const level = defaultCompressionLevel;
  return into.subarray(0, encodeInto(keys, kind, { id, plaintext, level }, into, 0));
}

/**
 * The plaintext of a payload, proven to be what `id` names. Never makes more than `maxPlainBytes`.
 * Throws PayloadDamage.
 */
export function decodeBlock(
  keys: StoreKeys,
  kind: BlockKind,
  id: Uint8Array,
  payload: Uint8Array,
  maxPlainBytes: number,
): Uint8Array {
  const plaintext = openBlock(keys, kind, id, payload, maxPlainBytes);
  if (!sameBytes(blockId(keys, kind, plaintext), id)) {
    throw new PayloadDamage('its content is not what its id says');
  }
  return plaintext;
}

/**
 * The same, proven by the seal alone: somebody with the key sealed this for that id. For bytes
 * whose id is computed later anyway; without encryption there is no seal and nothing is proven.
 */
export function openBlock(
  keys: StoreKeys,
  kind: BlockKind,
  id: Uint8Array,
  payload: Uint8Array,
  maxPlainBytes: number,
): Uint8Array {
  const { how, bytes } = openSealed(keys, id, kind, payload);
  const plaintext = how === encoding.raw ? bytes : decompress(bytes, maxPlainBytes);
  if (keys.sealed && plaintext !== bytes) freeOutput(bytes);
  if (plaintext.length > maxPlainBytes) throw new PayloadDamage('it is larger than its block');
  return plaintext;
}

function decompress(bytes: Uint8Array, maxPlainBytes: number): Uint8Array {
  try {
    return zstdDecompressSync(bytes, {
      chunkSize: Math.max(maxPlainBytes + 1, constants.Z_MIN_CHUNK),
      maxOutputLength: maxPlainBytes,
    });
  } catch {
    throw new PayloadDamage('it cannot be decompressed');
  }
}
