/**
 * A file past the page cache (O_DIRECT, open(2)): what is read comes from the disk, and what is
 * written costs no second copy in memory. Such a file takes whole pages only, at whole pages, from
 * memory that begins at one. Where a file ends within a page, its last bytes are written through
 * the cache; the kernel sends them to the disk before it reads them past the cache.
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { errnoOf } from './file-errors.ts';
import { pageMemory } from './page-memory.ts';

/** Offsets and lengths are multiples of this: enough for every sector size in use. */
export const directBytes = 4096;

/** The handle for whole pages, and the one for the end of the file. */
export interface DirectHandles {
  readonly direct: fs.FileHandle;
  readonly cached: fs.FileHandle;
}

/** File systems without O_DIRECT refuse the flag, or the first read, with one of these. */
const notDirect = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

/** Null where the file system cannot. Throws what Node does. */
export async function openDirectly(path: string): Promise<DirectHandles | null> {
  let direct: fs.FileHandle;
  try {
    direct = await fs.open(path, constants.O_RDWR | constants.O_DIRECT);
  } catch (thrown) {
    if (notDirect.has(errnoOf(thrown))) return null;
    throw thrown;
  }
  try {
    const page = new Uint8Array(pageMemory(directBytes), 0, directBytes);
    await direct.read(page, 0, directBytes, 0);
    return { direct, cached: await fs.open(path, constants.O_RDWR) };
  } catch (thrown) {
    await direct.close();
    if (notDirect.has(errnoOf(thrown))) return null;
    throw thrown;
  }
}

/** Reads up to buffer.length bytes; fewer only at the end of the file. */
export async function readDirectly(
  { direct }: DirectHandles,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  const whole = buffer.length - (buffer.length % directBytes);
  let done = 0;
  while (done < whole) {
    const part = await direct.read(buffer, done, whole - done, position + done);
    done += part.bytesRead;
    if (part.bytesRead === 0 || done % directBytes !== 0) return done; // the file ends here
  }
  if (whole === buffer.length) return done;
  const page = new Uint8Array(pageMemory(directBytes), 0, directBytes);
  const { bytesRead } = await direct.read(page, 0, directBytes, position + whole);
  const rest = page.subarray(0, Math.min(bytesRead, buffer.length - whole));
  buffer.set(rest, whole);
  return whole + rest.length;
}

/** Writes all of `bytes`. */
export async function writeDirectly(
  { direct, cached }: DirectHandles,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  const whole = bytes.length - (bytes.length % directBytes);
  for (let done = 0; done < bytes.length;) {
    const handle = done < whole ? direct : cached;
    const end = done < whole ? whole : bytes.length;
    const part = await handle.write(bytes, done, end - done, position + done);
    done += part.bytesWritten;
  }
}
