/** An open repository: what its parts do together. */
import { AppError, hasCode } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import { defaultCompressionLevel } from './block-codec.ts';
import { BlockReader } from './block-reader.ts';
import { deriveKeys, type StoreKeys } from './crypto.ts';
import { changedRangesOf } from './diff.ts';
import type { Header } from './header.ts';
import { syncIndex, type SyncOptions, type SyncResult } from './index-sync.ts';
import {
  outlineOf,
  planCleanUp,
  readRoots,
  type CleanUpOptions,
  type CleanUpOutline,
  type CleanUpParts,
} from './clean-up.ts';
import { finishEarlier, runCleanUp, type CleanUpResult } from './clean-up-run.ts';
import { closeIndex, openIndex, removeIndex } from './index-file.ts';
import type { BlockIndex } from './index.ts';
import { createKept, keyOf, noSuchPoint, type KeptPoints } from './kept.ts';
import { KeyRing } from './keys.ts';
import { takeLease, type Lease } from './lock.ts';
import { decodeManifestFile, maxManifestFileBytes, pointName } from './manifest-file.ts';
import { isFileName, type PointManifest } from './manifest.ts';
import { PlaceTable } from './place-table.ts';
import type {
  ByteRange,
  LeaseOwner,
  PointName,
  StoreRepository,
  StoreWriter,
  TreeReader,
  TreeRoot,
  Usage,
} from './repository.ts';
import type { Storage } from './storage.ts';
import { maxNodeBytes } from './tree-node.ts';
import { findSharing, type Sharing } from './sharing.ts';
import { StoreTreeReader } from './tree-reader.ts';
import { lostRanges, verifyRepository } from './verify.ts';
import type { VerifyOptions, VerifyResult } from './verify-result.ts';
import { BlockWorkers } from './workers.ts';
import { maxBlobBytes, RepositoryWriter } from './writer.ts';

/** Least time between two looks for new packs because a block was not known. */
const minResyncMs = 10_000;

export interface RepositoryParts {
  readonly world: World;
  readonly storage: Storage;
  readonly header: Header;
  readonly masterKey: Buffer | null;
  readonly index: BlockIndex;
  readonly indexPath: string;
  readonly readOnly: boolean;
  readonly workerUrl: URL | undefined;
}

export class OpenedRepository implements StoreRepository {
  readonly id: string;
  readonly blockSizeBytes: number;
  readonly encrypted: boolean;
  readonly kept: KeptPoints;
  readonly #parts: RepositoryParts;
  readonly #keys: StoreKeys;
  readonly #workers: BlockWorkers;
  readonly #reader: BlockReader;
  #index: BlockIndex;
  #syncing: Promise<SyncResult> | null = null;
  #synced = false;
  #lastResyncMs = -Infinity;
  #writing = false;
  /** The last found, and the points it is of. */
  #sharing: { readonly of: string; readonly found: Promise<Sharing> } | null = null;
  readonly #closing = new AbortController();

  constructor(parts: RepositoryParts) {
    const { id, blockSizeBytes, encrypted } = parts.header;
    this.id = id;
    this.blockSizeBytes = blockSizeBytes;
    this.encrypted = encrypted;
    this.#parts = parts;
    this.#index = parts.index;
    this.#keys = deriveKeys(parts.masterKey, id);
    const setup = {
      masterKey: parts.masterKey,
      repositoryId: id,
      blockSizeBytes,
      compressionLevel: defaultCompressionLevel,
      maxPlainBytes: Math.max(blockSizeBytes, maxNodeBytes),
    };
    this.#workers = new BlockWorkers(setup, parts.workerUrl);
    this.#reader = this.#makeReader();
    const { world, storage } = parts;
    this.kept = createKept({
      world,
      storage,
      keys: this.#keys,
      requireWritable: () => {
        this.#requireWritable();
      },
      lease: (what) => this.#lease({ installation: '', what }),
    });
  }

