/**
 * Block ids and authenticated encryption (FORMAT.md, "Ids and keys" and "Payload"). Only primitives
 * that Node's OpenSSL and Electron's BoringSSL both have; self-test.ts proves them before use.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import { freeOutput } from './free-now.ts';

export const formatVersion = 1;
export const idBytes = 32;
export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;

/** What a stored thing is. Part of its id, so a disk's content cannot pass for a tree node. */
export const blockKind = { data: 1, node: 2, manifest: 3, marker: 4 } as const;
export type BlockKind = (typeof blockKind)[keyof typeof blockKind];

export const encoding = { raw: 0, zstd: 1 } as const;
export type Encoding = (typeof encoding)[keyof typeof encoding];

/** The keys of one repository; `sealed` false means plain SHA-256 ids and no encryption. */
export type StoreKeys =
  | { readonly sealed: false }
  | {
      readonly sealed: true;
      readonly idKey: KeyObject;
      readonly blockKey: KeyObject;
      readonly trailerKey: KeyObject;
      readonly headerKey: KeyObject;
    };

export function deriveKeys(masterKey: Buffer | null, repositoryId: string): StoreKeys {
  if (masterKey === null) return { sealed: false };
  const derive = (purpose: string) =>
    createSecretKey(
      Buffer.from(hkdfSync('sha256', masterKey, repositoryId, `waymark 1 ${purpose}`, keyBytes)),
    );
  return {
    sealed: true,
    idKey: derive('block id'),
    blockKey: derive('block key'),
    trailerKey: derive('pack trailer'),
    headerKey: derive('header'),
  };
}

const kindByte: Readonly<Record<BlockKind, Buffer>> = {
  1: Buffer.from([1]),
  2: Buffer.from([2]),
  3: Buffer.from([3]),
  4: Buffer.from([4]),
};

/** HMAC-SHA-256(idKey, kind ‖ plaintext), or SHA-256(kind ‖ plaintext) without encryption. */
export function blockId(keys: StoreKeys, kind: BlockKind, plaintext: Uint8Array): Buffer {
  const hash = keys.sealed ? createHmac('sha256', keys.idKey) : createHash('sha256');
  return hash.update(kindByte[kind]).update(plaintext).digest();
}

/** Authenticates bytes that are not secret: trailers and the header. */
export function authenticate(
  keys: StoreKeys,
  purpose: 'trailerKey' | 'headerKey',
  ...parts: readonly Uint8Array[]
): Buffer {
  const hash = keys.sealed ? createHmac('sha256', keys[purpose]) : createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function additionalData(id: Uint8Array, kind: BlockKind, how: Encoding): Buffer {
  const data = Buffer.allocUnsafe(idBytes + 3);
  data.set(id, 0);
  data[idBytes] = kind;
  data[idBytes + 1] = formatVersion;
  data[idBytes + 2] = how;
  return data;
}

let nonces = Buffer.alloc(0);
/** Random bytes got in one call. */
const noncesAtOnce = 256;

/** Fresh random bytes, each used once. */
function nextNonce(): Buffer {
  if (nonces.length === 0) nonces = randomBytes(nonceBytes * noncesAtOnce);
  const nonce = nonces.subarray(0, nonceBytes);
  nonces = nonces.subarray(nonceBytes);
  return nonce;
}

/** A key object: Node takes four times as long to begin with the same key as bytes. */
function keyOfBlock(blockKey: KeyObject, id: Uint8Array): KeyObject {
  return createSecretKey(createHmac('sha256', blockKey).update(id).digest());
}

export function sealedOverheadBytes(keys: StoreKeys): number {
  return keys.sealed ? 1 + nonceBytes + tagBytes : 1;
}

/** One payload as stored; see FORMAT.md. Writes it into `into` at `at` and returns its length. */
export function sealInto(
  keys: StoreKeys,
  block: { id: Uint8Array; kind: BlockKind; how: Encoding; bytes: Uint8Array },
  into: Uint8Array,
  at: number,
): number {
  into[at] = block.how;
  if (!keys.sealed) {
    into.set(block.bytes, at + 1);
    return 1 + block.bytes.length;
  }
  const nonce = nextNonce();
  const key = keyOfBlock(keys.blockKey, block.id);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData(block.id, block.kind, block.how));
  into.set(nonce, at + 1);
  const sealed = cipher.update(block.bytes);
  into.set(sealed, at + 1 + nonceBytes);
  freeOutput(sealed);
  cipher.final();
  into.set(cipher.getAuthTag(), at + 1 + nonceBytes + block.bytes.length);
  return 1 + nonceBytes + block.bytes.length + tagBytes;
}

/** Why a payload cannot be what its id says. Plain words, for the report. */
export class PayloadDamage extends Error {
  override readonly name = 'PayloadDamage';
}

/** The bytes inside a payload, still compressed. Throws PayloadDamage. */
export function openSealed(
  keys: StoreKeys,
  id: Uint8Array,
  kind: BlockKind,
  payload: Uint8Array,
): { how: Encoding; bytes: Uint8Array } {
  const how = payload[0];
  if (how !== encoding.raw && how !== encoding.zstd) throw new PayloadDamage('unknown encoding');
  if (!keys.sealed) return { how, bytes: payload.subarray(1) };
  if (payload.length < 1 + nonceBytes + tagBytes) throw new PayloadDamage('too short');
  const key = keyOfBlock(keys.blockKey, id);
  const nonce = payload.subarray(1, 1 + nonceBytes);
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData(id, kind, how));
  cipher.setAuthTag(payload.subarray(payload.length - tagBytes));
  const bytes = cipher.update(payload.subarray(1 + nonceBytes, payload.length - tagBytes));
  try {
    cipher.final();
  } catch {
    throw new PayloadDamage('its seal does not fit');
  }
  return { how, bytes };
}
