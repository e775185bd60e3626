/**
 * Decides how one machine is backed up to one repository, before anything is touched. Pure: facts
 * in, a decision out, so that a wizard can show the very plan that will run.
 *
 * Which blocks of a disk are read (design: "Which blocks are read, decided per disk"). A later row
 * wins over an earlier one that matches too:
 *
 *   last point             its checkpoint            disk                     read / reason
 *   none                   –                         –                        all / first
 *   has this disk          healthy                   same size, same source   changed-only
 *   has this disk          missing or inconsistent   any                      all / reference-lost
 *   has this disk          any                       resized                  all / resized
 *   has other disks only   –                         added to the machine     all / first
 *   any                    any                       user asked               all / asked
 *   any                    any                       format without bitmaps   all / not-trackable
 *
 * "All" means the allocated blocks; the store keeps only what differs. A source or format that is
 * not the one of the last point counts as a lost reference: another image may lie there. An overlay
 * on that very image is the same disk after an external snapshot: QEMU made its bitmaps anew in the
 * overlay (facts A4). libvirt calls a bitmap healthy that begins anywhere in the chain (A8), so it
 * must be seen to reach down to that image: one that was written anew since lost what changed in
 * it. A health
 * that is not known counts as healthy where QEMU itself has the last word when the backup begins
 * ("checkpoint inconsistent": begin again as re-read), and as lost on a closed image.
 *
 * How the disks are reached:
 *
 *   machine        images readable   managed save or host devices   route
 *   active         any               any                            running
 *   off            yes               any                            closed-image
 *   off            no                no                             paused-start
 *   off            no                yes                            refused
 */
import type { BackupPlan, Check, ReReadReason, SkipReason } from '#contract/domain.ts';
import type { AppError } from '#contract/errors.ts';
import { diskSkipReason } from '#engine/hypervisor/disk-eligibility.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';
import { checksOf } from './plan-checks.ts';
import { blockersOf, type Blocker } from './plan-blockers.ts';

export type Route = BackupPlan['route'];
export type CheckpointHealth = 'healthy' | 'missing' | 'inconsistent' | 'unknown';

export interface MachineDisk {
  readonly disk: DomainDisk;
  readonly sizeBytes: number | null; // null when it cannot be read now
  /** The reference's bitmap is in every image from below the active one to the last point's. */
  readonly reachesDown: boolean;
  /** 2 for an old qcow2 that cannot hold bitmaps; null when the image cannot be read. */
  readonly qcowVersion: number | null;
}

/**
 * The newest point of this machine in this repository, as its manifest says. After a backup from
 * closed images the checkpoint is the one of an older point: it marks what changed since then too.
 */
export interface LastPointFacts {
  readonly checkpoint: string | null;
  /** Disks that checkpoint marks; null when libvirt does not list it. */
  readonly checkpointDisks: readonly string[] | null;
  readonly disks: readonly {
    readonly target: string;
    readonly sizeBytes: number;
    readonly source: string | null;
    readonly format: string;
  }[];
}

export interface BackupFacts {
  readonly libvirtVersion: string; // "9.0.0"
  readonly hasManagedSave: boolean;
  /** libvirt holds a job that it lost (hypervisor/lost-job.ts). */
  readonly lostJob: boolean;
  readonly hostDevices: readonly string[];
  /** Whether this process may read the image files (engine.md, kinds of host). */
  readonly imagesReadable: boolean;
  readonly freeScratchBytes: number | null; // null when it could not be asked
  /** What the guest is expected to change while the backup runs; null when nobody measured. */
  readonly expectedDirtyBytes: number | null;
  readonly agent: 'connected' | 'silent' | 'none';
}

export interface BackupInput {
  /** active: a QEMU process has its disks open, whether it runs or is paused. */
  readonly machine: { readonly name: string; readonly active: boolean };
  readonly disks: readonly MachineDisk[];
  readonly lastPoint: LastPointFacts | null;
  /** Of lastPoint.checkpoint; anything when there is none. */
  readonly health: CheckpointHealth;
  readonly exclude: readonly string[];
  readonly reread: boolean;
  readonly facts: BackupFacts;
}

export type DiskDecision =
  | { readonly target: string; readonly mode: 'changed-only' }
  | { readonly target: string; readonly mode: 're-read'; readonly reason: ReReadReason }
  | { readonly target: string; readonly mode: 'skip'; readonly reason: SkipReason };

