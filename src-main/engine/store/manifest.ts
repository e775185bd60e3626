/**
 * A point's manifest: what one restore point is, as a value. `decodeManifest` treats its input as
 * hostile: every field is checked against a bound, names may not look like paths, and nothing it
 * does not know gets through. Encrypting and authenticating the bytes is manifest-file.ts's work.
 */
import { AppError } from '#contract/errors.ts';
import {
  bounded,
  list,
  optional,
  refuse,
  record,
  text,
  wholeNumber,
  type Fields,
} from './manifest-checks.ts';
import type { TreeRoot } from './repository.ts';

export const manifestFormat = 1;
export const maxManifestBytes = 16 * 1024 * 1024;
export const maxDiskBytes = 64 * 1024 ** 4;
export const maxDisks = 256;
const maxNameLength = 256;
const maxTextLength = 4096;
const maxSeconds = 10 * 365 * 24 * 3600;
const maxTimeMs = 8.64e15; // the last moment a Date can hold
const maxBytes = Number.MAX_SAFE_INTEGER;

export type ManifestPart =
  | { readonly kind: 'included'; readonly root: TreeRoot; readonly fileName: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'not-included'; readonly reason: string };

export interface ManifestDisk {
  readonly target: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly root: TreeRoot;
  readonly mode: 'changed-only' | 're-read';
  readonly reason?: 'first' | 'reference-lost' | 'resized' | 'asked' | 'not-trackable';
  readonly readBytes: number;
  readonly storedBytes: number;
  /** Where the image was, for a person to read; never opened. */
  readonly source: string | null;
}

export interface SkippedManifestDisk {
  readonly target: string;
  readonly reason: string;
}

export interface PointManifest {
  readonly format: 1;
  readonly id: string;
  /** UTC epoch milliseconds of the moment the disks show. */
  readonly time: number;
  readonly seconds: number;
  readonly machine: { readonly uuid: string; readonly name: string };
  readonly host: { readonly name: string; readonly uri: string };
  readonly installation: string;
  /** The domain XML, kept as a blob. */
  readonly definition: TreeRoot | null;
  readonly firmware: ManifestPart;
  readonly tpm: ManifestPart;
  readonly disks: readonly ManifestDisk[];
  readonly skipped: readonly SkippedManifestDisk[];
  readonly consistency: {
    readonly kind: 'crash' | 'filesystem' | 'clean' | 'unknown';
    readonly why: string;
  };
  readonly checkpoint: string | null;
  readonly readBytes: number;
  readonly storedBytes: number;
}

const modes = ['changed-only', 're-read'] as const;
const reasons = ['first', 'reference-lost', 'resized', 'asked', 'not-trackable'] as const;
const consistencies = ['crash', 'filesystem', 'clean', 'unknown'] as const;

/** The manifest as bytes. Throws manifest-refused for one that `decodeManifest` would refuse. */
export function encodeManifest(manifest: PointManifest): Buffer {
  const bytes = Buffer.from(JSON.stringify(checkManifest(manifest)));
  if (bytes.length > maxManifestBytes) refuse('it is larger than 16 MiB');
  return bytes;
}

/**
 * The value in the bytes. Throws `manifest-damaged` when they are not JSON, `repository-too-new`
 * for a newer format, `manifest-refused` when a field is missing, unknown or out of bounds.
 */
export function decodeManifest(bytes: Uint8Array): PointManifest {
  if (bytes.length > maxManifestBytes) refuse('it is larger than 16 MiB');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw new AppError('manifest-damaged', 'A restore point could not be read.', {}, thrown);
  }
  return checkManifest(value);
}

