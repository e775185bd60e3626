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
import type { DomainDefinition } from './domain-xml.ts';
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
  readonly source: string | null;
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
  readonly xml: string;
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

  listSnapshots(uuid: string): Promise<readonly SnapshotRecord[]>;
  createSnapshot(uuid: string, xml: string, flags: number): Promise<void>;
  deleteSnapshot(uuid: string, name: string, flags: number): Promise<void>;
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
  /** `path` is a target or the image's path. */
  blockInfo(uuid: string, path: string): Promise<BlockInfo>;
  /** Talks to QEMU past libvirt and taints the machine: for tests and the doctor only. */
  monitorCommand(uuid: string, command: string, human: boolean): Promise<string>;
  hasManagedSave(uuid: string): Promise<boolean>;

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
