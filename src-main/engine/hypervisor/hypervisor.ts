/**
 * The libvirt room. It speaks libvirt's own RPC to one host and knows machines, checkpoints, backup
 * jobs, snapshots and volumes.
 *
 * Promises: every call ends (reply, libvirt's error as data, or `libvirt-timeout`); events arrive
 * by push; after the daemon comes back the connection does too, and says so: state is read anew.
 * Does not: decide anything about backups, keep state of its own, or touch the bytes of a disk.
 */
import type { AppError } from '#contract/errors.ts';
import type { MachineState } from '#contract/domain.ts';
import type { DomainDefinition, ImageRef } from './domain-xml.ts';
import type { QemuUser } from './qemu-user.ts';

/** Who serves this connection, seen from us (decides which files we may read). */
export type HostKind = 'session' | 'system-root' | 'system-user';

export interface HypervisorInfo {
  readonly libvirtVersion: string; // "9.0.0"
  readonly hypervisorVersion: string; // "7.2.22"
  readonly hostname: string;
  /** libvirt granted no more than looking. */
  readonly readOnly: boolean;
  readonly kind: HostKind;
}

export interface MachineRecord {
  readonly uuid: string;
  readonly name: string;
  readonly state: MachineState;
  readonly persistent: boolean;
  readonly hasManagedSave: boolean;
  /** The live definition while it runs, the stored one otherwise. */
  readonly definition: DomainDefinition;
}

export interface MachineStatus {
  readonly state: MachineState;
  /** libvirt's number; what it means depends on the state (virDomain…Reason). */
  readonly reason: number;
}

export interface SnapshotDiskRecord {
  readonly target: string;
  readonly kind: 'internal' | 'external' | 'no' | 'manual';
  /** External: the overlay that the machine has written to since; null for the other kinds. */
  readonly source: string | null;
  /** The overlay's format, where libvirt says it. */
  readonly format: string | null;
  /**
   * The image the disk had when the snapshot was taken: the one it froze, or the one that holds an
   * internal one. Null when libvirt keeps no definition with the snapshot.
   */
  readonly image: ImageRef | null;
  /** A deletion of a snapshot after this one did not come to its end on this disk. */
  readonly deleting: boolean;
}

export interface SnapshotRecord {
  readonly name: string;
  readonly description: string;
  readonly time: number; // UTC epoch milliseconds, libvirt keeps whole seconds
  readonly parent: string | null;
  readonly current: boolean;
  readonly machineState: MachineState;
  readonly memory: 'internal' | 'external' | 'no';
  readonly memoryFile: string | null;
  readonly disks: readonly SnapshotDiskRecord[];
  /** libvirt keeps a record of it, not only QEMU inside the image. */
  readonly hasMetadata: boolean;
  /** The machine as it was then; null for snapshots that libvirt has no definition of. */
  readonly domain: DomainDefinition | null;
  /** What the next start would have used, where that was another definition. */
  readonly inactiveDomain: DomainDefinition | null;
  /** Without secrets; `snapshotXml` has them. */
  readonly xml: string;
}

/** Names only: cheap enough to notice by polling what other programs did. */
export interface MomentNames {
  readonly snapshots: readonly string[]; // sorted, as those of the checkpoints
  readonly currentSnapshot: string | null;
  readonly checkpoints: readonly string[];
}

export interface CheckpointDiskRecord {
  readonly target: string;
  readonly bitmap: string;
}

export interface CheckpointRecord {
  readonly name: string;
  readonly time: number; // UTC epoch milliseconds, libvirt keeps whole seconds
  readonly parent: string | null;
  readonly description: string;
  /** Only disks that take part. */
  readonly disks: readonly CheckpointDiskRecord[];
  /** Its whole definition, with the domain it was made of. */
  readonly xml: string;
}

/** Bytes written since a checkpoint. */
export interface ChangedBytes {
  readonly target: string;
  /** Null when libvirt cannot tell: the checkpoint's bitmap is missing or broken. */
  readonly bytes: number | null;
}

export type BlockJobType = 'unknown' | 'pull' | 'copy' | 'commit' | 'active-commit' | 'backup';

export type BlockJobStatus = 'completed' | 'failed' | 'cancelled' | 'ready';

export interface BlockJobInfo {
  readonly type: BlockJobType;
  /** How far it is, in a unit of QEMU's choosing, usually bytes. */
  readonly cur: number;
  readonly end: number;
}

export interface BlockCommitOptions {
  /** The image that takes the data; the lowest when null. */
  readonly base: string | null;
  /** The highest image that is emptied into it; the disk's own when null. */
  readonly top: string | null;
  /** The disk's own image is committed: ends in `ready`, then `abortBlockJob` with `pivot`. */
  readonly active?: boolean;
  /** Removes the files that hold nothing any more. */
  readonly delete?: boolean;
}

