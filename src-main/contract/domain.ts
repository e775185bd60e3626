/**
 * What crosses between the engine and every way in: the window, the browser and the command line's
 * `--json`. Only JSON-safe values. Times are UTC epoch milliseconds, sizes are bytes, durations are
 * seconds when a name ends in `seconds`; every number is a safe integer unless it says otherwise.
 */
import type { MachineAction } from './actions.ts';
import type { WireError } from './errors.ts';

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type HostId = Brand<string, 'HostId'>;
/** `<host id>/<libvirt uuid>`: one machine on one host. */
export type MachineId = Brand<string, 'MachineId'>;
export type RepositoryId = Brand<string, 'RepositoryId'>;
export type PointId = Brand<string, 'PointId'>;
export type JobId = Brand<string, 'JobId'>;

export interface Named<Id extends string> {
  readonly id: Id;
  readonly name: string;
}

// Hosts ------------------------------------------------------------------------------------------

export type HostState =
  | { readonly kind: 'connecting' }
  | {
      readonly kind: 'connected';
      readonly libvirtVersion: string; // "9.0.0"
      readonly hypervisorVersion: string; // QEMU, "7.2.22"
      readonly readOnly: boolean;
    }
  /** Not started: the practice host before its machine is created. */
  | { readonly kind: 'stopped' }
  /** Not reachable; tried again by itself at `retryAt`, or null when only a person can help. */
  | { readonly kind: 'failed'; readonly error: WireError; readonly retryAt: number | null };

export interface Host {
  readonly id: HostId;
  readonly name: string;
  readonly uri: string;
  readonly practice: boolean;
  readonly state: HostState;
  readonly machineCount: number;
}

// Machines ---------------------------------------------------------------------------------------

export type MachineState =
  'running' | 'paused' | 'off' | 'crashed' | 'suspended' | 'shutting-down' | 'unknown';

/** Whether a backup can learn from QEMU what changed on this disk. */
export type DiskTracking =
  | { readonly kind: 'trackable' }
  /** Backed up whole each time: the format has no bitmaps. */
  | { readonly kind: 'not-trackable'; readonly reason: string }
  /** Not part of a backup at all. */
  | { readonly kind: 'skipped'; readonly reason: SkipReason };

export type SkipReason =
  'cdrom' | 'floppy' | 'excluded' | 'shared' | 'read-only' | 'passthrough' | 'network' | 'empty';

export interface Disk {
  readonly target: string; // "vda"
  readonly sizeBytes: number | null; // null when the image cannot be read now
  readonly format: string; // "qcow2", "raw"
  readonly source: string | null; // path or a description; null for an empty drive
  readonly bus: string;
  readonly tracking: DiskTracking;
}

/**
 * protected: last good point is as recent as its plan asks; overdue and failing: a plan exists and
 * is not met; never: no restore point; not-planned: has points, but no plan makes new ones.
 */
export type Protection = 'protected' | 'overdue' | 'failing' | 'never' | 'not-planned';

export interface LastPoint {
  readonly id: PointId;
  readonly time: number;
  readonly repository: Named<RepositoryId>;
}

/** One calendar day (local time of the engine's computer) of one machine, for the small strip. */
export interface DayActivity {
  readonly day: string; // "2026-11-22"
  readonly points: number;
  readonly snapshots: number;
  readonly failed: number;
}

export interface Machine {
  readonly id: MachineId;
  readonly uuid: string;
  readonly name: string;
  readonly host: Named<HostId>;
  readonly practice: boolean;
  readonly state: MachineState;
  readonly persistent: boolean;
  readonly description: string;
  readonly memoryBytes: number;
  readonly processors: number;
  readonly firmware: 'bios' | 'uefi';
  readonly hasTpm: boolean;
  readonly hasManagedSave: boolean;
  readonly disks: readonly Disk[];
  readonly protection: Protection;
  /** Why it is not protected, in one sentence; '' when it is, or no plan means it. */
  readonly protectionWords: string;
  /** The next planned time; null without a plan or calendar. */
  readonly nextRun: number | null;
  readonly lastPoint: LastPoint | null;
  readonly pointCount: number;
  readonly storedBytes: number;
  /** The last 14 days, oldest first. */
  readonly days: readonly DayActivity[];
  /** Bytes written since the newest reference checkpoint; null where not known. */
  readonly changed: { readonly bytes: number; readonly since: number; readonly at: number } | null;
  /** The running or queued job of this machine. */
  readonly job: JobId | null;
}

