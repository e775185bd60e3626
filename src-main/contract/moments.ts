/**
 * What is on a machine's timeline: snapshots and checkpoints as libvirt and the images tell them,
 * restore points, and how the machine came to where it is. Units as in domain.ts.
 */
import type {
  Brand,
  JobId,
  MachineId,
  MachineState,
  Named,
  Point,
  RepositoryId,
  Run,
} from './domain.ts';
import type { WireError } from './errors.ts';
import type { MachineAction } from './actions.ts';

// Snapshots --------------------------------------------------------------------------------------

export type SnapshotStorage = 'internal' | 'external';

export interface SnapshotDisk {
  readonly target: string; // "vda"
  readonly storage: SnapshotStorage;
  /** The image that holds the moment: the disk's own (internal), or the one it froze (external). */
  readonly image: string | null;
}

/** A point on the host the machine can go back to. */
export interface Snapshot {
  readonly name: string; // libvirt's, unique within the machine
  readonly description: string;
  readonly time: number;
  readonly parent: string | null;
  /** The one the machine's present state goes on from. */
  readonly current: boolean;
  readonly machineState: MachineState;
  readonly kind: SnapshotStorage | 'mixed';
  readonly memory: boolean;
  readonly disks: readonly string[]; // targets included
  readonly details: readonly SnapshotDisk[];
  /** What its memory takes; null without memory or where it cannot be told apart. */
  readonly memoryBytes: number | null;
  /** A picture of the screen was kept: ask for it with `snapshots.picture`. */
  readonly picture: boolean;
  /** Waymark made it before a revert, to keep where the machine was. */
  readonly undoPoint: boolean;
  /** Why it cannot be gone back to as it is, in words; null when nothing is known against it. */
  readonly broken: string | null;
  /** Deleting it was begun and cut off (libvirt says so): it can only be deleted. */
  readonly deleting: boolean;
}

// Checkpoints ------------------------------------------------------------------------------------

export interface Checkpoint {
  readonly name: string;
  readonly time: number;
  readonly parent: string | null;
  /** Made by this installation, by another Waymark, or by another program. */
  readonly owner: 'ours' | 'other-waymark' | 'foreign';
  readonly repository: Named<RepositoryId> | null;
  /** reference: the next backup starts here; pending: belongs to a run that has not ended. */
  readonly role: 'reference' | 'pending' | 'unused' | 'foreign';
  readonly disks: readonly string[];
}

/** inconsistent: QEMU was killed while it recorded; missing: the image has no such bitmap. */
export type BitmapHealth = 'healthy' | 'inconsistent' | 'missing' | 'unknown';

export interface CheckpointDiskState {
  readonly target: string;
  readonly health: BitmapHealth;
  /** Written since the checkpoint; null where it cannot be told now. */
  readonly changedBytes: number | null;
}

/** How a checkpoint is now; costs libvirt a job, so it is asked for apart from the timeline. */
export interface CheckpointState {
  readonly name: string;
  readonly health: BitmapHealth; // the worst of its disks
  readonly changedBytes: number | null; // sum over its disks; null when one is not known
  readonly disks: readonly CheckpointDiskState[];
}

export interface CheckpointStates {
  readonly machine: MachineId;
  readonly at: number;
  readonly checkpoints: readonly CheckpointState[];
  /** Why nothing newer is known, while what is shown may be older than `at` says. */
  readonly waits: string | null;
}

// The timeline -----------------------------------------------------------------------------------

/** One revert that Waymark ran. */
export interface Revert {
  readonly job: JobId;
  readonly time: number;
  readonly to: string; // name of the snapshot
  /** The snapshot that keeps where the machine was; null when it was not kept. */
  readonly kept: string | null;
  /** When the machine was last at a kept point before: what came since is lost if not kept. */
  readonly lostSince: number | null;
}

/** Everything the machine page draws, at one moment. */
export interface Timeline {
  readonly machine: MachineId;
  readonly snapshots: readonly Snapshot[];
  readonly checkpoints: readonly Checkpoint[];
  readonly points: readonly Point[];
  readonly failures: readonly Run[];
  /** Newest first. */
  readonly reverts: readonly Revert[];
  /** The newest revert can be undone with this action, because its undo point is still there. */
  readonly undo: { readonly revert: Revert; readonly action: MachineAction } | null;
  /** From this many images in a chain on, reading gets slow and libvirt may refuse more. */
  readonly chainWarning: {
    readonly target: string;
    readonly images: number;
    /** Deleting these snapshots merges the oldest images and keeps the newest points. */
    readonly merge: MachineAction | null;
  } | null;
  /** Why snapshots or checkpoints could not be read, while the rest is shown. */
  readonly incomplete: WireError | null;
}

// A change that was cut off ----------------------------------------------------------------------

export type UnfinishedId = Brand<string, 'UnfinishedId'>;

/** A change that stopped half way: a person decides whether it is finished, undone or left. */
export interface Unfinished {
  readonly id: UnfinishedId;
  readonly machine: Named<MachineId>;
  readonly action: MachineAction;
  readonly title: string; // "Revert web-01 to before-upgrade"
  readonly startedAt: number;
  readonly steps: readonly {
    readonly title: string;
    readonly state: 'done' | 'cut-off' | 'not-begun';
  }[];
  /** What finishing does, in words; null when it cannot be finished, with `why` saying so. */
  readonly finish: string | null;
  /** What undoing does, in words; null when it cannot be undone. */
  readonly undo: string | null;
  /** What leaving it means, in words; null while it can be both finished and undone. */
  readonly leave: string | null;
  readonly why: string;
}

// The doctor -------------------------------------------------------------------------------------

export type FindingKind =
  | 'dead-checkpoint' // libvirt lists it, its bitmap is broken or gone
  | 'orphan-bitmap' // an image has a bitmap that no checkpoint names
  | 'lost-checkpoint' // a healthy bitmap of a reference of ours that libvirt forgot
  | 'pending-checkpoint' // belongs to a backup that never became a restore point
  | 'left-over-folder' // scratch files and sockets of a backup that is no more
  | 'unfinished-delete' // a snapshot whose deletion was cut off
  | 'open-overlay' // an overlay that other users of this computer may read (CVE-2025-13193)
  | 'broken-chain' // an image below a disk is missing or is another one
  | 'left-over-memory' // a memory file whose snapshot is gone
  | 'left-over-job'; // a backup job of ours that still runs in libvirt

export interface Finding {
  readonly id: string; // stable while the finding is the same
  readonly kind: FindingKind;
  readonly severity: 'problem' | 'notice';
  readonly title: string;
  /** What disagrees with what, and what it means for the next backup or revert. */
  readonly detail: string;
  /** What the repair does, in words; null when only a person can. */
  readonly repair: string | null;
}

export interface DoctorReport {
  readonly machine: MachineId;
  readonly at: number;
  readonly findings: readonly Finding[];
  /** What was compared, in words. */
  readonly looked: readonly string[];
  /** What could not be, and why. */
  readonly notLooked: readonly { readonly what: string; readonly why: string }[];
}
