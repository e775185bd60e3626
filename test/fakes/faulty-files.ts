/**
 * Files that go wrong at the N-th change. `fail`: that one call fails with no-space, the rest work.
 * `crash`: it and everything after fails, as if the process died before it. `tear`: like crash, but
 * half of the bytes of that write arrive first. `power`: like crash, and what was written but not
 * flushed is lost. Reads are never faulted.
 */
import { truncate } from 'node:fs/promises';
import { AppError } from '#contract/errors.ts';
import type { Files, OpenFile } from '#engine/world/files.ts';

export type Fault = 'fail' | 'crash' | 'tear' | 'power';

export class FaultyFiles {
  readonly files: Files;
  /** Changes so far. */
  count = 0;
  /** True once the N-th change came. */
  struck = false;
  readonly #real: Files;
  readonly #at: number;
  readonly #fault: Fault;
  /** Files with bytes that are not flushed, and how many are. */
  readonly #unflushed = new Map<string, number>();

  constructor(real: Files, at: number, fault: Fault) {
    this.#real = real;
    this.#at = at;
    this.#fault = fault;
    this.files = this.#wrap();
  }

  async #change<T>(act: () => Promise<T>, half?: () => Promise<void>): Promise<T> {
    this.count += 1;
    if (this.struck && this.#fault !== 'fail') throw dead();
    if (this.count !== this.#at) return act();
    this.struck = true;
    if (this.#fault === 'fail') {
      throw new AppError('no-space', 'There is no space left (pretended).', { errno: 'ENOSPC' });
    }
    if (this.#fault === 'tear') await half?.();
    if (this.#fault === 'power') {
      for (const [path, flushed] of this.#unflushed) await truncate(path, flushed);
    }
    throw dead();
  }

  #wrap(): Files {
    const real = this.#real;
    return {
      ...real,
      writeDurable: (path, bytes, mode) => this.#change(() => real.writeDurable(path, bytes, mode)),
      createDurable: (path, bytes, mode) =>
        this.#change(() => real.createDurable(path, bytes, mode)),
      makeFolder: (path, mode) => this.#change(() => real.makeFolder(path, mode)),
      rename: (from, to) =>
        this.#change(async () => {
          await real.rename(from, to);
          const flushed = this.#unflushed.get(from);
          if (flushed === undefined) return;
          this.#unflushed.delete(from);
          this.#unflushed.set(to, flushed);
        }),
      remove: (path) => this.#change(() => real.remove(path)),
      removeTree: (path) => this.#change(() => real.removeTree(path)),
      syncFolder: (path) => this.#change(() => real.syncFolder(path)),
      open: async (path, how, mode) => {
        if (how === 'read') return real.open(path, how, mode);
        const file = await this.#change(() => real.open(path, how, mode));
        return this.#wrapOpen(path, file);
      },
      openDirect: async (path) => {
        const file = await this.#change(() => real.openDirect(path));
        return file === null ? null : this.#wrapOpen(path, file);
      },
    };
  }

  #wrapOpen(path: string, file: OpenFile): OpenFile {
    let flushed = 0;
    const sync = async (act: () => Promise<void>) =>
      this.#change(async () => {
        await act();
        flushed = (await file.stat()).sizeBytes;
        this.#unflushed.delete(path);
      });
    return {
      ...file,
      write: (bytes, position) =>
        this.#change(
          async () => {
            await file.write(bytes, position);
            this.#unflushed.set(path, flushed);
          },
          () => file.write(bytes.subarray(0, Math.floor(bytes.length / 2)), position),
        ),
      truncate: (sizeBytes) => this.#change(() => file.truncate(sizeBytes)),
      sync: () => sync(() => file.sync()),
      dataSync: () => sync(() => file.dataSync()),
    };
  }
}

function dead(): AppError {
  return new AppError('file-failed', 'The process is dead (pretended).', { errno: 'crashed' });
}
