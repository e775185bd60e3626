/**
 * The three ways to the bytes of a machine's disks, behind one shape: a running machine's pull job,
 * the same on a machine started paused for it, and the closed images of a stopped machine.
 */
import { join } from 'node:path';
import type { Consistency } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import { attribute, parseXml } from '#engine/hypervisor/xml.ts';
import { openNbdPool, type NbdPool } from '#engine/nbd/pool.ts';
import { serveImage } from '#engine/nbd/qemu-nbd.ts';
import type { World } from '#engine/world/world.ts';
import type { WorkFolder } from './host-access.ts';
import { beginPullJob, connectionsPerDisk, type PullJobSpec } from './pull-job.ts';

export interface OpenedDisk {
  readonly pool: NbdPool;
  /** The context that tells what changed; null to read all that is allocated. */
  readonly bitmap: string | null;
  close(): Promise<void>;
}

export interface Source {
  readonly consistency: Consistency;
  openDisk(target: string, signal: AbortSignal): Promise<OpenedDisk>;
  /** Throws when what was read may not be one moment of the machine any more. */
  stillTrue(): Promise<void>;
  /** Ends whatever was begun; safe to call twice. */
  end(): Promise<void>;
}

export async function openRunning(
  world: World,
  hypervisor: Hypervisor,
  work: WorkFolder,
  spec: PullJobSpec,
): Promise<Source> {
  const job = await beginPullJob(world, hypervisor, work, spec);
  return {
    consistency: job.consistency,
    openDisk: async (target, signal) => {
      const { pool, bitmap } = await job.openDisk(target, signal);
      return { pool, bitmap, close: () => pool.close() };
    },
    stillTrue: async () => {
      const stats = await hypervisor.jobStats(spec.uuid);
      if (stats.active && stats.operation === 'backup') return;
      throw new AppError(
        'machine-stopped',
        'The machine was stopped while it was being backed up.',
        {
          unharmed: 'The machine and every earlier restore point are untouched.',
          advice: 'Run the backup again: a stopped machine is read from its closed images.',
        },
      );
    },
    end: job.end,
  };
}

export interface PausedHooks {
  /** The machine was started by us; `run` tells this run of it from a later one. */
  onStarted(run: string | null): void;
  /** Somebody resumed it, so it is left running. */
  onKept(): void;
}

/**
 * Starts the machine paused, so that not one instruction runs, and reads it like a running one.
 * It is stopped again afterwards, unless somebody resumed it meanwhile: then it is theirs.
 */
export async function openPaused(
  world: World,
  hypervisor: Hypervisor,
  work: WorkFolder,
  spec: PullJobSpec,
  hooks: PausedHooks,
): Promise<Source> {
  let resumed = false;
  const stopListening = hypervisor.on((event: HypervisorEvent) => {
    if (event.kind === 'lifecycle' && event.uuid === spec.uuid && event.event === 'resumed') {
      resumed = true;
    }
  });
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    stopListening();
    if (!(await stopIfStillPaused(hypervisor, spec.uuid, resumed))) hooks.onKept();
  };
  try {
    await hypervisor.start(spec.uuid, { paused: true });
  } catch (thrown) {
    stopListening(); // whoever started it meanwhile owns it; it is not stopped here
    throw thrown;
  }
  try {
    hooks.onStarted(await runOf(hypervisor, spec.uuid));
    const source = await openRunning(world, hypervisor, work, spec);
    return {
      ...source,
      consistency: { kind: 'clean', why: 'The machine was off; it was read without running.' },
      end: async () => {
        await source.end();
        await stop();
      },
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** The number libvirt gives each run of a machine; null when it does not run. */
export async function runOf(hypervisor: Hypervisor, uuid: string): Promise<string | null> {
  return attribute(parseXml(await hypervisor.definition(uuid, 'live'), 'domain'), 'id');
}

/** False when the machine runs now because a person resumed it. */
export async function stopIfStillPaused(
  hypervisor: Hypervisor,
  uuid: string,
  resumed: boolean,
): Promise<boolean> {
  const { state } = await hypervisor.state(uuid);
  if (state === 'off' || state === 'crashed') return true;
  if (resumed || state !== 'paused') return false;
  await hypervisor.destroy(uuid);
  return true;
}

export interface ClosedDisk {
  readonly target: string;
  readonly path: string;
  readonly format: string;
  readonly since: string | null;
}

/** Reads closed images with qemu-nbd; nothing on the host or in the images changes. */
export function openClosed(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  socketFolder: string,
  disks: readonly ClosedDisk[],
  asleep: boolean,
): Source {
  let started = false;
  const stopListening = hypervisor.on((event) => {
    if (event.kind === 'lifecycle' && event.uuid === uuid && event.event === 'started') {
      started = true;
    }
  });
  return {
    consistency: asleep
      ? { kind: 'crash', why: 'The machine was asleep: its memory is saved apart from its disks.' }
      : { kind: 'clean', why: 'The machine was off.' },
    openDisk: async (target, signal) => {
      const disk = disks.find((candidate) => candidate.target === target);
      if (disk === undefined) throw new AppError('internal', `No closed disk ${target}.`);
      return openImage(world, socketFolder, disk, signal);
    },
    stillTrue: async () => {
      const { state } = await hypervisor.state(uuid);
      if (!started && (state === 'off' || state === 'crashed')) return;
      throw new AppError(
        'machine-busy',
        'The machine was started while its closed disks were read.',
        {
          unharmed: 'The machine runs on, and every earlier restore point is untouched.',
          advice: 'Run the backup again: it reads the machine while it runs.',
        },
      );
    },
    end: () => {
      stopListening();
      return Promise.resolve();
    },
  };
}

async function openImage(
  world: World,
  socketFolder: string,
  disk: ClosedDisk,
  signal: AbortSignal,
): Promise<OpenedDisk> {
  const server = await serveImage(world, {
    imagePath: disk.path,
    format: disk.format,
    readOnly: true,
    socketPath: join(socketFolder, `c-${world.ids.ulid().slice(-10)}`),
    ...(disk.since === null ? {} : { bitmap: disk.since }),
  });
  try {
    const bitmap = disk.since === null ? null : `qemu:dirty-bitmap:${disk.since}`;
    const contexts = ['base:allocation', ...(bitmap === null ? [] : [bitmap])];
    const options = { socketPath: server.socketPath, exportName: '', contexts, signal };
    const pool = await openNbdPool(options, connectionsPerDisk);
    return {
      pool,
      bitmap,
      close: async () => {
        await pool.close();
        await server.stop();
      },
    };
  } catch (thrown) {
    await server.stop();
    throw thrown;
  }
}