// Restore points ---------------------------------------------------------------------------------

export type ReadMode = 'changed-only' | 're-read';
export type ReReadReason = 'first' | 'reference-lost' | 'resized' | 'asked' | 'not-trackable';

export interface PointDisk {
  readonly target: string;
  readonly format: string;
  readonly mode: ReadMode;
  readonly reason?: ReReadReason; // only with re-read
  readonly sizeBytes: number;
  readonly readBytes: number;
  readonly storedBytes: number;
}

export interface SkippedDisk {
  readonly target: string;
  readonly reason: SkipReason;
}

/** A part of the machine beside its disks: kept, not there, or not readable here. */
export type Part =
  | { readonly kind: 'included'; readonly sizeBytes: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'not-included'; readonly reason: string };

export interface Consistency {
  /** As after a power cut; frozen by the guest agent; switched off. */
  readonly kind: 'crash' | 'filesystem' | 'clean' | 'unknown';
  readonly why: string;
}

export type VerifyDepth = 'structure' | 'data' | 'restore';

export interface Verification {
  readonly time: number;
  readonly depth: VerifyDepth;
  readonly ok: boolean;
}

export interface Point {
  readonly id: PointId;
  readonly machine: { readonly uuid: string; readonly name: string };
  readonly host: string; // name of the host it was made on
  readonly repository: Named<RepositoryId>;
  readonly time: number;
  readonly seconds: number; // how long the backup took, may be fractional
  readonly disks: readonly PointDisk[];
  readonly skipped: readonly SkippedDisk[];
  readonly definition: Part;
  readonly firmware: Part;
  readonly tpm: Part;
  readonly consistency: Consistency;
  readonly checkpoint: string | null;
  readonly sizeBytes: number;
  readonly readBytes: number;
  readonly storedBytes: number;
  readonly verified: Verification | null;
  readonly damaged: boolean;
  /** No rule removes it. */
  readonly pinned: boolean;
}

// Repositories -----------------------------------------------------------------------------------

export type RepositoryState =
  | { readonly kind: 'ready' }
  /** No key remembered: ask for the password. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'unavailable'; readonly error: WireError };

export type KeyStorage = 'secret-service' | 'file' | 'asked-every-time' | 'not-needed';

export interface Repository {
  readonly id: RepositoryId;
  readonly name: string;
  readonly path: string;
  readonly practice: boolean;
  readonly encrypted: boolean;
  readonly keyStorage: KeyStorage;
  readonly blockSizeBytes: number;
  readonly state: RepositoryState;
  readonly pointCount: number;
  readonly machineCount: number;
  readonly usedBytes: number; // what the repository's files take
  readonly logicalBytes: number; // sum of the sizes of all points' disks
  readonly freeBytes: number | null; // of the file system it is on
  readonly lastVerified: Verification | null;
  /** The recovery code was shown and typed back. */
  readonly recovery: 'confirmed' | 'pending' | 'not-needed';
}

// Jobs and runs ----------------------------------------------------------------------------------

export type JobKind =
  | 'backup'
  | 'restore'
  | 'verify'
  | 'rebuild'
  | 'gc'
  | 'point-delete'
  | 'practice'
  | 'repair'
  // Changes of a machine's snapshots and checkpoints.
  | 'snapshot'
  | 'revert'
  | 'snapshot-delete'
  | 'checkpoint'
  | 'doctor';

export interface Progress {
  /** What is being done now, in words: "Reading vda (1 of 2)". */
  readonly activity: string;
  readonly doneBytes: number;
  readonly totalBytes: number | null; // null while it is not known
  readonly readBytes: number;
  readonly storedBytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number | null;
  /** Why nothing moves, when it has not for 30 s. */
  readonly stalled: string | null;
}

export type JobState =
  | { readonly kind: 'queued'; readonly waitsFor: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'cancelling' }
  | Outcome;

export type Outcome =
  | { readonly kind: 'done'; readonly at: number }
  /** Finished, and something needs a look. */
  | { readonly kind: 'problems'; readonly at: number; readonly problems: readonly string[] }
  | { readonly kind: 'failed'; readonly at: number; readonly error: WireError }
  /** `problems`: what the cleaning up after the cancel could not do; absent when all is clean. */
  | { readonly kind: 'cancelled'; readonly at: number; readonly problems?: readonly string[] };