export interface BackupDecision {
  readonly route: Route;
  readonly disks: readonly DiskDecision[];
  /** Disks the new checkpoint marks; the others need checkpoint='no'. Empty: make none. */
  readonly checkpointDisks: readonly string[];
  /** The checkpoint whose changes are read; null when every disk is re-read. */
  readonly incremental: string | null;
  /**
   * On a closed image no new checkpoint can be made, and none is needed: this old one still marks
   * everything that changes, so the new point names it as its reference.
   */
  readonly keptCheckpoint: string | null;
  readonly checks: readonly Check[];
  /** Throw this instead of starting. */
  readonly refuse: AppError | null;
}

/** The only format whose images hold bitmaps; version 2 cannot store them. */
const bitmapFormat = 'qcow2';
const bitmapQcowVersion = 3;

export function planBackup(input: BackupInput): BackupDecision {
  const route = routeOf(input);
  const disks = input.disks.map((disk) => decideDisk(input, route, disk));
  const trackable = new Set(input.disks.filter(isTrackable).map(({ disk: { target } }) => target));
  const incremental = disks.some(({ mode }) => mode === 'changed-only')
    ? (input.lastPoint?.checkpoint ?? null)
    : null;
  const marked = disks.filter(({ mode, target }) => mode !== 'skip' && trackable.has(target));
  const blockers = blockersOf(input, route, disks);
  return {
    route,
    disks,
    checkpointDisks: route === 'closed-image' ? [] : marked.map(({ target }) => target),
    incremental,
    keptCheckpoint: route === 'closed-image' ? stillMarking(input) : null,
    checks: [...checksOf(input, route, disks), ...blockers.map(toCheck)],
    refuse: blockers[0]?.error ?? null,
  };
}

function toCheck({ id, title, error }: Blocker): Check {
  const advice = error.data['advice'];
  const detail = typeof advice === 'string' ? `${error.message} ${advice}` : error.message;
  return { id, level: 'blocker', title, detail };
}

function routeOf({ machine, facts }: BackupInput): Route {
  if (machine.active) return 'running';
  return facts.imagesReadable ? 'closed-image' : 'paused-start';
}

/** Whether QEMU can keep a bitmap in this image. A transient disk forgets it with the rest. */
function isTrackable({ disk, qcowVersion }: MachineDisk): boolean {
  if (disk.format !== bitmapFormat || disk.transient) return false;
  return qcowVersion === null || qcowVersion >= bitmapQcowVersion;
}

function decideDisk(input: BackupInput, route: Route, disk: MachineDisk): DiskDecision {
  const { target } = disk.disk;
  const skip =
    diskSkipReason(disk.disk) ?? (input.exclude.includes(target) ? ('excluded' as const) : null);
  if (skip !== null) return { target, mode: 'skip', reason: skip };
  const reason = reReadReason(input, route, disk);
  return reason === null ? { target, mode: 'changed-only' } : { target, mode: 're-read', reason };
}

/** The table at the top, last row first; null means changed-only. */
function reReadReason(input: BackupInput, route: Route, disk: MachineDisk): ReReadReason | null {
  const { target } = disk.disk;
  if (!isTrackable(disk)) return 'not-trackable';
  if (input.reread) return 'asked';
  const before = input.lastPoint?.disks.find((one) => one.target === target);
  if (input.lastPoint === null || before === undefined) return 'first';
  if (disk.sizeBytes !== null && before.sizeBytes !== disk.sizeBytes) return 'resized';
  const sameImage = disk.sizeBytes !== null && isSameImage(before, disk, route);
  return sameImage && isMarked(input.lastPoint, target) && isUsable(input.health, route)
    ? null
    : 'reference-lost';
}

function isSameImage(
  before: LastPointFacts['disks'][number],
  { disk: { source, format, chain }, reachesDown }: MachineDisk,
  route: Route,
): boolean {
  if (before.source === null) return source === null;
  if (before.source === source) return before.format === format;
  // libvirt tells the chain of a running machine; that of a stopped one is only what it was.
  if (route !== 'running' || !reachesDown) return false;
  return (chain ?? []).some((below) => {
    return below.source === before.source && below.format === before.format;
  });
}

/** Whether the last point's checkpoint marks this disk, as far as is known. */
function isMarked({ checkpoint, checkpointDisks }: LastPointFacts, target: string): boolean {
  return checkpoint !== null && (checkpointDisks === null || checkpointDisks.includes(target));
}

function isUsable(health: CheckpointHealth, route: Route): boolean {
  return health === 'healthy' || (health === 'unknown' && route !== 'closed-image');
}

function stillMarking({ lastPoint, health }: BackupInput): string | null {
  return health === 'healthy' ? (lastPoint?.checkpoint ?? null) : null;
}
