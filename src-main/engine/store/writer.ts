/**
 * One run of writing under the lease: disks and blobs, then the point's manifest last. Whatever
 * goes wrong before the manifest leaves no point, and what was sealed is reused by the next run.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { encodeBlock } from './block-codec.ts';
import type { BlockReader } from './block-reader.ts';
import type { BufferRing } from './buffer-ring.ts';
import { readCleaned } from './cleaned.ts';
import { blockId, blockKind, type StoreKeys } from './crypto.ts';
import { batchRing, StoreDiskWriter, type WriteSession } from './disk-writer.ts';
import { listPacks } from './index-sync.ts';
import type { BlockIndex } from './index.ts';
import type { Lease } from './lock.ts';
import { encodeManifestFile, pointName } from './manifest-file.ts';
import { encodeManifest, type ManifestPart, type PointManifest } from './manifest.ts';
import { PackWriter } from './pack-writer.ts';
import type { DiskWriter, StoreWriter, TreeRoot, WriterStats } from './repository.ts';
import type { Storage } from './storage.ts';
import type { NodeStore } from './tree-writer.ts';
import type { BlockWorkers } from './workers.ts';

export const maxBlobBytes = 64 * 1024 * 1024;

export interface WriterParts {
  readonly world: World;
  readonly storage: Storage;
  readonly keys: StoreKeys;
  readonly index: BlockIndex;
  readonly workers: BlockWorkers;
  readonly reader: BlockReader;
  readonly lease: Lease;
  readonly blockSizeBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Called once when the lease is given back. */
  readonly onEnd: () => void;
}