export type JobType = 'none' | 'bounded' | 'unbounded' | 'completed' | 'failed' | 'cancelled';

export type JobOperation =
  | 'unknown'
  | 'start'
  | 'save'
  | 'restore'
  | 'migration-in'
  | 'migration-out'
  | 'snapshot'
  | 'snapshot-revert'
  | 'dump'
  | 'backup'
  | 'snapshot-delete';

/** What libvirt knows of a machine's current or just ended job; absent numbers were not told. */
export interface JobStats {
  readonly active: boolean; // type is bounded or unbounded
  readonly type: JobType;
  readonly operation: JobOperation;
  readonly elapsedMs?: number;
  readonly diskTotalBytes?: number;
  readonly diskProcessedBytes?: number;
  readonly diskRemainingBytes?: number;
  /** Pull backup: bytes of scratch taken, and how many there could be. */
  readonly tempUsedBytes?: number;
  readonly tempTotalBytes?: number;
  readonly success?: boolean;
  readonly errorMessage?: string;
}

export interface BlockInfo {
  readonly capacityBytes: number;
  readonly allocationBytes: number;
  readonly physicalBytes: number;
}

/** What a guest moved since its machine started, all disks together. */
export interface GuestBytes {
  readonly readBytes: number;
  readonly writtenBytes: number;
}

export interface PoolRecord {
  readonly name: string;
  readonly uuid: string;
  readonly type: string; // "dir", "logical", …
  readonly path: string | null;
  readonly active: boolean;
  readonly freeBytes: number;
}

export type LifecycleKind =
  | 'defined'
  | 'undefined'
  | 'started'
  | 'suspended'
  | 'resumed'
  | 'stopped'
  | 'shutdown'
  | 'pm-suspended'
  | 'crashed';

export type HypervisorEvent =
  | {
      readonly kind: 'lifecycle';
      readonly uuid: string;
      readonly event: LifecycleKind;
      readonly detail: number; // libvirt's number, meaning depends on the event
    }
  | { readonly kind: 'job-completed'; readonly uuid: string; readonly stats: JobStats }
  | {
      readonly kind: 'block-threshold';
      readonly uuid: string;
      readonly device: string;
      readonly thresholdBytes: number;
      readonly excessBytes: number;
    }
  | {
      readonly kind: 'block-job';
      readonly uuid: string;
      readonly disk: string; // its target
      readonly type: BlockJobType;
      readonly status: BlockJobStatus;
    }
  | { readonly kind: 'agent'; readonly uuid: string; readonly connected: boolean }
  | {
      /** After 'restored' everything must be read anew: events in between are gone. */
      readonly kind: 'connection';
      readonly state: 'lost' | 'restored';
      readonly error?: AppError;
    };

export interface UndefineOptions {
  readonly keepNvram?: boolean;
  readonly checkpointsMetadata?: boolean;
  readonly snapshotsMetadata?: boolean;
}

export interface UploadOptions {
  readonly offset?: number;
  readonly length?: number;
  /** All-zero stretches are sent as holes. */
  readonly sparse?: boolean;
}

/**
 * One host. Machines are named by uuid. Errors: `machine-not-found`, `machine-busy` (its lock was
 * not free for 30 s), `checkpoint-inconsistent`, `libvirt-timeout`, `libvirt-connection-lost`,
 * `libvirt-protocol`, `libvirt-error` (data.code, data.domain, data.level are libvirt's numbers).
 */
export interface Hypervisor {
  readonly uri: string;
  info(): Promise<HypervisorInfo>;
  /** Who QEMU runs as on a system host; null where the host does not say (session hosts). */
  qemuUser(): Promise<QemuUser | null>;
  listMachines(): Promise<readonly MachineRecord[]>;
  getMachine(uuid: string): Promise<MachineRecord>;
  /** XML with secrets where the connection may see them. */
  definition(uuid: string, which: 'live' | 'inactive'): Promise<string>;
  /** Returns the machine's uuid. */
  define(xml: string): Promise<string>;
  undefine(uuid: string, options?: UndefineOptions): Promise<void>;
  start(uuid: string, options?: { readonly paused?: boolean }): Promise<void>;
  resume(uuid: string): Promise<void>;
  suspend(uuid: string): Promise<void>;
  destroy(uuid: string): Promise<void>;
  shutdown(uuid: string): Promise<void>;
  state(uuid: string): Promise<MachineStatus>;
  /** Null when the machine has no picture now (stopped, or no video). */
  screenshot(uuid: string): Promise<{ readonly mime: string; readonly bytes: Buffer } | null>;

