/**
 * Markers: small files that say something of a restore point beside its manifest, which never
 * changes (FORMAT.md, "Pins and removals"). `pins` keeps rules away from it, `removed` hides it
 * until a clean-up. Sealed like a manifest, for they hold the names of machines and plans.
 *
 * A marker that cannot be read errs on the side of keeping: as a pin it pins, as a removal it
 * removes nothing.
 */
import { AppError } from '#contract/errors.ts';
import type { StoreKeys } from './crypto.ts';
import { isFileName } from './manifest.ts';
import { decodeNote, encodeNote, fieldsOf, isTime } from './note-file.ts';
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

const maxPlainBytes = 8192;
export const maxMarkerBytes = 16_384;
const maxTextLength = 256;

/** Where a marker's file is. Throws invalid-input for names that could leave their folder. */
export function markerName(kind: MarkerKind, { machineUuid, id }: PointName): string {
  if (isFileName(machineUuid) && isFileName(id)) return `${kind}/${machineUuid}/${id}`;
  throw new AppError('invalid-input', 'This is not the name of a restore point.', {});
}

export function encodeMarker(keys: StoreKeys, kind: MarkerKind, marker: Marker): Buffer {
  const { point, machineName, time, at, by } = marker;
  return encodeNote(keys, {
    what: kind,
    point: point.id,
    machine: { uuid: point.machineUuid, name: cut(machineName) },
    time,
    at,
    by: cut(by),
  });
}

/** The marker in the bytes; null for anything that is not this marker of this point. */
export function decodeMarker(
  keys: StoreKeys,
  kind: MarkerKind,
  name: PointName,
  bytes: Buffer,
): Marker | null {
  const fields = decodeNote(keys, bytes, maxPlainBytes);
  if (fields === null) return null;
  const { what, point, machine, time, at, by } = fields;
  const { uuid, name: machineName } = fieldsOf(machine);
  if (what !== kind || point !== name.id || uuid !== name.machineUuid) return null;
  if (!isText(machineName) || !isText(by) || !isTime(time) || !isTime(at)) return null;
  return { point: name, machineName, time, at, by };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxTextLength && !value.includes('\0');
}

function cut(text: string): string {
  return text.replaceAll('\0', '').slice(0, maxTextLength);
}
