/**
 * Scattered changes: whole 64 KiB places all over the disk, filled with bytes that do not compress,
 * so that growth shows what is stored and not how well it packs. The same for the machine (written
 * through its own device, as a guest would) and for the raw file the file-based peers read.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const placeBytes = 64 * 1024;

export interface Change {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** `changedBytes / 64 KiB` places, none twice, in random order; the seed decides all. */
export function scatteredChanges(
  diskBytes: number,
  changedBytes: number,
  seed: string,
): readonly Change[] {
  const count = Math.round(changedBytes / placeBytes);
  const places = Math.floor(diskBytes / placeBytes);
  const random = randomBytes(seed, count * (placeBytes + 64));
  const taken = new Set<number>();
  const changes: Change[] = [];
  for (let at = 0; changes.length < count; at += 6) {
    const place = random.readUIntBE(at, 6) % places;
    if (taken.has(place)) continue;
    taken.add(place);
    const start = random.length - (changes.length + 1) * placeBytes;
    changes.push({ offset: place * placeBytes, bytes: random.subarray(start, start + placeBytes) });
  }
  return changes;
}

function randomBytes(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Writes the changes into a raw image. */
export async function changeFile(path: string, changes: readonly Change[]): Promise<void> {
  const file = await open(path, 'r+');
  for (const { offset, bytes } of changes) await file.write(bytes, 0, bytes.length, offset);
  await file.sync();
  await file.close();
}

/** Puts each change's bytes into a file of `folder`, for QEMU to read; returns HMP commands. */
export async function monitorWrites(
  folder: string,
  device: string,
  changes: readonly Change[],
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const lines: string[] = [];
  for (const [index, { offset, bytes }] of changes.entries()) {
    const path = join(folder, String(index));
    await writeFile(path, bytes, { mode: 0o644 });
    lines.push(`qemu-io -d ${device} "write -s ${path} ${offset} ${bytes.length}"`);
  }
  return lines;
}