  /** Names of snapshots and checkpoints, and the current one. Waits for no lock. */
  momentNames(uuid: string): Promise<MomentNames>;
  listSnapshots(uuid: string): Promise<readonly SnapshotRecord[]>;
  /** With secrets where the connection may see them: fit for redefining it. */
  snapshotXml(uuid: string, name: string): Promise<string>;
  /** Flags: `snapshotCreateFlag`. Returns when memory and disks are stored. */
  createSnapshot(uuid: string, xml: string, flags: number): Promise<void>;
  /** Flags: `snapshotDeleteFlag`. An external one returns when its data is merged. */
  deleteSnapshot(uuid: string, name: string, flags: number): Promise<void>;
  /** Flags: `snapshotRevertFlag`. */
  revertSnapshot(uuid: string, name: string, flags: number): Promise<void>;

  listCheckpoints(uuid: string): Promise<readonly CheckpointRecord[]>;
  createCheckpoint(uuid: string, xml: string, flags: number): Promise<void>;
  checkpointXml(uuid: string, name: string): Promise<string>;
  deleteCheckpoint(
    uuid: string,
    name: string,
    options?: { readonly metadataOnly?: boolean },
  ): Promise<void>;
  /**
   * Whether every bitmap of the checkpoint can be used, on a running machine. Does not taint it.
   * @param xml the checkpoint's definition if it is known already; read from libvirt otherwise.
   */
  validateCheckpoint(uuid: string, name: string, xml?: string): Promise<boolean>;
  /**
   * How much a running machine wrote since the checkpoint, per disk of it. Never waits for another
   * job: `machine-busy` at once when one runs, and within seconds when the lock is taken.
   */
  checkpointChangedBytes(uuid: string, name: string): Promise<readonly ChangedBytes[]>;

  beginBackup(uuid: string, backupXml: string, checkpointXml: string | null): Promise<void>;
  backupXml(uuid: string): Promise<string>;
  abortJob(uuid: string): Promise<void>;
  jobStats(uuid: string): Promise<JobStats>;
  /** Returns how many file systems the guest agent froze. */
  freeze(uuid: string): Promise<number>;
  thaw(uuid: string): Promise<number>;
  agentConnected(uuid: string): Promise<boolean>;
  /** `device` is a target ("vda") or an indexed node ("vda[3]"). */
  setBlockThreshold(uuid: string, device: string, bytes: number): Promise<void>;
  /**
   * `path` is a target or the image's path. `machine-busy` while the machine's memory is written
   * out: QEMU can abort when it is asked then.
   */
  blockInfo(uuid: string, path: string): Promise<BlockInfo>;
  /** `machine-busy` while the machine's memory is written out; libvirt's error when it is off. */
  guestBytes(uuid: string): Promise<GuestBytes>;
  /** Talks to QEMU past libvirt and taints the machine: for tests and the doctor only. */
  monitorCommand(uuid: string, command: string, human: boolean): Promise<string>;
  hasManagedSave(uuid: string): Promise<boolean>;
  /** The saved memory is gone for good; the next start boots. Idempotent. */
  removeManagedSave(uuid: string): Promise<void>;
  /** The definition inside a memory file of a save or a snapshot, with secrets. */
  savedDefinition(file: string): Promise<string>;
  /**
   * Starts a stopped machine from a memory file of a save or a snapshot; the file stays.
   * @param options.xml a definition that fits the memory: other images, same devices.
   * @param options.paused as it was when saved unless given.
   */
  restoreMemory(
    file: string,
    options?: { readonly xml?: string; readonly paused?: boolean },
  ): Promise<void>;

  /** Returns when the job has begun; `block-job` events tell its end. `disk` is a target. */
  blockCommit(uuid: string, disk: string, options: BlockCommitOptions): Promise<void>;
  /** Copies what the disk takes from images above `base` (all of them when null) into its own. */
  blockPull(uuid: string, disk: string, options: { readonly base: string | null }): Promise<void>;
  blockJob(uuid: string, disk: string): Promise<BlockJobInfo | null>;
  /** Ends it: with `pivot` the machine goes on with the image an active commit went into. */
  abortBlockJob(uuid: string, disk: string, options?: { readonly pivot?: boolean }): Promise<void>;

  listPools(): Promise<readonly PoolRecord[]>;
  /** Returns the new volume's path. */
  createVolume(pool: string, xml: string): Promise<string>;
  deleteVolume(path: string): Promise<void>;
  /** Null when no pool holds the path. */
  volumeForPath(
    path: string,
  ): Promise<{ readonly name: string; readonly capacityBytes: number } | null>;
  uploadVolume(
    path: string,
    source: AsyncIterable<Uint8Array>,
    options?: UploadOptions,
  ): Promise<void>;
  /**
   * `path-invalid` when it is larger than `maxBytes`.
   * @param range only these bytes; the whole volume when left out.
   */
  downloadVolume(
    path: string,
    maxBytes: number,
    range?: { readonly offset: number; readonly length: number },
  ): Promise<Buffer>;

  /** Returns the function that stops it. A listener must not throw. */
  on(listener: (event: HypervisorEvent) => void): () => void;
  /** Idempotent; calls under way end with `libvirt-connection-lost`. */
  close(): Promise<void>;
}
