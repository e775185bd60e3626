/**
 * Appends payloads to packs and seals them: trailer, flush, name, then the index. What is appended
 * but not sealed is known here, so that a block is stored once however often it comes.
 */
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { idBytes, type BlockKind, type StoreKeys } from './crypto.ts';
import { breathe } from './index-sync.ts';
import type { BlockIndex } from './index.ts';
import type { Lease } from './lock.ts';
import {
  encodePackHeader,
  encodeTrailer,
  maxPackEntries,
  packHeaderBytes,
  packIdBytes,
  packName,
  targetPackBytes,
  type PackEntry,
} from './pack.ts';
import type { FileWriter, Storage } from './storage.ts';

/** Packs being flushed while the next one fills. */
export const maxPacksSealing = 2;

interface OpenPack {
  readonly packId: string;
  readonly file: FileWriter;
  readonly entries: PackEntry[];
  published: boolean;
}

interface Unsealed {
  readonly pack: OpenPack;
  readonly offset: number;
  readonly length: number;
}

/** Payloads laid one after another, ready to be appended. */
export interface PayloadBatch {
  readonly kind: BlockKind;
  readonly ids: readonly Buffer[];
  readonly lengths: ArrayLike<number>;
  readonly bytes: Uint8Array;
}

export interface PackWriterParts {
  readonly world: World;
  readonly storage: Storage;
  readonly keys: StoreKeys;
  readonly index: BlockIndex;
  readonly lease: Lease;
}

export class PackWriter {
  readonly #parts: PackWriterParts;
  /** Ids by hex of everything claimed or appended and not yet in the index. */
  readonly #unsealed = new Map<string, Unsealed | null>();
  readonly #sealing = new Set<Promise<void>>();
  #open: OpenPack | null = null;
  #chain: Promise<void> = Promise.resolve();
  #failure: Error | null = null;
  #storedBytes = 0;
  #discarded = false;

  constructor(parts: PackWriterParts) {
    this.#parts = parts;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  /**
   * True when the block has to be stored, and from then on it counts as known: the caller must
   * append it or fail the whole writer.
   */
  claim(id: Buffer): boolean {
    const name = id.toString('hex');
    if (this.#unsealed.has(name) || this.#parts.index.find(id) !== null) return false;
    this.#unsealed.set(name, null);
    return true;
  }

  /** Appends in the order of the calls; resolves when written, not yet durable. */
  append(batch: PayloadBatch): Promise<void> {
    const done = this.#chain.then(() => this.#append(batch));
    this.#chain = done.catch((thrown: unknown) => {
      this.#failure ??= asError(thrown);
    });
    return done;
  }

  async #append({ kind, ids, lengths, bytes }: PayloadBatch): Promise<void> {
    this.#throwIfFailed();
    await this.#makeRoom(bytes.length, ids.length);
    const pack = (this.#open ??= await this.#start());
    let offset = pack.file.sizeBytes;
    await pack.file.append(bytes);
    this.#storedBytes += bytes.length;
    for (const [i, id] of ids.entries()) {
      const length = lengths[i] ?? 0;
      // A copy: the id handed in is part of a whole batch's memory.
      const own = Buffer.allocUnsafe(idBytes);
      own.set(id);
      pack.entries.push({ id: own, kind, offset, length });
      this.#unsealed.set(id.toString('hex'), { pack, offset, length });
      offset += length;
    }
  }

  #throwIfFailed(): void {
    if (this.#discarded) throw new AppError('cancelled', 'Cancelled.');
    if (this.#failure !== null) throw this.#failure;
  }

  async #makeRoom(bytes: number, entries: number): Promise<void> {
    const pack = this.#open;
    if (pack === null) return;
    const full = pack.file.sizeBytes + bytes > targetPackBytes;
    if (!full && pack.entries.length + entries <= maxPackEntries) return;
    this.#open = null;
    this.#startSealing(pack);
    while (this.#sealing.size >= maxPacksSealing) await Promise.race(this.#sealing);
    this.#throwIfFailed();
  }

  async #start(): Promise<OpenPack> {
    const packId = this.#parts.world.ids.bytes(packIdBytes).toString('hex');
    const file = await this.#parts.storage.create(packName(packId));
    try {
      await file.append(encodePackHeader(packId));
    } catch (thrown) {
      await file.discard();
      throw thrown;
    }
    this.#storedBytes += packHeaderBytes;
    return { packId, file, entries: [], published: false };
  }

  #startSealing(pack: OpenPack): void {
    const sealing: Promise<void> = this.#seal(pack)
      .catch(async (thrown: unknown) => {
        this.#failure ??= asError(thrown);
        await pack.file.discard();
      })
      .finally(() => this.#sealing.delete(sealing));
    this.#sealing.add(sealing);
  }

  async #seal(pack: OpenPack): Promise<void> {
    const { keys, lease, index } = this.#parts;
    const trailer = encodeTrailer(keys, pack.packId, pack.entries);
    await pack.file.append(trailer);
    this.#storedBytes += trailer.length;
    await lease.check();
    await pack.file.publish();
    pack.published = true;
    await index.addPack(pack.packId, pack.file.sizeBytes, pack.entries, breathe);
    for (const { id } of pack.entries) this.#unsealed.delete(id.toString('hex'));
  }

  /** The payload of a block not yet in the index; null when it is not one of those. */
  async readUnsealed(id: Buffer): Promise<Buffer | null> {
    const name = id.toString('hex');
    if (!this.#unsealed.has(name)) return null;
    await this.#chain;
    const found = this.#unsealed.get(name);
    if (found === undefined || found === null) return null;
    const { pack, offset, length } = found;
    if (!pack.published) {
      try {
        return await pack.file.readBack(offset, length);
      } catch (thrown) {
        // Sealing closed the file between the question and the read; then it has its name.
        await Promise.allSettled(this.#sealing);
        if (!(pack as { published: boolean }).published) throw thrown;
      }
    }
    const bytes = Buffer.allocUnsafe(length);
    await this.#parts.storage.readInto(packName(pack.packId), offset, bytes);
    return bytes;
  }

  /** Seals what is open; everything appended is durable and in the index when it resolves. */
  async flush(): Promise<void> {
    await this.#chain;
    this.#throwIfFailed();
    const pack = this.#open;
    this.#open = null;
    if (pack !== null) this.#startSealing(pack);
    while (this.#sealing.size > 0) await Promise.all(this.#sealing);
    this.#throwIfFailed();
  }

  /** Forgets the open pack; packs already being sealed are let finish. Never throws. */
  async discard(): Promise<void> {
    this.#discarded = true;
    await this.#chain;
    const pack = this.#open;
    this.#open = null;
    await pack?.file.discard();
    await Promise.all(this.#sealing);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('storing failed', { cause: thrown });
}
