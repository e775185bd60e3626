/**
 * Fills a raw image and proves it on the way: what was written goes to the disk stretch by stretch,
 * and each stretch is read back past the page cache and compared while the next is being written.
 * Where the file system cannot go past its cache, the cache is what is written and read.
 */
import type { ByteRange, TreeReader } from '#engine/store/repository.ts';
import type { OpenFile } from '#engine/world/files.ts';
import type { World } from '#engine/world/world.ts';
import { mismatch, strayData } from './compare-image.ts';
import type { ImageProgress, ImageSpec } from './image-spec.ts';
import { withImage } from './served-image.ts';

/** A stretch goes to the disk, and is compared, once this much of it was written, in bytes. */
export const stretchBytes = 64 * 1024 * 1024;

/**
 * Fills the image at `path`, which reads as zeroes. Returns the bytes written, all compared. Throws
 * `verify-mismatch`, and what the tree and files throw.
 */
export async function fillRaw(
  world: World,
  tree: TreeReader,
  spec: ImageSpec,
  path: string,
  progress: ImageProgress,
): Promise<number> {
  const { files } = world;
  const file = (await files.openDirect(path)) ?? (await files.open(path, 'write'));
  let total: number;
  try {
    total = await new RawFilling(tree, file, spec, progress).run();
  } finally {
    await file.close();
  }
  const { signal } = progress;
  await withImage(world, spec, path, 'read', signal, async (pool) => {
    const stray = await strayData(tree.ranges(), pool, signal);
    if (stray !== null) throw mismatch(spec.path, stray);
  });
  return total;
}

/** What is not zero, from the tree to the file and back. */
export class RawFilling {
  readonly #tree: TreeReader;
  readonly #file: OpenFile;
  readonly #spec: ImageSpec;
  readonly #progress: ImageProgress;
  readonly #stretchBytes: number;
  #total = 0;
  /** Bytes written since the last stretch ended, and where that was. */
  #unproven = 0;
  #from = 0;
  #proving: Promise<void> = Promise.resolve();

  constructor(
    tree: TreeReader,
    file: OpenFile,
    spec: ImageSpec,
    progress: ImageProgress,
    stretch = stretchBytes,
  ) {
    this.#tree = tree;
    this.#file = file;
    this.#spec = spec;
    this.#progress = progress;
    this.#stretchBytes = stretch;
  }

  /** Bytes written, all of them on the disk and compared. The file is not used any more then. */
  async run(): Promise<number> {
    const onWritten = async (end: number) => {
      if (this.#unproven >= this.#stretchBytes) await this.#endStretch(end);
    };
    const write = (offset: number, bytes: Buffer) => this.#write(offset, bytes);
    try {
      await this.#tree.copyTo(write, { signal: this.#progress.signal, onWritten });
      await this.#endStretch(this.#spec.root.sizeBytes);
      await this.#proving;
      return this.#total;
    } finally {
      await this.#proving.catch(() => undefined); // reported above, or less telling than that
    }
  }

  async #write(offset: number, bytes: Buffer): Promise<void> {
    await this.#file.write(bytes, offset);
    this.#total += bytes.length;
    this.#unproven += bytes.length;
    this.#progress.onWritten(bytes.length);
  }

  /** All before `end` is written: has it proven while the writing goes on. */
  async #endStretch(end: number): Promise<void> {
    const range = { offset: this.#from, length: end - this.#from };
    this.#from = end;
    this.#unproven = 0;
    const before = this.#proving;
    this.#proving = before.then(() => this.#prove(range));
    this.#proving.catch(() => undefined); // thrown where it is awaited
    await before; // one stretch behind the writing, never a queue of them; it throws here
  }

  async #prove(range: ByteRange): Promise<void> {
    await this.#file.dataSync();
    const { signal, onChecked } = this.#progress;
    const read = async (offset: number, into: Buffer) => {
      into.fill(0, await this.#file.read(into, offset)); // a file that ends too soon differs
    };
    const bad = await this.#tree.firstDifference(read, onChecked, { signal, range });
    if (bad !== null) throw mismatch(this.#spec.path, bad);
  }
}
