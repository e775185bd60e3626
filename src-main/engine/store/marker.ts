/**
 * Markers: small files that say something of a restore point beside its manifest, which never
 * changes (FORMAT.md, "Pins and removals"). `pins` keeps rules away from it, `removed` hides it
 * until a clean-up. Sealed like a manifest, for they hold the names of machines and plans.
 *
 * A marker that cannot be read errs on the side of keeping: as a pin it pins, as a removal it
 * removes nothing.
 */
import { AppError } from '#contract/errors.ts';
import { decodeBlock, encodeBlock } from './block-codec.ts';
import { blockId, blockKind, formatVersion, idBytes, PayloadDamage } from './crypto.ts';
import type { StoreKeys } from './crypto.ts';
import { isFileName } from './manifest.ts';
import type { PointName } from './repository.ts';

export const markerKinds = ['pins', 'removed'] as const;
/** Also the name of the folder it is in. */
export type MarkerKind = (typeof markerKinds)[number];

export interface Marker {
  readonly point: PointName;
  readonly machineName: string;
  /** Time of the restore point, UTC epoch milliseconds. */
  readonly time: number;
  /** When the marker was made, UTC epoch milliseconds. */
  readonly at: number;
  /** In words: "Plan Nightly", "A person". */
  readonly by: string;
}

const magic = Buffer.from('WAYMKMK', 'latin1');
const headBytes = magic.length + 1 + idBytes;
const maxPlainBytes = 4096;
export const maxMarkerBytes = 8192;
const maxTextLength = 256;
const maxTimeMs = 8.64e15; // the last moment a Date can hold

/** Where a marker's file is. Throws invalid-input for names that could leave their folder. */
export function markerName(kind: MarkerKind, { machineUuid, id }: PointName): string {
  if (isFileName(machineUuid) && isFileName(id)) return `${kind}/${machineUuid}/${id}`;
  throw new AppError('invalid-input', 'This is not the name of a restore point.', {});
}

export function encodeMarker(keys: StoreKeys, kind: MarkerKind, marker: Marker): Buffer {
  const { point, machineName, time, at, by } = marker;
  const value = {
    what: kind,
    format: formatVersion,
    point: point.id,
    machine: { uuid: point.machineUuid, name: cut(machineName) },
    time,
    at,
    by: cut(by),
  };
  const plaintext = Buffer.from(JSON.stringify(value));
  const id = blockId(keys, blockKind.marker, plaintext);
  const payload = encodeBlock(keys, blockKind.marker, id, plaintext);
  return Buffer.concat([magic, Buffer.from([formatVersion]), id, payload]);
}

/** The marker in the bytes; null for anything that is not this marker of this point. */
export function decodeMarker(
  keys: StoreKeys,
  kind: MarkerKind,
  name: PointName,
  bytes: Buffer,
): Marker | null {
  const isMarker = bytes.length > headBytes && bytes.subarray(0, magic.length).equals(magic);
  if (!isMarker || bytes[magic.length] !== formatVersion) return null;
  const id = bytes.subarray(magic.length + 1, headBytes);
  let value: unknown;
  try {
    const payload = bytes.subarray(headBytes);
    const plaintext = decodeBlock(keys, blockKind.marker, id, payload, maxPlainBytes);
    value = JSON.parse(Buffer.from(plaintext).toString('utf8'));
  } catch (thrown) {
    if (thrown instanceof PayloadDamage || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
  return checkMarker(value, kind, name);
}

function checkMarker(value: unknown, kind: MarkerKind, name: PointName): Marker | null {
  const { what, format, point, machine, time, at, by } = fieldsOf(value);
  const { uuid, name: machineName } = fieldsOf(machine);
  const isOurs = what === kind && format === formatVersion;
  if (!isOurs || point !== name.id || uuid !== name.machineUuid) return null;
  if (!isText(machineName) || !isText(by) || !isTime(time) || !isTime(at)) return null;
  return { point: name, machineName, time, at, by };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTextLength && !value.includes('\0');
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= maxTimeMs;
}

function cut(text: string): string {
  return text.replaceAll('\0', '').slice(0, maxTextLength);
}