/** One step of a job and how it went; steps nest (snapshot → export → transfer → clean). */
export interface JobStep {
  readonly title: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly outcome: 'running' | 'done' | 'failed' | 'skipped';
  readonly note: string;
  /** The steps inside this one; absent when there are none. */
  readonly steps?: readonly JobStep[];
}

export type JobResult =
  | { readonly kind: 'backup'; readonly point: Point; readonly seconds: number }
  | {
      readonly kind: 'restore';
      readonly restored: readonly RestoredItem[];
      readonly verified: boolean;
      readonly seconds: number;
      readonly machine: { readonly name: string; readonly uuid: string } | null;
    }
  | { readonly kind: 'verify'; readonly report: VerifyReport }
  | {
      readonly kind: 'action';
      readonly action: MachineAction;
      readonly summary: string; // "web-01 is back at before-upgrade and runs."
      /** Undoes it with one more action; null where nothing does. */
      readonly undo: MachineAction | null;
      readonly seconds: number;
    }
  | { readonly kind: 'other'; readonly summary: string };

export interface RestoredItem {
  readonly target: string; // disk target, or "firmware", "tpm", "definition"
  readonly path: string;
  readonly format: string;
  readonly sizeBytes: number;
  readonly writtenBytes: number;
}

export interface VerifyReport {
  readonly depth: VerifyDepth;
  readonly pointsChecked: number;
  readonly blocksChecked: number;
  readonly bytesRead: number;
  readonly seconds: number;
  readonly damage: readonly Damage[];
}

export interface Damage {
  readonly what: string; // "block", "pack", "manifest"
  readonly id: string;
  readonly detail: string;
  readonly points: readonly PointId[];
}

export interface Job {
  readonly id: JobId;
  readonly kind: JobKind;
  readonly title: string; // "Back up web-01 to attic"
  readonly machine: { readonly id: MachineId | null; readonly name: string } | null;
  readonly repository: Named<RepositoryId> | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly state: JobState;
  readonly progress: Progress | null;
  readonly steps: readonly JobStep[];
  /** What stays behind if it is cancelled now. */
  readonly cancelEffect: string;
  readonly result: JobResult | null;
}

/** The lasting record of a job that ended. */
export interface Run {
  readonly id: JobId;
  readonly kind: JobKind;
  readonly title: string;
  readonly machine: { readonly uuid: string; readonly name: string } | null;
  readonly repository: Named<RepositoryId> | null;
  readonly startedAt: number;
  readonly outcome: Outcome;
  readonly readBytes: number;
  readonly storedBytes: number;
  readonly point: PointId | null;
  readonly steps: readonly JobStep[];
}

// Plans shown before they run --------------------------------------------------------------------

export type CheckLevel = 'ok' | 'warning' | 'blocker' | 'unknown';

/** One line of a pre-flight. A blocker forbids the start; a warning may need a tick. */
export interface Check {
  readonly id: string;
  readonly level: CheckLevel;
  readonly title: string;
  readonly detail: string;
  /** A warning that must be accepted: the words beside the tick box. */
  readonly accept?: string;
}

export interface PlannedDisk {
  readonly target: string;
  readonly mode: ReadMode | 'skip';
  readonly reason?: ReReadReason | SkipReason;
  readonly sizeBytes: number;
  readonly expectedReadBytes: number | null;
}

export interface BackupPlan {
  readonly machine: { readonly id: MachineId; readonly name: string };
  readonly repository: Named<RepositoryId>;
  readonly route: 'running' | 'closed-image' | 'paused-start';
  readonly disks: readonly PlannedDisk[];
  readonly checks: readonly Check[];
  readonly estimatedSeconds: number | null;
  /** What will run, one line an action; for "Show what will run". */
  readonly commands: readonly string[];
}

export interface RestorePlan {
  readonly point: PointId;
  readonly checks: readonly Check[];
  readonly writeBytes: number;
  readonly estimatedSeconds: number | null;
  readonly undo: string;
  readonly commands: readonly string[];
  /** Lines of the definition that change, as a diff; empty for images. */
  readonly definitionChanges: readonly DefinitionChange[];
}

export interface DefinitionChange {
  readonly kind: 'kept-out' | 'changed' | 'added';
  readonly what: string; // "hostdev usb 1058:25ee"
  readonly why: string;
}
