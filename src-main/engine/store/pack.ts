/**
 * Packs: payloads one after another, then a trailer that lists them (FORMAT.md, "Pack"). Pure
 * encoding and bounds-checked decoding; pack-writer.ts and pack-reader.ts touch the storage.
 */
import { authenticate, idBytes, sameBytes, type BlockKind, type StoreKeys } from './crypto.ts';

const packMagic = Buffer.from('WAYMKPK1', 'latin1');
const packEndMagic = Buffer.from('WAYMKEND', 'latin1');
export const packIdBytes = 16;
export const packHeaderBytes = packMagic.length + packIdBytes;
export const targetPackBytes = 32 * 1024 * 1024;
/** No pack is larger: the target, one batch beyond it, and the largest trailer. */
export const maxPackBytes = 64 * 1024 * 1024;
/** A pack of tiny blocks ends here, so that one trailer stays quick to read and to index. */
export const maxPackEntries = 16_384;
export const entryBytes = idBytes + 1 + 4 + 4;
const checkBytes = 32;
/** Entry count, trailer check, end magic. */
export const footerBytes = 4 + checkBytes + packEndMagic.length;

export interface PackEntry {
  readonly id: Buffer;
  readonly kind: BlockKind;
  readonly offset: number;
  readonly length: number;
}

export function packName(packId: string): string {
  return `packs/${packId.slice(0, 2)}/${packId}`;
}

export function isPackId(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

export function encodePackHeader(packId: string): Buffer {
  return Buffer.concat([packMagic, Buffer.from(packId, 'hex')]);
}

/** Entries and footer: everything after the last payload. */
export function encodeTrailer(
  keys: StoreKeys,
  packId: string,
  entries: readonly PackEntry[],
): Buffer {
  const trailer = Buffer.allocUnsafe(entries.length * entryBytes + footerBytes);
  let at = 0;
  for (const { id, kind, offset, length } of entries) {
    trailer.set(id, at);
    trailer[at + idBytes] = kind;
    trailer.writeUInt32LE(offset, at + idBytes + 1);
    trailer.writeUInt32LE(length, at + idBytes + 5);
    at += entryBytes;
  }
  trailer.writeUInt32LE(entries.length, at);
  const check = authenticate(keys, 'trailerKey', Buffer.from(packId), trailer.subarray(0, at + 4));
  trailer.set(check, at + 4);
  trailer.set(packEndMagic, at + 4 + checkBytes);
  return trailer;
}

/** Entry count a footer promises, or why it cannot be one. */
export function decodeFooter(footer: Buffer, packBytes: number): number | { why: string } {
  if (footer.length !== footerBytes) return { why: 'it is too short' };
  if (!footer.subarray(4 + checkBytes).equals(packEndMagic)) return { why: 'its end is missing' };
  const count = footer.readUInt32LE(0);
  const fits = packHeaderBytes + count * entryBytes + footerBytes <= packBytes;
  if (count > maxPackEntries || !fits) return { why: 'its list is longer than the pack' };
  return count;
}

/** The entries of a whole trailer (list and footer), or why it is damaged. */
export function decodeTrailer(
  keys: StoreKeys,
  packId: string,
  trailer: Buffer,
  packBytes: number,
): readonly PackEntry[] | { why: string } {
  const count = decodeFooter(trailer.subarray(trailer.length - footerBytes), packBytes);
  if (typeof count !== 'number') return count;
  const listBytes = count * entryBytes;
  if (trailer.length !== listBytes + footerBytes) return { why: 'its list has another length' };
  const check = authenticate(
    keys,
    'trailerKey',
    Buffer.from(packId),
    trailer.subarray(0, listBytes + 4),
  );
  if (!sameBytes(check, trailer.subarray(listBytes + 4, listBytes + 4 + checkBytes))) {
    return { why: 'its list does not fit its check' };
  }
  const dataEnd = packBytes - trailer.length;
  const entries: PackEntry[] = [];
  for (let at = 0; at < listBytes; at += entryBytes) {
    const kind = trailer[at + idBytes];
    const offset = trailer.readUInt32LE(at + idBytes + 1);
    const length = trailer.readUInt32LE(at + idBytes + 5);
    if (kind !== 1 && kind !== 2) return { why: 'it lists an unknown kind of block' };
    if (offset < packHeaderBytes || length === 0 || offset + length > dataEnd) {
      return { why: 'it lists a block outside itself' };
    }
    entries.push({ id: trailer.subarray(at, at + idBytes), kind, offset, length });
  }
  return entries;
}
