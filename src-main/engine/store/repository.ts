/**
 * The repository room: a folder that holds restore points as deduplicated, compressed and, with a
 * password, encrypted blocks. This file is its door: the types every other room sees, and create,
 * open and inspect. FORMAT.md beside it says every byte.
 *
 * Promises: a point is listed only when all of it is on the disk; killed at any write, every
 * earlier point still restores; memory does not grow with the size of a disk.
 * Does not: know machines, hosts or jobs; delete blocks that any point may need.
 */
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { CleanUpOptions, CleanUpOutline } from './clean-up.ts';
import type { CleanUpResult } from './clean-up-run.ts';
import { deriveKeys, formatVersion, keyBytes } from './crypto.ts';
import { FolderStorage, headerName } from './folder-storage.ts';
import {
  damaged,
  defaultBlockBytes,
  encodeHeader,
  headerFits,
  isBlockSize,
  readHeader,
  requireFolder,
  type Header,
} from './header.ts';
import { openIndex } from './index-file.ts';
import type { KeptPoints } from './kept.ts';
import { KeyRing, type Cost } from './keys.ts';
import type { PointManifest } from './manifest.ts';
import { markerKinds } from './marker.ts';
import { OpenedRepository, type RepositoryParts } from './opened-repository.ts';
import { selfTest } from './self-test.ts';
import type { Sharing } from './sharing.ts';
import type { VerifyOptions, VerifyResult } from './verify-result.ts';

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
  /** What guessing a password costs; the default is right for everything but tests. */
  readonly scryptCost?: Cost;
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
  /** Throws `repository-unavailable` unless it is where it was, on the file system it was on. */
  check(): Promise<void>;
  /** Without those that are removed. */
  listPoints(): Promise<readonly PointName[]>;
  /** Throws point-not-found, manifest-damaged, manifest-refused, repository-too-new. */
  readPoint(id: string, machineUuid: string): Promise<PointManifest>;
  /** Takes the lease (repository-busy with data.owner) and brings the index up to date. */
  openWriter(owner: LeaseOwner, signal?: AbortSignal): Promise<StoreWriter>;
  openTree(root: TreeRoot): TreeReader;
  /** The bytes given to putBlob; refuses more than `maxBlobBytes`. */
  readBlob(root: TreeRoot): Promise<Buffer>;
  verify(depth: 'structure' | 'data', options?: VerifyOptions): Promise<VerifyResult>;
  /** Ranges that differ between two disks of the same size; equal subtrees are not read. */
  changedRanges(a: TreeRoot, b: TreeRoot): AsyncIterable<ByteRange>;
  /**
   * Ranges of a disk whose blocks are known to be damaged or missing: a backup that reads only what
   * changed reads these too, which heals them. Costs nothing while no damage is known.
   */
  damagedRanges(root: TreeRoot): AsyncIterable<ByteRange>;
  /** Throws the index away and reads it back from the packs' trailers. */
  rebuildIndex(
    onProgress?: (done: number, total: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  usage(): Promise<Usage>;
  /** `old` is the password or the recovery code; the recovery code stays as it is. */
  changePassword(old: string, next: string): Promise<void>;
  /** Pins, and points removed until the clean-up. */
  readonly kept: KeptPoints;
  /** What removing points frees. Found anew only when the points changed. Throws refused. */
  sharing(signal?: AbortSignal): Promise<Sharing>;
  /** What `cleanUp` would do now; changes nothing. Throws refused. */
  planCleanUp(options?: CleanUpOptions): Promise<CleanUpOutline>;
  /** Takes the lease; frees what no point needs. Throws refused, repository-busy. */
  cleanUp(owner: LeaseOwner, options?: CleanUpOptions): Promise<CleanUpResult>;
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
   * Resolves when accepted: wait for it before the next call. What came from `room` is the store's
   * afterwards; anything else is copied.
   * Any order is right; ascending is fast. Writing a block twice keeps the later bytes.
   */
  write(offset: number, bytes: Buffer): Promise<void>;
  /** Bytes of one `room`: whole blocks. */
  readonly roomBytes: number;
  /**
   * Memory to fill and give to `write`, from its beginning, or to `giveBack`. There are at most
   * `maxBatchesInFlight` of them in a run; when all are in use it waits until one was stored.
   */
  room(): Promise<Buffer>;
  giveBack(room: Buffer): void;
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
  /**
   * The same, given to `write` in ascending order with several under way at once; the bytes are
   * lent until its promise settles, and whole pages of memory where the disk has whole pages. In an
   * encrypted repository they are proven by their seal: whoever relies on them compares what became
   * of them with `firstDifference`. Throws block-damaged, cancelled, or what `write` throws first;
   * no write is under way any more then.
   */
  copyTo(write: WritePiece, options?: CopyOptions): Promise<void>;
  /**
   * Reads from elsewhere what is not zero here and compares: the offset of the first block that
   * differs, or null. Where this tree is zero nothing is read. `onCompared` gets bytes. Throws
   * block-damaged when a block differs because it is damaged here.
   */
  firstDifference(
    read: ReadPiece,
    onCompared: (bytes: number) => void,
    options?: CompareOptions,
  ): Promise<number | null>;
}

export interface CopyOptions {
  readonly signal?: AbortSignal;
  /** All that is not zero before `end` was written. The next writes wait for it. */
  readonly onWritten?: (end: number) => Promise<void>;
}

export interface CompareOptions {
  readonly signal?: AbortSignal;
  /** Only this range, of whole blocks; the whole disk when left out. */
  readonly range?: ByteRange;
}

export type WritePiece = (offset: number, bytes: Buffer) => Promise<void>;
/** Fills `into` with what is at `offset`. */
export type ReadPiece = (offset: number, into: Buffer) => Promise<void>;

export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** Batches of 1 MiB decoded at the same time. */
  readonly concurrency?: number;
  /** Only this range; the whole disk when left out. */
  readonly range?: ByteRange;
  /** The bytes of a piece are others once the next is asked for: spares a copy of each. */
  readonly recycle?: boolean;
}