  #makeReader(): BlockReader {
    const current = () => this.#index;
    return new BlockReader({
      storage: this.#parts.storage,
      keys: this.#keys,
      workers: this.#workers,
      get index() {
        return current(); // a rebuild replaces it
      },
      resync: () => this.#resync(),
      packGone: () => this.#packGone(),
    });
  }

  masterKey(): Buffer | null {
    return this.#parts.masterKey === null ? null : Buffer.from(this.#parts.masterKey);
  }

  check(): Promise<void> {
    return this.#parts.storage.check();
  }

  /** One sync at a time; callers that come while it runs share it. */
  #sync(options: SyncOptions = {}): Promise<SyncResult> {
    this.#syncing ??= syncIndex(this.#index, this.#parts.storage, this.#keys, options).finally(
      () => {
        this.#syncing = null;
        this.#synced = true;
        this.#lastResyncMs = this.#parts.world.clock.monotonic();
      },
    );
    return this.#syncing;
  }

  /** A sync that began before the lease may not know what a clean-up noted since. */
  async #syncUnderLease(signal?: AbortSignal): Promise<void> {
    while (this.#syncing !== null) await this.#syncing.catch(() => undefined); // its caller got it
    await this.#sync({ signal, writing: true });
  }

  /** A block is not known: another writer may have added its pack since. */
  async #resync(): Promise<void> {
    const sinceMs = this.#parts.world.clock.monotonic() - this.#lastResyncMs;
    if (this.#writing || (this.#syncing === null && sinceMs < minResyncMs)) return;
    await this.#sync();
  }

  /** Another process may have moved its blocks. A writer's index stays as it was when it began. */
  async #packGone(): Promise<boolean> {
    if (this.#writing) return false;
    await this.#sync();
    return true;
  }

  async listPoints(): Promise<readonly PointName[]> {
    const removed = new Set((await this.kept.removed()).map(({ point }) => keyOf(point)));
    const all = await this.#listManifests();
    return all.filter((point) => !removed.has(keyOf(point)));
  }

  /** Also of points that are removed and not cleaned up yet. */
  async #listManifests(): Promise<readonly PointName[]> {
    const { storage } = this.#parts;
    const points: PointName[] = [];
    for (const machineUuid of await storage.list('points')) {
      if (!isFileName(machineUuid)) continue;
      for (const id of await storage.list(`points/${machineUuid}`)) {
        if (isFileName(id)) points.push({ id, machineUuid });
      }
    }
    return points;
  }

  async readPoint(id: string, machineUuid: string): Promise<PointManifest> {
    let bytes: Buffer;
    try {
      bytes = await this.#parts.storage.get(pointName(machineUuid, id), maxManifestFileBytes);
    } catch (thrown) {
      if (!hasCode(thrown, 'path-not-found')) throw thrown;
      await this.#parts.storage.check();
      throw noSuchPoint(id);
    }
    return decodeManifestFile(this.#keys, bytes, { id, machineUuid });
  }

  async openWriter(owner: LeaseOwner, signal?: AbortSignal): Promise<StoreWriter> {
    const lease = await this.#lease(owner, signal);
    try {
      await this.#parts.storage.removeTemporary();
      await this.#syncUnderLease(signal);
      this.#writing = true;
      return new RepositoryWriter({
        world: this.#parts.world,
        storage: this.#parts.storage,
        keys: this.#keys,
        index: this.#index,
        workers: this.#workers,
        reader: this.#reader,
        lease,
        blockSizeBytes: this.blockSizeBytes,
        signal,
        onEnd: () => {
          this.#writing = false;
        },
      });
    } catch (thrown) {
      await lease.release();
      throw thrown;
    }
  }

  #lease(owner: LeaseOwner, signal?: AbortSignal): Promise<Lease> {
    const { world, storage } = this.#parts;
    this.#requireWritable();
    return takeLease(world, storage, owner, signal);
  }

  #requireWritable(): void {
    if (!this.#parts.readOnly) return;
    throw new AppError('read-only', 'The repository was opened only for reading.', {
      unharmed: 'Nothing was changed.',
    });
  }

  openTree(root: TreeRoot): TreeReader {
    return new StoreTreeReader(this.#reader, root, this.blockSizeBytes);
  }

  async readBlob(root: TreeRoot): Promise<Buffer> {
    if (root.sizeBytes <= maxBlobBytes) return this.openTree(root).read(0, root.sizeBytes);
    throw new AppError('manifest-refused', 'A part of a restore point is larger than 64 MiB.', {
      sizeBytes: root.sizeBytes,
      maxBytes: maxBlobBytes,
    });
  }

  async verify(depth: 'structure' | 'data', options: VerifyOptions = {}): Promise<VerifyResult> {
    const sync = await this.#sync({ signal: options.signal });
    return verifyRepository(
      {
        world: this.#parts.world,
        repository: this,
        storage: this.#parts.storage,
        keys: this.#keys,
        index: this.#index,
        reader: this.#reader,
        workers: this.#workers,
        resync: () => this.#sync(),
        damagedPacks: sync.damaged,
      },
      depth,
      options,
    );
  }

  changedRanges(a: TreeRoot, b: TreeRoot): AsyncIterable<ByteRange> {
    if (a.sizeBytes === b.sizeBytes)
      return changedRangesOf(this.#reader, this.blockSizeBytes, a, b);
    throw new AppError('invalid-input', 'Disks of different sizes cannot be compared.', {});
  }

  async *damagedRanges(root: TreeRoot): AsyncIterable<ByteRange> {
    if (!this.#synced) await this.#sync();
    if (!this.#index.hasDamage && !this.#index.noted('vanished')) return;
    yield* lostRanges(this.#reader, this.#index, root, this.blockSizeBytes);
  }

  async rebuildIndex(
    onProgress?: (done: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#writing) throw inUse();
    this.#sharing = null; // places have other numbers afterwards
    const { world, indexPath } = this.#parts;
    const marks = this.#index.damagedPlaces();
    this.#index.close();
    if (indexPath !== ':memory:') await removeIndex(world, indexPath);
    this.#index = await openIndex(world, indexPath, this.id);
    for (const { id, packId, offset } of marks) this.#index.markDamaged(id, packId, offset);
    await this.#sync({ onProgress, signal });
  }

  async sharing(): Promise<Sharing> {
    if (!this.#writing) await this.#sync();
    const points = await this.#listManifests();
    const of = points.map(keyOf).sort().join('\n');
    if (this.#sharing?.of !== of) {
      const found = this.#findSharing(points);
      this.#sharing = { of, found };
      found.catch(() => {
        this.#sharing = null; // asked again it is found anew
      });
    }
    return this.#sharing.found;
  }

  async #findSharing(points: readonly PointName[]): Promise<Sharing> {
    const { storage } = this.#parts;
    const { signal } = this.#closing;
    const roots = await readRoots(this, points, signal);
    const bytes = new Map<string, number>();
    for (const point of points) {
      bytes.set(keyOf(point), (await storage.size(pointName(point.machineUuid, point.id))) ?? 0);
    }
    return findSharing(roots, {
      reader: this.#reader,
      index: this.#index,
      blockSizeBytes: this.blockSizeBytes,
      signal,
      manifestBytes: (point) => bytes.get(keyOf(point)) ?? 0,
    });
  }

  async planCleanUp(options: CleanUpOptions = {}): Promise<CleanUpOutline> {
    // What a backup stored and no point names yet would look like nobody's.
    if (this.#writing) throw inUse();
    await this.#sync({ signal: options.signal });
    const table = new PlaceTable();
    try {
      return outlineOf(await planCleanUp(this.#cleanUpParts(), table, options));
    } finally {
      table.close();
    }
  }

  async cleanUp(owner: LeaseOwner, options: CleanUpOptions = {}): Promise<CleanUpResult> {
    const lease = await this.#lease(owner, options.signal);
    const table = new PlaceTable();
    try {
      const parts = { ...this.#cleanUpParts(), lease };
      await this.#parts.storage.removeTemporary();
      await finishEarlier(parts);
      await this.#syncUnderLease(options.signal);
      this.#writing = true;
      const plan = await planCleanUp(parts, table, options);
      return await runCleanUp(parts, plan, table, options);
    } finally {
      this.#writing = false;
      this.#sharing = null; // blocks lie elsewhere now
      table.close();
      await lease.release();
    }
  }

  #cleanUpParts(): CleanUpParts {
    return {
      world: this.#parts.world,
      storage: this.#parts.storage,
      keys: this.#keys,
      index: this.#index,
      reader: this.#reader,
      workers: this.#workers,
      kept: this.kept,
      blockSizeBytes: this.blockSizeBytes,
      listManifests: () => this.#listManifests(),
      readPoint: (id, machineUuid) => this.readPoint(id, machineUuid),
    };
  }

  async usage(): Promise<Usage> {
    await this.#sync();
    const { storage } = this.#parts;
    const points = await this.#listManifests();
    let usedBytes = this.#index.packBytes;
    for (const { id, machineUuid } of points) {
      usedBytes += (await storage.size(pointName(machineUuid, id))) ?? 0;
    }
    return { usedBytes, packs: this.#index.packCount, points: points.length };
  }

  async changePassword(old: string, next: string): Promise<void> {
    if (!this.encrypted) {
      throw new AppError('unsupported', 'This repository has no password.', {});
    }
    const { storage, world } = this.#parts;
    await new KeyRing(storage, world.ids, this.id).changePassword(old, next);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sharing?.found.catch(() => undefined); // whoever asked for it got the error
    await this.#workers.close();
    await this.#syncing?.catch(() => undefined); // whoever asked for it got the error
    await closeIndex(this.#parts.world, this.#parts.indexPath, this.#index);
    await this.#parts.storage.close();
  }
}

function inUse(): AppError {
  return new AppError('repository-busy', 'A backup or a clean-up is using the repository.', {
    unharmed: 'Nothing was changed.',
    advice: 'Wait until it is done, then try again.',
  });
}
