/**
 * What a plan is computed from: one machine as it is at one moment, gathered without changing
 * anything (gather.ts), so that planners are pure and a test can write any machine of any libvirt
 * down as a value. Sizes are bytes, times UTC epoch milliseconds.
 */
import type { BitmapHealth, SnapshotStorage } from '#contract/moments.ts';
import type { MachineId, MachineState } from '#contract/domain.ts';
import type { DomainDefinition } from '#engine/hypervisor/domain-xml.ts';
import type { HostKind, SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';

/** A version as one number that compares: major · 1,000,000 + minor · 1,000 + release. */
export type VersionNumber = number;

export interface HostFacts {
  readonly name: string;
  readonly kind: HostKind;
  readonly libvirt: VersionNumber;
  readonly qemu: VersionNumber;
}

/** One image of a disk's chain, the active one first. */
export interface ImageFacts {
  readonly path: string;
  readonly format: string; // "qcow2", "raw"
  readonly sizeBytes: number | null; // what the guest sees
  readonly usedBytes: number | null; // what the file takes
  /** Lower four digits of its mode; null where we may not look. */
  readonly mode: number | null;
  readonly exists: boolean | null; // null where we may not look
  /** We may run qemu-img on it (only ever while no QEMU has it open). */
  readonly writable: boolean;
  /** Names of internal snapshots in it; null where unknown. */
  readonly snapshots: readonly string[] | null;
  /**
   * Persistent bitmaps as the file says them: exact for a closed image, as of the machine's start
   * for an open one, where all are `broken`. Null where unknown.
   */
  readonly bitmaps: readonly { readonly name: string; readonly broken: boolean }[] | null;
  readonly oldFormat: boolean; // qcow2 v2 (compat 0.10): no bitmaps
}

export interface DiskFacts {
  readonly target: string;
  /** Why it cannot be part of any snapshot or checkpoint; null when it can. */
  readonly leftOut:
    | 'cdrom'
    | 'floppy'
    | 'empty'
    | 'read-only'
    | 'shared'
    | 'passthrough'
    | 'network'
    | 'transient'
    | 'sd-bus'
    | 'vhost-user'
    | null;
  /** Active image first, down to the base. Never empty for a disk with `leftOut` null. */
  readonly chain: readonly ImageFacts[];
  /** Free bytes where the active image lies; null where unknown. */
  readonly freeBytes: number | null;
}

export interface SnapshotFacts {
  readonly record: SnapshotRecord;
  /** Its whole XML with secrets, fit for redefining it. */
  readonly xml: string;
  readonly storage: SnapshotStorage | 'mixed';
  readonly undoPoint: boolean;
  /** External: images it froze, per disk, whether they still are there and who stands on them. */
  readonly frozen: readonly {
    readonly target: string;
    readonly path: string;
    readonly format: string;
    readonly exists: boolean | null;
    /**
     * All it stands on is known: it could be read, or it is in a chain that libvirt tells. Not of
     * one that is known by two names: what stands on the one stands on the other.
     */
    readonly seen: boolean;
    /** Images directly on top of it that are known: of the machine or of another snapshot. */
    readonly overlays: readonly string[];
  }[];
  readonly memoryFile: {
    readonly path: string;
    readonly exists: boolean | null;
    readonly bytes: number | null;
  } | null;
}

export interface CheckpointFacts {
  readonly name: string;
  readonly parent: string | null;
  /** Its whole definition: with it libvirt can be told about it again. */
  readonly xml: string;
  readonly time: number;
  readonly owner: 'ours' | 'other-waymark' | 'foreign';
  /** Name of the repository it is for, as far as it is known here. */
  readonly repository: string | null;
  /** The next backup to that repository would start from it. */
  readonly reference: boolean;
  readonly disks: readonly {
    readonly target: string;
    readonly bitmap: string;
    readonly health: BitmapHealth;
  }[];
}

export interface MachineFacts {
  readonly id: MachineId;
  readonly uuid: string;
  readonly name: string;
  readonly host: HostFacts;
  readonly state: MachineState;
  readonly persistent: boolean;
  readonly managedSave: boolean;
  readonly memoryBytes: number;
  readonly definition: DomainDefinition;
  /** XML with secrets: the stored definition, and the live one while it runs. */
  readonly inactiveXml: string;
  readonly liveXml: string | null;
  readonly agentConnected: boolean;
  readonly disks: readonly DiskFacts[];
  /** Parents before their children. */
  readonly snapshots: readonly SnapshotFacts[];
  /**
   * What images stand on that are not in the disks' chains: those that snapshots froze, lie in or
   * name, and all below them.
   */
  readonly bases: readonly { readonly image: string; readonly base: string }[];
  /** Which of its images, frozen ones too, other machines stand on; looked for beside snapshots. */
  readonly shared: readonly { readonly path: string; readonly machine: string }[];
  /** Paths of what lies beside the active images, as far as it can be listed. */
  readonly beside: readonly string[];
  /** Name of the snapshot the present state goes on from. */
  readonly current: string | null;
  /** Parents before their children. */
  readonly checkpoints: readonly CheckpointFacts[];
  /** libvirt runs a job on it now: "backup", "snapshot", …, not ours. */
  readonly libvirtJob: string | null;
  /** libvirt holds a job that it lost (hypervisor/lost-job.ts); `libvirtJob` then is "unknown". */
  readonly lostJob: boolean;
  /** A Waymark job runs or waits on it: its title. */
  readonly waymarkJob: string | null;
  /** A change that was cut off waits for a person: its title. */
  readonly unfinished: string | null;
  /** The newest revert of Waymark whose undo point still is there. */
  readonly undoable: { readonly to: string; readonly kept: string } | null;
  /** Bytes a second the machine's storage was seen to write, for estimates. */
  readonly bytesPerSecond: number;
  readonly pointCount: number;
  readonly at: number;
}

/** "9.0.0" → 9_000_000; a part that is not a number counts as 0. */
export function versionNumber(text: string): VersionNumber {
  const [major = 0, minor = 0, release = 0] = text
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
  return major * 1_000_000 + minor * 1000 + release;
}

/** A process of QEMU has the images open. */
export function isActive({ state }: Pick<MachineFacts, 'state'>): boolean {
  return state !== 'off' && state !== 'crashed';
}