/** Throws repository-exists, path-exists (something else is there), or what the disk says. */
export async function createRepository(
  world: World,
  path: string,
  options: CreateOptions,
): Promise<{ repository: StoreRepository; recoveryCode: string | null }> {
  selfTest();
  const blockSizeBytes = options.blockSizeBytes ?? defaultBlockBytes;
  if (!isBlockSize(blockSizeBytes)) {
    throw new AppError('invalid-input', 'A block is a power of two from 4 KiB to 4 MiB.', {
      blockSizeBytes,
    });
  }
  await requireEmpty(world, path);
  const storage = new FolderStorage(world, path);
  const id = world.ids.uuid();
  const encrypted = options.password !== null;
  const masterKey = encrypted ? world.ids.bytes(keyBytes) : null;
  const createdAt = world.clock.now();
  const header = { id, formatVersion, encrypted, blockSizeBytes, createdAt };
  for (const folder of ['keys', 'packs', 'points', ...markerKinds, 'locks']) {
    await world.files.makeFolder(`${path}/${folder}`);
  }
  let recoveryCode: string | null = null;
  if (masterKey !== null && options.password !== null) {
    const ring = new KeyRing(storage, world.ids, id, options.scryptCost);
    recoveryCode = await ring.create(masterKey, options.password);
  }
  // The header is written last: until then the folder is not a repository.
  const bytes = encodeHeader(header, deriveKeys(masterKey, id));
  if (!(await storage.putIfAbsent(headerName, bytes))) throw exists(path);
  const indexPath = options.indexPath ?? ':memory:';
  const parts = { world, storage, header, masterKey, indexPath, readOnly: false };
  return { repository: await assemble(parts, options.workerUrl), recoveryCode };
}

