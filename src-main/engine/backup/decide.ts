/** Puts what was gathered before the pure planner and joins its answer with what running needs. */
import type { ReadMode, ReReadReason, SkippedDisk } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { unmet } from '#contract/pre-flight.ts';
import type { Check } from '#contract/domain.ts';
import type { TreeRoot } from '#engine/store/repository.ts';
import { nearestFolder } from '#engine/world/nearest-folder.ts';
import type { Gathered } from './gather.ts';
import { qemuIdentity, scratchBase, socketOfUri } from './host-access.ts';
import { planBackup, type LastPointFacts, type Route } from './plan.ts';
import type { BackupOrder } from './order.ts';
import type { BackupRooms } from './run.ts';

/** One disk that is read, and from where. */
export interface DecidedDisk {
  readonly target: string;
  readonly mode: ReadMode;
  readonly reason?: ReReadReason;
  readonly sizeBytes: number;
  readonly format: string;
  readonly path: string;
  /** The checkpoint whose changes are read, or null to read all that is allocated. */
  readonly since: string | null;
  /** The tree that the changes go on top of: that of the point which set the checkpoint. */
  readonly base: TreeRoot | null;
  /** Whether the new checkpoint covers it. */
  readonly track: boolean;
  /** Null where only reading tells. */
  readonly expectedReadBytes: number | null;
}

export interface BackupDecision {
  readonly route: Route;
  readonly disks: readonly DecidedDisk[];
  readonly skipped: readonly SkippedDisk[];
  /** Every other disk of the machine, to be named as no part of the job. */
  readonly otherTargets: readonly string[];
  readonly checks: readonly Check[];
  /** Throw this instead of starting. */
  readonly refuse: AppError | null;
}

export async function decide(
  rooms: BackupRooms,
  order: BackupOrder,
  gathered: Gathered,
): Promise<BackupDecision> {
  const { record, reference, sizes, oldFormat } = gathered;
  const { definition } = record;
  const info = await rooms.hypervisor.info();
  const answer = planBackup({
    machine: { name: record.name, active: gathered.active },
    disks: definition.disks.map((disk) => ({
      disk,
      sizeBytes: sizes.get(disk.target) ?? null,
      reachesDown: gathered.reachingDown.has(disk.target),
      qcowVersion: oldFormat.has(disk.target) ? 2 : null,
    })),
    lastPoint: lastPointFacts(gathered),
    health: reference?.health ?? 'missing',
    exclude: order.exclude,
    reread: order.reread,
    facts: {
      libvirtVersion: info.libvirtVersion,
      hasManagedSave: record.hasManagedSave,
      lostJob: gathered.lostJob,
      hostDevices: definition.hostDevices,
      imagesReadable: gathered.imagesReadable,
      freeScratchBytes: await freeScratch(rooms, gathered),
      expectedDirtyBytes: null,
      agent: definition.agentConnected
        ? 'connected'
        : definition.hasAgentChannel
          ? 'silent'
          : 'none',
    },
  });
  const disks: DecidedDisk[] = [];
  const skipped: SkippedDisk[] = [];
  for (const one of answer.disks) {
    if (one.mode === 'skip') {
      skipped.push({ target: one.target, reason: one.reason });
      continue;
    }
    const disk = definition.disks.find(({ target }) => target === one.target);
    const changed = one.mode === 'changed-only';
    const old = reference?.manifest.disks.find(({ target }) => target === one.target);
    disks.push({
      ...one,
      sizeBytes: sizes.get(one.target) ?? 0,
      format: disk?.format ?? 'raw',
      path: disk?.source ?? '',
      since: changed ? (reference?.checkpoint ?? null) : null,
      base: changed ? (old?.root ?? null) : null,
      track: answer.checkpointDisks.includes(one.target),
      expectedReadBytes: changed ? null : (sizes.get(one.target) ?? null),
    });
  }
  return {
    route: answer.route,
    disks,
    skipped,
    otherTargets: skipped.map(({ target }) => target),
    checks: answer.checks,
    refuse: answer.refuse ?? notAccepted(answer.checks, order.accepted),
  };
}

/**
 * The point that set the reference is the one to compare with; where none did, the newest point
 * still tells that this is not the first.
 */
function lastPointFacts({ reference, newest, checkpoints }: Gathered): LastPointFacts | null {
  const manifest = reference?.manifest ?? newest;
  if (manifest === null) return null;
  const known = checkpoints.find(({ name }) => name === reference?.checkpoint);
  return {
    checkpoint: reference?.checkpoint ?? null,
    checkpointDisks: known?.disks.map(({ target }) => target) ?? null,
    disks: manifest.disks,
  };
}

async function freeScratch(rooms: BackupRooms, gathered: Gathered): Promise<number | null> {
  const { world, host, folders } = rooms;
  const identity = await qemuIdentity(world, gathered.xml, socketOfUri(host.uri));
  const base = scratchBase(world, folders, identity);
  return world.files.freeBytes(await nearestFolder(world.files, base)).catch(() => null);
}

function notAccepted(checks: readonly Check[], accepted: readonly string[]): AppError | null {
  const open = unmet(checks, accepted);
  const [first] = open;
  if (first === undefined) return null;
  return new AppError('refused', `${first.title}. ${first.detail}`, {
    reasons: open.map(({ title, detail }) => `${title}. ${detail}`),
    unharmed: 'Nothing was started and nothing was changed.',
    advice: `To go on, accept: ${first.accept ?? ''}.`,
  });
}
