/**
 * A repository in a folder: local disk or mounted share. A file is written under a temporary name
 * in `packs/`, flushed, renamed, and its folder flushed, so that a name always means a whole file.
 * A missing path under the root means the folder went away: `repository-unavailable`.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { Files, OpenFile } from '#engine/world/files.ts';
import type { World } from '#engine/world/world.ts';
import type { FileWriter, Storage } from './storage.ts';

export const headerName = 'waymark.json';
export const maxHeaderBytes = 64 * 1024;
/** Pack files kept open for reading. */
export const maxOpenFiles = 24;
const temporaryPrefix = '.new-';

interface Identity {
  readonly header: Buffer;
  readonly device: number;
}

export function unavailable(path: string, cause?: unknown): AppError {
  return new AppError(
    'repository-unavailable',
    `The repository at ${path} is not there any more.`,
    {
      path,
      unharmed: 'Restore points made before are as they were.',
      advice: 'Connect or mount the disk that holds it, then try again.',
    },
    cause,
  );
}

export class FolderStorage implements Storage {
  readonly #files: Files;
  readonly #world: World;
  readonly #root: string;
  #identity: Identity | null = null;
  /** Open handles, oldest first; a promise so that two readers share one opening. */
  readonly #open = new Map<string, Promise<SharedFile>>();
  readonly #folders = new Set<string>();

  constructor(world: World, root: string) {
    this.#world = world;
    this.#files = world.files;
    this.#root = root.length > 1 ? root.replace(/\/+$/, '') : root;
  }

  /** Remembers which folder this is; `check` compares with it. */
  async attach(): Promise<void> {
    this.#identity = await this.#readIdentity();
  }

  async #readIdentity(): Promise<Identity> {
    const path = this.#path(headerName);
    const stat = await this.#files.stat(path);
    if (stat === null) throw unavailable(this.#root);
    return { header: await this.#files.read(path, maxHeaderBytes), device: stat.device };
  }

  async check(): Promise<void> {
    const now = await this.#guard(() => this.#readIdentity());
    const then = this.#identity;
    if (then === null) return;
    if (now.device !== then.device || !now.header.equals(then.header))
      throw unavailable(this.#root);
  }

  #path(name: string): string {
    return `${this.#root}/${name}`;
  }

  /** A path that vanished means the whole repository did; other failures name the repository. */
  async #guard<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (thrown) {
      if (hasCode(thrown, 'path-not-found')) throw unavailable(this.#root, thrown);
      if (hasCode(thrown, 'no-space')) {
        throw new AppError(
          'no-space',
          `The disk that holds the repository ${this.#root} is full.`,
          {
            ...thrown.data,
            where: 'repository',
            path: this.#root,
            unharmed: 'Earlier restore points are whole; what was stored so far is reused.',
            advice: 'Free space there, or back up to another repository.',
          },
          thrown,
        );
      }
      throw thrown;
    }
  }

  get(name: string, maxBytes: number): Promise<Buffer> {
    return this.#files.read(this.#path(name), maxBytes);
  }

  async readInto(name: string, offset: number, into: Uint8Array): Promise<void> {
    const shared = await this.#handle(name);
    try {
      if ((await shared.file.read(into, offset)) === into.length) return;
    } finally {
      await shared.leave();
    }
    throw new AppError('file-failed', `${this.#path(name)} ends before it should.`, {
      path: this.#path(name),
      errno: 'short-read',
    });
  }

  async #handle(name: string): Promise<SharedFile> {
    let opening = this.#open.get(name);
    if (opening === undefined) {
      opening = this.#files.open(this.#path(name), 'read').then((file) => new SharedFile(file));
      opening.catch(() => this.#open.delete(name));
    } else {
      this.#open.delete(name);
    }
    this.#open.set(name, opening);
    this.#trim();
    const shared = await opening;
    if (!shared.enter()) return this.#handle(name);
    return shared;
  }

  #trim(): void {
    for (const [name, opening] of this.#open) {
      if (this.#open.size <= maxOpenFiles) return;
      this.#open.delete(name);
      void opening.then((shared) => shared.retire()).catch(() => undefined); // opening said why
    }
  }

