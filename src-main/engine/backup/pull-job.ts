/**
 * libvirt's pull backup of a running (or paused) machine: begun together with its new checkpoint,
 * read over NBD, ended. Ending is safe to call twice and after the machine is gone.
 */
import type { Consistency } from '#contract/domain.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import { domainBackupXml } from '#engine/hypervisor/backup-xml.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { attribute, child, parseXml } from '#engine/hypervisor/xml.ts';
import { openNbdPool, type NbdPool } from '#engine/nbd/pool.ts';
import type { World } from '#engine/world/world.ts';
import { frozen, type FreezeMarks } from './freeze.ts';
import type { WorkFolder } from './host-access.ts';

/** NBD connections for one disk; more than four gained nothing on two cores. */
export const connectionsPerDisk = 4;

export interface PullDisk {
  readonly target: string;
  /** Name of the checkpoint whose changes are read, or null to read everything. */
  readonly since: string | null;
  /** Whether the new checkpoint covers this disk. */
  readonly track: boolean;
}

export interface PullJobSpec {
  readonly uuid: string;
  readonly disks: readonly PullDisk[];
  /** Targets that are no part of it. */
  readonly otherTargets: readonly string[];
  /** The checkpoint to create in the same instant; null when no disk can be tracked. */
  readonly checkpoint: { readonly name: string; readonly description: string } | null;
  readonly freeze: FreezeMarks;
}

export interface PullJob {
  readonly consistency: Consistency;
  /** Opens one disk for reading. */
  openDisk(target: string, signal: AbortSignal): Promise<{ pool: NbdPool; bitmap: string | null }>;
  /** Ends libvirt's job; nothing to end is fine. */
  end(): Promise<void>;
}

/** The dirty-bitmap context of a disk of this job. */
function bitmapContext(target: string): string {
  return `qemu:dirty-bitmap:waymark-${target}`;
}

/**
 * Begins the job and returns when QEMU's NBD server listens. `checkpoint-inconsistent` means that
 * libvirt refused the reference: nothing was started.
 */
export async function beginPullJob(
  world: World,
  hypervisor: Hypervisor,
  work: WorkFolder,
  spec: PullJobSpec,
): Promise<PullJob> {
  const backup = backupDefinition(work, spec);
  const checkpoint = checkpointDefinition(spec);
  const consistency = await frozen(world, hypervisor, spec.uuid, spec.freeze, () =>
    hypervisor.beginBackup(spec.uuid, backup, checkpoint),
  );
  return {
    consistency,
    openDisk: async (target, signal) => {
      const disk = spec.disks.find((candidate) => candidate.target === target);
      const bitmap = typeof disk?.since !== 'string' ? null : bitmapContext(target);
      const contexts = ['base:allocation', ...(bitmap === null ? [] : [bitmap])];
      const options = { socketPath: work.socketPath, exportName: target, contexts, signal };
      const pool = await openNbdPool(options, connectionsPerDisk);
      const missing = contexts.find((context) => !pool.contexts.includes(context));
      if (missing !== undefined) {
        await pool.close();
        throw new AppError('nbd-option', `QEMU does not offer ${missing} for ${target}.`, {
          target,
        });
      }
      return { pool, bitmap };
    },
    end: () => endOurJob(hypervisor, spec.uuid, work.path),
  };
}

function backupDefinition(work: WorkFolder, spec: PullJobSpec): string {
  return domainBackupXml({
    socketPath: work.socketPath,
    disks: [
      ...spec.disks.map(({ target, since }) => ({
        target,
        backup: true,
        scratchPath: work.scratchPath(target),
        exportName: target,
        ...(since === null
          ? { mode: 'full' as const }
          : {
              mode: 'incremental' as const,
              incremental: since,
              exportBitmap: `waymark-${target}`,
            }),
      })),
      ...spec.otherTargets.map((target) => ({ target, backup: false })),
    ],
  });
}

function checkpointDefinition(spec: PullJobSpec): string | null {
  if (spec.checkpoint === null) return null;
  return domainCheckpointXml({
    ...spec.checkpoint,
    disks: [
      ...spec.disks.map(({ target, track }) => ({ target, checkpoint: track })),
      ...spec.otherTargets.map((target) => ({ target, checkpoint: false })),
    ],
  });
}

/** Whose backup job a machine has now: ours is the one that exports into `workFolder`. */
export async function jobOwner(
  hypervisor: Hypervisor,
  uuid: string,
  workFolder: string,
): Promise<'ours' | 'foreign' | 'none'> {
  try {
    const stats = await hypervisor.jobStats(uuid);
    if (!stats.active || stats.operation !== 'backup') return 'none';
    const server = child(parseXml(await hypervisor.backupXml(uuid), 'domainbackup'), 'server');
    const socket = attribute(server, 'socket');
    return socket?.startsWith(`${workFolder}/`) === true ? 'ours' : 'foreign';
  } catch (thrown) {
    // Stopped, removed or ended in this very moment: the job went with it.
    if (hasCode(thrown, 'machine-not-found', 'libvirt-error')) return 'none';
    throw thrown;
  }
}

/**
 * Ends the backup job that exports into `workFolder`; none is fine, and another program's is left
 * alone. Throws when libvirt did not end it.
 */
export async function endOurJob(
  hypervisor: Hypervisor,
  uuid: string,
  workFolder: string,
): Promise<void> {
  if ((await jobOwner(hypervisor, uuid, workFolder)) !== 'ours') return;
  try {
    await hypervisor.abortJob(uuid);
  } catch (thrown) {
    if ((await jobOwner(hypervisor, uuid, workFolder)) === 'ours') throw thrown;
  }
}
