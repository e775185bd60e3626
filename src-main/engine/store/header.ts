/** `waymark.json`: what makes a folder a repository, and its parameters, authenticated. */
import { AppError, hasCode } from '#contract/errors.ts';
import { authenticate, formatVersion, sameBytes, type StoreKeys } from './crypto.ts';
import { headerName, maxHeaderBytes, unavailable } from './folder-storage.ts';
import type { Inspection } from './repository.ts';
import type { Storage } from './storage.ts';

export const minBlockBytes = 4 * 1024;
export const maxBlockBytes = 4 * 1024 * 1024;
export const defaultBlockBytes = 64 * 1024;
const magic = 'waymark repository';

export interface Header extends Inspection {
  /** UTC epoch milliseconds. */
  readonly createdAt: number;
}

export function isBlockSize(bytes: number): boolean {
  const powerOfTwo = Number.isSafeInteger(bytes) && Math.log2(bytes) % 1 === 0;
  return powerOfTwo && bytes >= minBlockBytes && bytes <= maxBlockBytes;
}

/** The bytes that are authenticated: every parameter, in this order. */
function canonical(header: Header): Buffer {
  const { formatVersion: format, id, blockSizeBytes, encrypted, createdAt } = header;
  return Buffer.from(JSON.stringify([magic, format, id, blockSizeBytes, encrypted, createdAt]));
}

export function encodeHeader(header: Header, keys: StoreKeys): Buffer {
  const { formatVersion: format, id, blockSizeBytes, encrypted, createdAt } = header;
  const check = authenticate(keys, 'headerKey', canonical(header)).toString('hex');
  const value = { what: magic, format, id, blockSizeBytes, encrypted, createdAt, check };
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

export interface ReadHeader {
  readonly header: Header;
  readonly check: string;
}

/** `not-a-repository`, `repository-too-new` or `repository-damaged` when it cannot be one. */
function decodeHeader(bytes: Buffer, path: string): ReadHeader {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (thrown) {
    throw damaged(path, 'waymark.json is not readable', thrown);
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (fields['what'] !== magic) throw notARepository(path);
  const { format, id, blockSizeBytes, encrypted, createdAt, check } = fields;
  if (typeof format !== 'number') throw damaged(path, 'it names no format');
  if (format > formatVersion) throw tooNew(path, format);
  if (format !== formatVersion) throw damaged(path, 'its format is unknown');
  if (typeof id !== 'string' || !/^[0-9a-f-]{36}$/.test(id)) throw damaged(path, 'it has no id');
  if (typeof blockSizeBytes !== 'number' || !isBlockSize(blockSizeBytes)) {
    throw damaged(path, 'its block size is out of bounds');
  }
  if (typeof encrypted !== 'boolean' || typeof createdAt !== 'number') {
    throw damaged(path, 'parameters are missing');
  }
  if (typeof check !== 'string') throw damaged(path, 'its check is missing');
  return {
    header: { id, formatVersion: format, encrypted, blockSizeBytes, createdAt },
    check,
  };
}

/** Whether the parameters are those the key's owner wrote. */
export function headerFits({ header, check }: ReadHeader, keys: StoreKeys): boolean {
  return sameBytes(
    authenticate(keys, 'headerKey', canonical(header)),
    Buffer.from(check.padEnd(64, '0').slice(0, 64), 'hex'),
  );
}

/** Reads it from storage; a folder without one is `not-a-repository`. */
export async function readHeader(storage: Storage, path: string): Promise<ReadHeader> {
  let bytes: Buffer;
  try {
    bytes = await storage.get(headerName, maxHeaderBytes);
  } catch (thrown) {
    if (!hasCode(thrown, 'path-not-found')) throw thrown;
    throw notARepository(path);
  }
  return decodeHeader(bytes, path);
}

/** Tells a missing folder from one that holds something else. */
export function requireFolder(stat: { readonly kind: string } | null, path: string): void {
  if (stat === null) throw unavailable(path);
  if (stat.kind !== 'folder' && stat.kind !== 'link') throw notARepository(path);
}

export function damaged(path: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'repository-damaged',
    `The repository at ${path} is damaged: ${why}.`,
    { path, why, unharmed: 'Nothing was changed.', advice: 'Restore waymark.json from a copy.' },
    cause,
  );
}

function notARepository(path: string): AppError {
  return new AppError('not-a-repository', `The folder ${path} is not a Waymark repository.`, {
    path,
    unharmed: 'Nothing was changed.',
    advice: 'Choose the folder that holds waymark.json, or create a repository.',
  });
}

function tooNew(path: string, format: number): AppError {
  return new AppError(
    'repository-too-new',
    `The repository at ${path} was made by a newer Waymark (format ${format}).`,
    {
      path,
      format,
      supported: formatVersion,
      unharmed: 'Nothing was changed.',
      advice: 'Use the newer version of Waymark.',
    },
  );
}
