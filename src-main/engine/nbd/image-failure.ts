/**
 * Why a QEMU tool would not open an image. The tools say so only in words, and words are not data:
 * so the reasons are looked for one by one (is it there, may we read it, is it locked, is it of
 * that format), and the tool's words go along for a person to read.
 */
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';

export interface FailedImage {
  readonly path: string;
  /** The format it was opened as; absent when QEMU was to find out. */
  readonly format?: string;
  readonly writing?: boolean;
}

const maxWords = 500;
const qcow2Magic = Buffer.from([0x51, 0x46, 0x49, 0xfb]);
const maxLocksBytes = 4 * 1024 * 1024;

/** The AppError for an image a tool refused; `words` is what it printed. */
export async function explainFailure(
  world: World,
  image: FailedImage,
  words: string,
): Promise<AppError> {
  const { path } = image;
  const said = words.trim().slice(-maxWords);
  const data = { path, said };
  const stat = await world.files.stat(path);
  if (stat === null) {
    return new AppError('image-missing', `There is no image at ${path}.`, {
      ...data,
      advice: 'Check that its disk or share is mounted and that the image was not moved.',
    });
  }
  const readable = await world.files.may(path, 'read');
  if (!readable || (image.writing === true && !(await world.files.may(path, 'write')))) {
    return new AppError('permission-denied', `This user may not open the image ${path}.`, data);
  }
  if (await isLocked(world, path)) {
    return new AppError('machine-busy', `Another program has the image ${path} open.`, {
      ...data,
      advice: 'Most likely a machine is running from it. Stop that, then try again.',
    });
  }
  if (image.format === 'qcow2' && !(await beginsWith(world, path, qcow2Magic))) {
    return new AppError('invalid-input', `${path} is not an image of the format qcow2.`, data);
  }
  const reason = said === '' ? 'it did not say why' : said;
  return new AppError('invalid-input', `QEMU cannot open the image ${path}: ${reason}`, data);
}

/**
 * Whether some process holds one of QEMU's locks (open file description locks) on the file. The
 * link at the end of a path is followed, as QEMU does.
 */
export async function isLocked(world: World, path: string): Promise<boolean> {
  const stat = await world.files.stat(await world.files.realPath(path));
  if (stat === null) return false;
  const locks = await world.files.read('/proc/locks', maxLocksBytes);
  const name = lockName(stat.device, stat.inode);
  return locks
    .toString()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some((fields) => fields[1] === 'OFDLCK' && fields.includes(name));
}

/** A file as /proc/locks names it: major:minor in hexadecimal, then the inode (fs/locks.c). */
export function lockName(device: number, inode: number): string {
  const major = Math.floor(device / 2 ** 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)}:${inode}`;
}

async function beginsWith(world: World, path: string, magic: Buffer): Promise<boolean> {
  const file = await world.files.open(path, 'read');
  try {
    const start = Buffer.alloc(magic.length);
    await file.read(start, 0);
    return start.equals(magic);
  } finally {
    await file.close();
  }
}
