/**
 * Files with the promises the repository and the journal need: durable means on the disk, not in a
 * cache. Every failure is an AppError with the path in its data.
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { openDirectly, readDirectly, writeDirectly, type DirectHandles } from './direct-file.ts';
import { errnoOf, fileError } from './file-errors.ts';

export interface FileStat {
  readonly kind: 'file' | 'folder' | 'link' | 'socket' | 'other';
  readonly sizeBytes: number;
  /** Bytes really taken on the file system. */
  readonly allocatedBytes: number;
  readonly device: number;
  readonly inode: number;
  readonly modifiedMs: number;
  readonly mode: number; // permission bits
  readonly uid: number;
  readonly gid: number;
}

export interface OpenFile {
  readonly path: string;
  /** Reads up to buffer.length bytes at `position`; fewer only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes` at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Data and metadata are on the disk when it resolves. */
  sync(): Promise<void>;
  dataSync(): Promise<void>;
  stat(): Promise<FileStat>;
  close(): Promise<void>;
}

export interface Files {
  /** Whole content; `path-invalid` when larger than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Buffer>;
  /** Temporary name, write, fsync, rename over `path`, fsync of the folder. */
  writeDurable(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Like writeDurable, but never replaces: `path-exists` if there is something. */
  createDurable(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** 'create' fails with `path-exists` if there is something. */
  open(path: string, how: 'read' | 'write' | 'create', mode?: number): Promise<OpenFile>;
  /**
   * A file that is there, for reading and writing past the page cache; null where its file system
   * cannot. Memory comes from `pageMemory`; positions, and lengths but for the last bytes of the
   * file, are multiples of 4096.
   */
  openDirect(path: string): Promise<OpenFile | null>;
  /** Names in a folder, sorted; a missing folder is an error. */
  list(path: string): Promise<readonly string[]>;
  /** Null when there is nothing; does not follow a link at the end. */
  stat(path: string): Promise<FileStat | null>;
  /** Makes the folder and its parents. */
  makeFolder(path: string, mode?: number): Promise<void>;
  /** A new folder with a random end to its name; returns its path. */
  makeTemporaryFolder(prefix: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a finished file its name and makes that durable; `path-exists` rather than replacing. */
  publish(from: string, to: string): Promise<void>;
  /** Removes a file, link or socket; nothing there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder with everything in it; nothing there is fine. */
  removeTree(path: string): Promise<void>;
  /** Removes a folder unless something is in it; nothing there is fine. */
  removeEmptyFolder(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** Bytes this user may still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
  /** Whether this user may read / write / enter it. */
  may(path: string, what: 'read' | 'write' | 'enter'): Promise<boolean>;
  realPath(path: string): Promise<string>;
}

const privateFile = 0o600;
const privateFolder = 0o700;

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    throw fileError(thrown, path);
  }
}

function toStat(stats: Awaited<ReturnType<typeof fs.lstat>>): FileStat {
  const kind = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'folder'
      : stats.isSymbolicLink()
        ? 'link'
        : stats.isSocket()
          ? 'socket'
          : 'other';
  return {
    kind,
    sizeBytes: Number(stats.size),
    allocatedBytes: Number(stats.blocks) * 512,
    device: Number(stats.dev),
    inode: Number(stats.ino),
    modifiedMs: Number(stats.mtimeMs),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  };
}

function openFile(path: string, handle: fs.FileHandle): OpenFile {
  return {
    path,
    read: (buffer, position) =>
      attempt(path, async () => {
        let done = 0;
        while (done < buffer.length) {
          const part = await handle.read(buffer, done, buffer.length - done, position + done);
          if (part.bytesRead === 0) break;
          done += part.bytesRead;
        }
        return done;
      }),
    write: (bytes, position) =>
      attempt(path, async () => {
        let done = 0;
        while (done < bytes.length) {
          const part = await handle.write(bytes, done, bytes.length - done, position + done);
          done += part.bytesWritten;
        }
      }),
    truncate: (sizeBytes) => attempt(path, () => handle.truncate(sizeBytes)),
    sync: () => attempt(path, () => handle.sync()),
    dataSync: () => attempt(path, () => handle.datasync()),
    stat: () => attempt(path, async () => toStat(await handle.stat())),
    close: () => attempt(path, () => handle.close()),
  };
}

/** Like openFile, past the page cache. */
function directFile(path: string, handles: DirectHandles): OpenFile {
  const { direct, cached } = handles;
  return {
    ...openFile(path, cached),
    read: (buffer, position) => attempt(path, () => readDirectly(handles, buffer, position)),
    write: (bytes, position) => attempt(path, () => writeDirectly(handles, bytes, position)),
    close: () =>
      attempt(path, async () => {
        await direct.close();
        await cached.close();
      }),
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A unique sibling name; readers ignore names that begin with a dot. */
let temporaryCount = 0;
function temporaryName(path: string): string {
  temporaryCount += 1;
  return join(dirname(path), `.${process.pid}-${temporaryCount}.tmp`);
}

async function writeThen(
  path: string,
  bytes: Uint8Array,
  mode: number,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const handle = await fs.open(temporary, 'wx', mode);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(temporary);
    await syncFolder(dirname(path));
  } catch (thrown) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(thrown, path);
  }
}

/** File systems without hard links (exFAT, some network shares) answer with one of these. */
const noHardLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Never replaces: a hard link fails when the name exists, and so does an exclusive placeholder. */
async function publish(from: string, to: string): Promise<void> {
  try {
    await fs.link(from, to);
    await fs.unlink(from);
  } catch (thrown) {
    if (!noHardLinks.has(errnoOf(thrown))) throw thrown;
    await (await fs.open(to, 'wx', privateFile)).close();
    await fs.rename(from, to);
  }
  await syncFolder(dirname(to));
}

const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const;

const mayFlags = { read: constants.R_OK, write: constants.W_OK, enter: constants.X_OK } as const;

export const realFiles: Files = {
  read: (path, maxBytes) =>
    attempt(path, async () => {
      const handle = await fs.open(path, 'r');
      try {
        const { size } = await handle.stat();
        if (size > maxBytes) {
          throw new AppError('path-invalid', `${path} is larger than ${maxBytes} bytes.`, {
            path,
            sizeBytes: size,
            maxBytes,
          });
        }
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    }),
  writeDurable: (path, bytes, mode = privateFile) =>
    writeThen(path, bytes, mode, (temporary) => fs.rename(temporary, path)),
  createDurable: (path, bytes, mode = privateFile) =>
    writeThen(path, bytes, mode, (temporary) => publish(temporary, path)),
  open: (path, how, mode = privateFile) =>
    attempt(path, async () => openFile(path, await fs.open(path, openFlags[how], mode))),
  openDirect: (path) =>
    attempt(path, async () => {
      const handles = await openDirectly(path);
      return handles === null ? null : directFile(path, handles);
    }),
  list: (path) => attempt(path, async () => (await fs.readdir(path)).sort()),
  stat: async (path) => {
    try {
      return toStat(await fs.lstat(path));
    } catch (thrown) {
      if (['ENOENT', 'ENOTDIR'].includes(errnoOf(thrown))) return null;
      throw fileError(thrown, path);
    }
  },
  makeFolder: (path, mode = privateFolder) =>
    attempt(path, async () => {
      await fs.mkdir(path, { recursive: true, mode });
    }),
  makeTemporaryFolder: (prefix) => attempt(prefix, () => fs.mkdtemp(prefix)),
  rename: (from, to) => attempt(from, () => fs.rename(from, to)),
  publish: (from, to) => attempt(to, () => publish(from, to)),
  remove: (path) => attempt(path, () => fs.rm(path, { force: true })),
  removeTree: (path) => attempt(path, () => fs.rm(path, { force: true, recursive: true })),
  removeEmptyFolder: (path) =>
    attempt(path, async () => {
      try {
        await fs.rmdir(path);
      } catch (thrown) {
        if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(thrown))) throw thrown;
      }
    }),
  syncFolder: (path) => attempt(path, () => syncFolder(path)),
  chmod: (path, mode) => attempt(path, () => fs.chmod(path, mode)),
  chown: (path, uid, gid) => attempt(path, () => fs.chown(path, uid, gid)),
  freeBytes: (path) =>
    attempt(path, async () => {
      const { bavail, bsize } = await fs.statfs(path);
      return bavail * bsize;
    }),
  may: async (path, what) => {
    try {
      await fs.access(path, mayFlags[what]);
      return true;
    } catch {
      return false;
    }
  },
  realPath: (path) => attempt(path, () => fs.realpath(path)),
};
