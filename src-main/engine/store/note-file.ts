/** Small sealed JSON files beside the manifests: markers and lists of what is cleaned up. */
import { decodeBlock, encodeBlock } from './block-codec.ts';
import { blockId, blockKind, formatVersion, idBytes, PayloadDamage } from './crypto.ts';
import type { StoreKeys } from './crypto.ts';

const magic = Buffer.from('WAYMKMK', 'latin1');
const headBytes = magic.length + 1 + idBytes;

export function encodeNote(keys: StoreKeys, value: object): Buffer {
  const plaintext = Buffer.from(JSON.stringify({ format: formatVersion, ...value }));
  const id = blockId(keys, blockKind.marker, plaintext);
  const payload = encodeBlock(keys, blockKind.marker, id, plaintext);
  return Buffer.concat([magic, Buffer.from([formatVersion]), id, payload]);
}

/** The fields of the JSON; null for anything that is not such a file of this repository. */
export function decodeNote(
  keys: StoreKeys,
  bytes: Buffer,
  maxPlainBytes: number,
): Readonly<Record<string, unknown>> | null {
  const isNote = bytes.length > headBytes && bytes.subarray(0, magic.length).equals(magic);
  if (!isNote || bytes[magic.length] !== formatVersion) return null;
  const id = bytes.subarray(magic.length + 1, headBytes);
  let fields: Readonly<Record<string, unknown>>;
  try {
    const payload = bytes.subarray(headBytes);
    const plaintext = decodeBlock(keys, blockKind.marker, id, payload, maxPlainBytes);
    fields = fieldsOf(JSON.parse(Buffer.from(plaintext).toString('utf8')));
  } catch (thrown) {
    if (thrown instanceof PayloadDamage || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
  return fields['format'] === formatVersion ? fields : null;
}

/** The fields of a record; none for anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Record<string, unknown>) : {};
}

const maxTimeMs = 8.64e15; // the last moment a Date can hold

/** UTC epoch milliseconds. */
export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= maxTimeMs;
}