/** Creates the folder if needed; refuses one that holds anything. */
async function requireEmpty(world: World, path: string): Promise<void> {
  const stat = await world.files.stat(path);
  if (stat === null) {
    await world.files.makeFolder(path);
    return;
  }
  const names = await world.files.list(path);
  if (names.includes(headerName)) throw exists(path);
  // What an interrupted create left may be used again; anything else is somebody's. Blocks or
  // points without a header are a repository that lost it: its keys must stay.
  const ours = ['keys', 'locks', 'packs', 'points', ...markerKinds, 'lost+found'];
  if (!names.every((name) => ours.includes(name))) throw notEmpty(path);
  for (const name of ['packs', 'points', ...markerKinds]) {
    if (names.includes(name)) await requireNothing(world, `${path}/${name}`);
  }
  await world.files.removeTree(`${path}/keys`);
}

async function requireNothing(world: World, path: string): Promise<void> {
  if ((await world.files.list(path)).length > 0) throw notEmpty(path);
}

function notEmpty(path: string): AppError {
  return new AppError('path-exists', `The folder ${path} is not empty.`, {
    path,
    unharmed: 'Nothing in it was changed.',
    advice: 'Choose an empty folder or a new name.',
  });
}

function exists(path: string): AppError {
  return new AppError('repository-exists', `There is a repository at ${path} already.`, {
    path,
    unharmed: 'It was not changed.',
    advice: 'Add it instead of creating one, or choose another folder.',
  });
}

type Parts = Omit<RepositoryParts, 'index' | 'workerUrl'>;

async function assemble(parts: Parts, workerUrl: URL | undefined): Promise<StoreRepository> {
  const { world, storage, indexPath, header } = parts;
  await (storage as FolderStorage).attach();
  const index = await openIndex(world, indexPath, header.id);
  return new OpenedRepository({ ...parts, index, workerUrl });
}

/**
 * Opens with a password, recovery code or remembered key; null for one without encryption. Throws
 * repository-unavailable, not-a-repository, repository-too-new, repository-locked, wrong-password.
 */
export async function openRepository(
  world: World,
  path: string,
  secret: RepositorySecret | null,
  options: OpenOptions,
): Promise<StoreRepository> {
  selfTest();
  requireFolder(await world.files.stat(path), path);
  const storage = new FolderStorage(world, path);
  const read = await readHeader(storage, path);
  const { header } = read;
  const masterKey = await findKey(world, storage, header, secret);
  if (!headerFits(read, deriveKeys(masterKey, header.id))) {
    if (secret !== null && 'masterKey' in secret) {
      throw new AppError('wrong-password', 'The remembered key does not open this repository.', {
        path,
        unharmed: 'Nothing was changed.',
        advice: 'Unlock it with its password or recovery code.',
      });
    }
    throw damaged(path, 'its parameters are not those it was made with');
  }
  const { indexPath, readOnly = false } = options;
  const parts = { world, storage, header, masterKey, indexPath, readOnly };
  return assemble(parts, options.workerUrl);
}

async function findKey(
  world: World,
  storage: FolderStorage,
  header: Header,
  secret: RepositorySecret | null,
): Promise<Buffer | null> {
  if (!header.encrypted) return null;
  if (secret === null) {
    throw new AppError('repository-locked', 'The repository needs its password.', {
      unharmed: 'Nothing was changed.',
      advice: 'Unlock it with its password or recovery code.',
    });
  }
  if ('masterKey' in secret) return secret.masterKey;
  return new KeyRing(storage, world.ids, header.id).open(secret.password);
}

/** What can be known without a key. Throws the same as openRepository, but for the keys. */
export async function inspectRepository(world: World, path: string): Promise<Inspection> {
  requireFolder(await world.files.stat(path), path);
  const { header } = await readHeader(new FolderStorage(world, path), path);
  const { id, encrypted, blockSizeBytes } = header;
  return { id, encrypted, blockSizeBytes, formatVersion: header.formatVersion };
}