  async size(name: string): Promise<number | null> {
    return (await this.#files.stat(this.#path(name)))?.sizeBytes ?? null;
  }

  async putIfAbsent(name: string, bytes: Uint8Array): Promise<boolean> {
    return this.#guard(async () => {
      await this.#makeFolderOf(name);
      try {
        await this.#files.createDurable(this.#path(name), bytes);
        return true;
      } catch (thrown) {
        if (hasCode(thrown, 'path-exists')) return false;
        throw thrown;
      }
    });
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#guard(async () => {
      await this.#makeFolderOf(name);
      await this.#files.writeDurable(this.#path(name), bytes);
    });
  }

  create(name: string): Promise<FileWriter> {
    return this.#guard(async () => {
      const unique = this.#world.ids.bytes(8).toString('hex');
      const temporary = `packs/${temporaryPrefix}${unique}`;
      const file = await this.#files.open(this.#path(temporary), 'create');
      return this.#writer(file, temporary, name);
    });
  }

  #writer(file: OpenFile, temporary: string, name: string): FileWriter {
    let sizeBytes = 0;
    let open = true;
    const guard = <T>(action: () => Promise<T>) => this.#guard(action);
    const files = this.#files;
    const path = (relative: string) => this.#path(relative);
    const makeFolderOf = () => this.#makeFolderOf(name);
    return {
      get sizeBytes() {
        return sizeBytes;
      },
      append: (bytes) =>
        guard(async () => {
          const at = sizeBytes;
          sizeBytes += bytes.length;
          await file.write(bytes, at);
        }),
      readBack: async (offset, length) => {
        const buffer = Buffer.allocUnsafe(length);
        const got = await file.read(buffer, offset);
        return buffer.subarray(0, got);
      },
      publish: () =>
        guard(async () => {
          await file.sync();
          await makeFolderOf();
          await files.rename(path(temporary), path(name));
          await files.syncFolder(path(parentOf(name)));
          open = false;
          await file.close();
        }),
      discard: async () => {
        if (!open) return;
        open = false;
        // Already giving up: the next holder of the lease removes what could not be removed now.
        await file.close().catch(() => undefined);
        await files.remove(path(temporary)).catch(() => undefined);
      },
    };
  }

  /** Never makes the root: a vanished repository must not grow back as an empty folder. */
  async #makeFolderOf(name: string): Promise<void> {
    const parent = parentOf(name);
    if (parent === '' || this.#folders.has(parent)) return;
    if ((await this.#files.stat(this.#path(parent))) === null) {
      await this.#makeFolderOf(parent); // each is durable in the one above it
      await this.check();
      await this.#files.makeFolder(this.#path(parent));
      await this.#files.syncFolder(this.#path(parentOf(parent)));
    }
    this.#folders.add(parent);
  }

  async list(prefix: string): Promise<readonly string[]> {
    try {
      const names = await this.#files.list(this.#path(prefix));
      return names.filter((name) => !name.startsWith('.'));
    } catch (thrown) {
      if (!hasCode(thrown, 'path-not-found')) throw thrown;
      await this.check();
      return [];
    }
  }

  async delete(name: string): Promise<void> {
    // An open file keeps its space although it has no name any more.
    const opening = this.#open.get(name);
    this.#open.delete(name);
    await opening?.then((shared) => shared.retire()).catch(() => undefined); // opening said why
    await this.#guard(async () => {
      await this.#files.remove(this.#path(name));
      if ((await this.#files.stat(this.#path(parentOf(name)))) !== null) {
        await this.#files.syncFolder(this.#path(parentOf(name)));
      }
    });
  }

  async removeTemporary(): Promise<void> {
    const names = await this.#guard(() => this.#files.list(this.#path('packs')));
    for (const name of names) {
      if (name.startsWith(temporaryPrefix)) await this.#files.remove(this.#path(`packs/${name}`));
    }
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const opening of await Promise.allSettled(all)) {
      if (opening.status === 'fulfilled') await opening.value.retire();
    }
  }
}

function parentOf(name: string): string {
  const at = name.lastIndexOf('/');
  return at < 0 ? '' : name.slice(0, at);
}

/** An open file with readers counted, closed when retired and the last reader left. */
class SharedFile {
  readonly file: OpenFile;
  #readers = 0;
  #retired = false;

  constructor(file: OpenFile) {
    this.file = file;
  }

  /** False when it was retired meanwhile and must be opened again. */
  enter(): boolean {
    if (this.#retired) return false;
    this.#readers += 1;
    return true;
  }

  async leave(): Promise<void> {
    this.#readers -= 1;
    if (this.#retired && this.#readers === 0) await this.file.close();
  }

  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#readers === 0) await this.file.close();
  }
}
