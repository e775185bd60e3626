/** A point's file: its manifest, sealed like a block of its own kind (FORMAT.md, "Point"). */
import { AppError } from '#contract/errors.ts';
import { decodeBlock, encodeBlock } from './block-codec.ts';
import { blockId, blockKind, formatVersion, idBytes, PayloadDamage } from './crypto.ts';
import type { StoreKeys } from './crypto.ts';
import { decodeManifest, isFileName, maxManifestBytes, type PointManifest } from './manifest.ts';
import { refuse } from './manifest-checks.ts';

const magic = Buffer.from('WAYMKPT', 'latin1');
const headBytes = magic.length + 1 + idBytes;
export const maxManifestFileBytes = maxManifestBytes + 1024;

/** Where a point's file is. Throws invalid-input for names that could leave their folder. */
export function pointName(machineUuid: string, pointId: string): string {
  if (isFileName(machineUuid) && isFileName(pointId)) return `points/${machineUuid}/${pointId}`;
  throw new AppError('invalid-input', 'This is not the name of a restore point.', {});
}

export function encodeManifestFile(keys: StoreKeys, plaintext: Buffer): Buffer {
  const id = blockId(keys, blockKind.manifest, plaintext);
  const payload = encodeBlock(keys, blockKind.manifest, id, plaintext);
  return Buffer.concat([magic, Buffer.from([formatVersion]), id, payload]);
}

/** Throws manifest-damaged, repository-too-new or manifest-refused. */
export function decodeManifestFile(
  keys: StoreKeys,
  bytes: Buffer,
  name: { readonly id: string; readonly machineUuid: string },
): PointManifest {
  const where = { point: name.id, machine: name.machineUuid };
  if (bytes.length < headBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    throw manifestDamaged(where, 'it is cut short or is not one');
  }
  const version = bytes[magic.length] ?? 0;
  if (version > formatVersion) {
    throw new AppError('repository-too-new', 'A newer Waymark wrote this restore point.', {
      ...where,
      format: version,
      unharmed: 'Nothing was changed.',
      advice: 'Use the newer version of Waymark.',
    });
  }
  if (version !== formatVersion) throw manifestDamaged(where, 'its version is unknown');
  const id = bytes.subarray(magic.length + 1, headBytes);
  let plaintext: Uint8Array;
  try {
    const payload = bytes.subarray(headBytes);
    plaintext = decodeBlock(keys, blockKind.manifest, id, payload, maxManifestBytes);
  } catch (thrown) {
    if (!(thrown instanceof PayloadDamage)) throw thrown;
    throw manifestDamaged(where, thrown.message);
  }
  const manifest = decodeManifest(plaintext);
  if (manifest.id !== name.id || manifest.machine.uuid !== name.machineUuid) {
    refuse('it is not the one its name says');
  }
  return manifest;
}

function manifestDamaged(where: { point: string; machine: string }, why: string): AppError {
  return new AppError('manifest-damaged', `A restore point cannot be read: ${why}.`, {
    ...where,
    why,
    unharmed: 'Every other restore point can still be used.',
    advice: 'Bring the file back from a copy of the repository, or remove this restore point.',
  });
}