export class RepositoryWriter implements StoreWriter {
  readonly #parts: WriterParts;
  readonly #packs: PackWriter;
  readonly #ring: BufferRing;
  readonly #counts = { newBlocks: 0, reusedBlocks: 0 };
  readonly #session: WriteSession;
  readonly #abort: () => void;
  #failure: AppError | null = null;
  #ended: Promise<void> | null = null;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#packs = new PackWriter(parts);
    this.#ring = batchRing(parts.keys, parts.blockSizeBytes);
    this.#abort = () => {
      this.#fail(new AppError('cancelled', 'Cancelled.'));
    };
    parts.signal?.addEventListener('abort', this.#abort, { once: true });
    if (parts.signal?.aborted === true) this.#abort();
    this.#session = {
      blockSizeBytes: parts.blockSizeBytes,
      workers: parts.workers,
      packs: this.#packs,
      index: parts.index,
      nodes: nodeStore(parts, this.#packs),
      ring: this.#ring,
      counts: this.#counts,
      fail: (thrown) => {
        this.#fail(thrown);
      },
      throwIfFailed: () => {
        this.#throwIfFailed();
      },
    };
  }

  #fail(thrown: unknown): void {
    const error =
      thrown instanceof AppError
        ? thrown
        : new AppError('internal', 'Storing failed unexpectedly.', {}, thrown);
    this.#failure ??= error;
    this.#ring.fail(this.#failure);
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#ended !== null) throw new AppError('internal', 'This writer has ended.');
  }

  beginDisk(sizeBytes: number, base: TreeRoot | null): DiskWriter {
    this.#throwIfFailed();
    return new StoreDiskWriter(this.#session, sizeBytes, base);
  }

  async putBlob(bytes: Buffer): Promise<TreeRoot> {
    if (bytes.length > maxBlobBytes) {
      throw new AppError('invalid-input', 'A part of the machine is larger than 64 MiB.', {
        sizeBytes: bytes.length,
        maxBytes: maxBlobBytes,
      });
    }
    const disk = this.beginDisk(bytes.length, null);
    await disk.write(0, bytes);
    return (await disk.finish()).root;
  }

  async commitPoint(manifest: PointManifest): Promise<void> {
    this.#throwIfFailed();
    const { storage, keys, lease } = this.#parts;
    const plain = encodeManifest(manifest);
    try {
      await this.#packs.flush();
      this.#throwIfFailed();
      this.#requireRoots(manifest);
      await this.#requirePacks();
      await lease.check();
      const name = pointName(manifest.machine.uuid, manifest.id);
      if (await storage.putIfAbsent(name, encodeManifestFile(keys, plain))) {
        await this.#requireStillOurs(name);
        return;
      }
    } catch (thrown) {
      this.#fail(thrown);
      throw thrown;
    }
    throw new AppError('path-exists', 'There is a restore point of this name already.', {
      point: manifest.id,
    });
  }

  /**
   * Another writer that took over between the check and the manifest may be a clean-up that does
   * not know this point: it is taken back before anybody relies on it.
   */
  async #requireStillOurs(name: string): Promise<void> {
    const { storage, lease } = this.#parts;
    try {
      await lease.check();
    } catch (thrown) {
      if (!hasCode(thrown, 'repository-lease-lost')) return; // it is durable, and was ours before
      await storage.delete(name);
      throw thrown;
    }
  }

  /** A manifest never names content that is not in the repository. */
  #requireRoots(manifest: PointManifest): void {
    const rootOf = (part: ManifestPart) => (part.kind === 'included' ? [part.root] : []);
    const roots = [
      ...(manifest.definition === null ? [] : [manifest.definition]),
      ...rootOf(manifest.firmware),
      ...rootOf(manifest.tpm),
      ...manifest.disks.map(({ root }) => root),
    ];
    for (const { id } of roots) {
      if (id === '' || this.#parts.index.find(Buffer.from(id, 'hex')) !== null) continue;
      throw new AppError('internal', 'A restore point names content that was not stored.', { id });
    }
  }

  /** Every pack this run relied on is still there, and no clean-up is about to delete it. */
  async #requirePacks(): Promise<void> {
    const { storage, index, keys } = this.#parts;
    const present = await listPacks(storage);
    const noted = new Set((await readCleaned(storage, keys)).flatMap(({ packs }) => packs));
    const relied = [...index.packIds()];
    const deleted = relied.filter((packId) => noted.has(packId));
    if (deleted.length > 0) throw cleanedMeanwhile(deleted.length);
    const missing = relied.filter((packId) => !present.has(packId));
    if (missing.length === 0) return;
    await storage.check();
    throw new AppError('repository-damaged', 'Packs disappeared while the backup ran.', {
      packs: missing.length,
      unharmed: 'Nothing was removed by Waymark, and no incomplete restore point was made.',
      advice: 'Find out what removed files from the repository, verify it, then back up again.',
    });
  }

  abandon(): Promise<void> {
    this.#fail(new AppError('cancelled', 'Cancelled.'));
    return this.#end();
  }

  release(): Promise<void> {
    return this.#end();
  }

  #end(): Promise<void> {
    this.#ended ??= (async () => {
      this.#parts.signal?.removeEventListener('abort', this.#abort);
      await this.#packs.discard();
      await this.#parts.lease.release();
      this.#parts.onEnd();
    })();
    return this.#ended;
  }

  stats(): WriterStats {
    return { storedBytes: this.#packs.storedBytes, ...this.#counts };
  }
}

/** Tree nodes are small and few: sealed here, and read back even before they are durable. */
function nodeStore(parts: WriterParts, packs: PackWriter): NodeStore {
  const { keys, reader } = parts;
  return {
    async load(id, level) {
      const unsealed = await packs.readUnsealed(id);
      return unsealed === null ? reader.readNode(id, level) : reader.openNode(id, level, unsealed);
    },
    async store(node) {
      const plaintext = node.encode();
      const id = blockId(keys, blockKind.node, plaintext);
      if (!packs.claim(id)) return id;
      const bytes = encodeBlock(keys, blockKind.node, id, plaintext);
      await packs.append({ kind: blockKind.node, ids: [id], lengths: [bytes.length], bytes });
      return id;
    },
  };
}

/** Only a clean-up that had the lease before us, or took it over, notes packs while we write. */
function cleanedMeanwhile(packs: number): AppError {
  return new AppError(
    'repository-lease-lost',
    'A clean-up elsewhere deletes packs that this backup relied on.',
    {
      packs,
      unharmed: 'Every restore point listed before is as it was.',
      advice: 'Run it again; what was stored is reused.',
    },
  );
}
