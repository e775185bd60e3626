/**
 * The repository room: a folder that holds restore points as deduplicated, compressed and, with a
 * password, encrypted blocks. This file is its door: the types every other room sees, and create,
 * open and inspect. FORMAT.md beside it says every byte.
 *
 * Promises: a point is listed only when all of it is on the disk; killed at any write, every earlier
 * point still restores; memory does not grow with the size of a disk.
 * Does not: know machines, hosts or jobs; delete blocks that any point may need.
 */
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { PointManifest } from './manifest.ts';

/** A tree of blocks: a disk's content, or a blob's. */
export interface TreeRoot {
  /** 64 lower-case hex digits, or '' when every byte is zero. */
  readonly id: string;
  readonly sizeBytes: number;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface PointName {
  readonly id: string;
  readonly machineUuid: string;
}

export type RepositorySecret =
  /** The password, or the recovery code as printed. */
  { readonly password: string } | { readonly masterKey: Buffer };

export interface CreateOptions {
  /** A power of two from 4 KiB to 4 MiB; 64 KiB when left out. */
  readonly blockSizeBytes?: number;
  /** Null makes an unencrypted repository. */
  readonly password: string | null;
  /** The SQLite cache file of the block index; a temporary one when left out. */
  readonly indexPath?: string;
  readonly workerUrl?: URL;
}

export interface OpenOptions {
  /** The SQLite cache file of the block index: made if missing, rebuilt if it does not fit. */
  readonly indexPath: string;
  /** Takes no lease and changes nothing in the repository folder. */
  readonly readOnly?: boolean;
  /** Where the worker's entry is when the engine runs as a bundle. */
  readonly workerUrl?: URL;
}

export interface Inspection {
  readonly id: string;
  readonly formatVersion: number;
  readonly encrypted: boolean;
  readonly blockSizeBytes: number;
}

export interface VerifyOptions {
  readonly point?: PointName;
  /** Blocks done of blocks to do; called at most four times a second. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** One thing that is not as it was written, and all it touches. */
export interface StoreDamage {
  readonly what: 'block' | 'pack' | 'manifest';
  /** Block id, pack id or point id. */
  readonly id: string;
  /** A plain sentence. */
  readonly detail: string;
  readonly touches: readonly TouchedRange[];
}

export interface TouchedRange {
  readonly point: PointName;
  /** Disk target, or "definition", "firmware", "tpm"; '' when the whole point is touched. */
  readonly part: string;
  /** At most `maxReportedRanges` of each part. */
  readonly ranges: readonly ByteRange[];
}

export interface VerifyResult {
  readonly depth: 'structure' | 'data';
  readonly pointsChecked: number;
  readonly blocksChecked: number;
  readonly bytesRead: number;
  readonly seconds: number;
  readonly damage: readonly StoreDamage[];
}

export interface Usage {
  /** Bytes of every file in the repository. */
  readonly usedBytes: number;
  readonly packs: number;
  readonly points: number;
}

export interface LeaseOwner {
  /** Installation id. */
  readonly installation: string;
  /** What it does, in words: "backing up web-01". */
  readonly what: string;
}

export interface StoreRepository {
  readonly id: string;
  readonly blockSizeBytes: number;
  readonly encrypted: boolean;
  /** The key that opens it again without a password; null when unencrypted. Keep it secret. */
  masterKey(): Buffer | null;
  listPoints(): Promise<readonly PointName[]>;
  /** Throws point-not-found, manifest-damaged, manifest-refused, repository-too-new. */
  readPoint(id: string, machineUuid: string): Promise<PointManifest>;
  /** Takes the lease (repository-busy with data.owner) and brings the index up to date. */
  openWriter(owner: LeaseOwner, signal?: AbortSignal): Promise<StoreWriter>;
  openTree(root: TreeRoot): TreeReader;
  /** The bytes given to putBlob; refuses more than `maxBlobBytes`. */
  readBlob(root: TreeRoot): Promise<Buffer>;
  verify(depth: 'structure' | 'data', options?: VerifyOptions): Promise<VerifyResult>;
  /** Throws the index away and reads it back from the packs' trailers. */
  rebuildIndex(
    onProgress?: (done: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  usage(): Promise<Usage>;
  /** `old` is the password or the recovery code; the recovery code stays as it is. */
  changePassword(old: string, next: string): Promise<void>;
  /** Removes the manifest; blocks stay until gc. Takes the lease for a moment. */
  deletePoint(id: string, machineUuid: string, owner?: LeaseOwner): Promise<void>;
  close(): Promise<void>;
}

export interface WriterStats {
  /** Bytes added to packs, trailers included. */
  readonly storedBytes: number;
  readonly newBlocks: number;
  readonly reusedBlocks: number;
}

export interface StoreWriter {
  /** `base`: the older point's tree, for changed-only; null starts from all zeros. */
  beginDisk(sizeBytes: number, base: TreeRoot | null): DiskWriter;
  putBlob(bytes: Buffer): Promise<TreeRoot>;
  /** Seals the packs, checks the lease and that every pack exists, writes the manifest last. */
  commitPoint(manifest: PointManifest): Promise<void>;
  /** Drops the unsealed pack and the lease; sealed packs stay and are reused by the next run. */
  abandon(): Promise<void>;
  /** Ends the writer after commitPoint; without one it is the same as abandon. */
  release(): Promise<void>;
  stats(): WriterStats;
}

export interface DiskWriter {
  /**
   * `offset` is a multiple of the block size, `bytes` whole blocks except at the disk's end.
   * Resolves when accepted: wait for it before the next call. The store owns `bytes` afterwards.
   * Any order is right; ascending is fast. Writing a block twice keeps the later bytes.
   */
  write(offset: number, bytes: Buffer): Promise<void>;
  /** Makes a range zero; aligned like `write`. */
  zero(offset: number, length: number): Promise<void>;
  /** All blocks are stored. `changedBytes`: bytes of blocks that differ from `base`. */
  finish(): Promise<{ root: TreeRoot; storedBytes: number; changedBytes: number }>;
}

export interface TreeReader {
  /** What is not zero: block-aligned, ascending, neighbours merged. */
  ranges(): AsyncIterable<ByteRange>;
  /** Any range inside the disk; at most `maxReadBytes`. Throws block-damaged. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Every byte that is not zero, ascending, in pieces of at most a few MiB. */
  stream(options?: StreamOptions): AsyncIterable<{ offset: number; bytes: Buffer }>;
}

export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** Batches decoded at the same time; the store bounds the bytes in flight in any case. */
  readonly concurrency?: number;
  /** Only this range; the whole disk when left out. */
  readonly range?: ByteRange;
}

export async function createRepository(
  _world: World,
  _path: string,
  _options: CreateOptions,
): Promise<{ repository: StoreRepository; recoveryCode: string | null }> {
  await Promise.resolve();
  throw new AppError('unsupported', 'Being written.');
}

export async function openRepository(
  _world: World,
  _path: string,
  _secret: RepositorySecret | null,
  _options: OpenOptions,
): Promise<StoreRepository> {
  await Promise.resolve();
  throw new AppError('unsupported', 'Being written.');
}

export async function inspectRepository(_world: World, _path: string): Promise<Inspection> {
  await Promise.resolve();
  throw new AppError('unsupported', 'Being written.');
}