/** The same value, rebuilt from checked fields only. */
function checkManifest(value: unknown): PointManifest {
  const from = record(value, 'manifest');
  checkFormat(from);
  const machine = record(from['machine'], 'machine');
  const host = record(from['host'], 'host');
  const consistency = record(from['consistency'], 'consistency');
  const disks = list(from['disks'], 'disks', maxDisks).map(checkDisk);
  if (new Set(disks.map(({ target }) => target)).size !== disks.length) {
    refuse('two disks have the same target');
  }
  return {
    format: manifestFormat,
    id: fileName(from, 'id'),
    time: wholeNumber(from, 'time', maxTimeMs),
    seconds: bounded(from, 'seconds', maxSeconds),
    machine: { uuid: fileName(machine, 'uuid'), name: text(machine, 'name', maxNameLength) },
    host: { name: text(host, 'name', maxNameLength), uri: text(host, 'uri', maxTextLength) },
    installation: text(from, 'installation', maxNameLength),
    definition: from['definition'] === null ? null : checkRoot(from['definition'], 'definition'),
    firmware: checkPart(from['firmware'], 'firmware'),
    tpm: checkPart(from['tpm'], 'tpm'),
    disks,
    skipped: list(from['skipped'], 'skipped', maxDisks).map((entry) => {
      const skipped = record(entry, 'skipped');
      return {
        target: text(skipped, 'target', maxNameLength),
        reason: text(skipped, 'reason', maxTextLength),
      };
    }),
    consistency: {
      kind: choice(consistency, 'kind', consistencies),
      why: text(consistency, 'why', maxTextLength),
    },
    checkpoint: optional(from['checkpoint'], () => text(from, 'checkpoint', maxNameLength)),
    readBytes: wholeNumber(from, 'readBytes', maxBytes),
    storedBytes: wholeNumber(from, 'storedBytes', maxBytes),
  };
}

function checkFormat(from: Fields): void {
  const format = wholeNumber(from, 'format', Number.MAX_SAFE_INTEGER);
  if (format > manifestFormat) {
    throw new AppError('repository-too-new', 'A newer Waymark wrote this restore point.', {
      format,
      supported: manifestFormat,
      unharmed: 'Nothing was changed.',
      advice: 'Use the newer version of Waymark.',
    });
  }
  if (format !== manifestFormat) refuse('its format is unknown');
}

function checkDisk(value: unknown): ManifestDisk {
  const disk = record(value, 'disk');
  const root = checkRoot(disk['root'], 'disk.root');
  const sizeBytes = wholeNumber(disk, 'sizeBytes', maxDiskBytes);
  if (root.sizeBytes !== sizeBytes) refuse('a disk and its content differ in size');
  return {
    target: fileName(disk, 'target'),
    format: fileName(disk, 'format'),
    sizeBytes,
    root,
    mode: choice(disk, 'mode', modes),
    ...(disk['reason'] === undefined ? {} : { reason: choice(disk, 'reason', reasons) }),
    readBytes: wholeNumber(disk, 'readBytes', maxBytes),
    storedBytes: wholeNumber(disk, 'storedBytes', maxBytes),
    source: optional(disk['source'], () => text(disk, 'source', maxTextLength)),
  };
}

function checkPart(value: unknown, name: string): ManifestPart {
  const part = record(value, name);
  switch (choice(part, 'kind', ['included', 'none', 'not-included'] as const)) {
    case 'included':
      return {
        kind: 'included',
        root: checkRoot(part['root'], name),
        fileName: fileName(part, 'fileName'),
      };
    case 'none':
      return { kind: 'none' };
    case 'not-included':
      return { kind: 'not-included', reason: text(part, 'reason', maxTextLength) };
  }
}

function checkRoot(value: unknown, name: string): TreeRoot {
  const root = record(value, name);
  const id = text(root, 'id', 64);
  if (id !== '' && !/^[0-9a-f]{64}$/.test(id)) refuse(`${name}.id is not a block id`);
  return { id, sizeBytes: wholeNumber(root, 'sizeBytes', maxDiskBytes) };
}

/** A name that may become a file's: no slash, no control character, not "." or "..". */
function fileName(from: Fields, field: string): string {
  const name = text(from, field, maxNameLength);
  if (!isFileName(name)) refuse(`${field} is not a plain name`);
  return name;
}

export function isFileName(name: string): boolean {
  if (name === '' || name.startsWith('.') || name.length > maxNameLength) return false;
  return !/[\p{Cc}/\\]/u.test(name);
}

function choice<T extends string>(from: Fields, field: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === from[field]);
  return found ?? refuse(`${field} is not one of ${allowed.join(', ')}`);
}
