/**
 * The practice machine and its host: a tiny real machine to try backup, revert and restore on, for
 * a computer that may have no machines yet and no libvirt running.
 *
 * Promises: needs no systemd, no KVM and no system daemon; never touches the user's own machines;
 * what it made it finds again after a crash, and removes. For an ordinary user the host is
 * libvirt's own session; for root, or where no session can be reached, a private daemon
 * (daemon.ts).
 * Does not: keep a journal or a connection (the caller does the first, fleet the second), or make
 * the practice repository.
 */
import { join } from 'node:path';
import { AppError, type WireError } from '#contract/errors.ts';
import type { Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import {
  createHost,
  requireTools,
  type HostOptions,
  type ImagesFolder,
  type PracticeHost,
} from './host.ts';
import { diskPath, machineName, machineXml, makeDisk } from './machine.ts';
import { formatRemembered, readRemembered, type Remembered } from './remembered.ts';

/**
 * `folder` remembers what was made and holds the images where the host can enter it;
 * `runtimeFolder` is private, for sockets, with a short path; `hypervisor` opens a connection that
 * this room closes after use.
 */
export interface PracticeOptions extends HostOptions {
  /** The folder with boot.img; by default the one in the source tree. */
  readonly resources?: string;
}

export type PracticeStatus =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unavailable'; readonly error: WireError }
  | { readonly kind: 'present'; readonly uuid: string };

export interface Practice {
  /** Starts nothing. `unavailable` when it could not be created on this computer, and why. */
  status(): Promise<PracticeStatus>;
  /** The practice host's URI; its daemon is running afterwards. */
  ensureHost(): Promise<{ readonly uri: string }>;
  /** Makes the machine and starts it. One that is there already is started. */
  create(): Promise<{ readonly uuid: string }>;
  /** Also goes on after a pause. `machine-not-found` when there is none. */
  start(): Promise<void>;
  /** Switches it off; it cannot hear the power button. */
  stop(): Promise<void>;
  /**
   * Switches it off and removes it with its disk; fine when there is nothing. A private host goes
   * too. `hostKept`: other machines live on the practice host, so it stays.
   */
  remove(): Promise<{ readonly hostKept: boolean }>;
  /** Ends a private daemon on which no machine runs. True when none is running afterwards. */
  stopHost(): Promise<boolean>;
  /** The folder for disks of machines on the practice host. */
  images(): Promise<ImagesFolder>;
}

interface Parts {
  readonly world: World;
  readonly resources: string;
  readonly host: PracticeHost;
  remembered(): Promise<Remembered | null>;
  remember(what: Remembered | null): Promise<void>;
}

export function createPractice(world: World, options: PracticeOptions): Practice {
  const path = join(options.folder, 'practice.json');
  const remembered = () => readRemembered(world.files, path);
  const parts: Parts = {
    world,
    resources: options.resources ?? join(import.meta.dirname, '../../../resources/practice'),
    host: createHost(world, options, async () => (await remembered())?.host ?? null),
    remembered,
    remember: async (what) => {
      if (what === null) return world.files.remove(path);
      await world.files.makeFolder(options.folder);
      await world.files.writeDurable(path, formatRemembered(what));
    },
  };
  return {
    status: () => status(parts),
    ensureHost: async () => ({ uri: (await parts.host.ensure()).uri }),
    create: () => create(parts),
    start: () =>
      withMachine(parts, async (host, { uuid, state }) => {
        if (state === 'paused') await host.resume(uuid);
        else if (state === 'off') await host.start(uuid);
      }),
    stop: () =>
      withMachine(parts, async (host, { uuid, state }) => {
        if (state !== 'off') await host.destroy(uuid);
      }),
    remove: () => remove(parts),
    stopHost: () => parts.host.stop(),
    images: () => parts.host.images(),
  };
}

async function status({ world, remembered }: Parts): Promise<PracticeStatus> {
  const uuid = (await remembered())?.uuid ?? null;
  if (uuid !== null) return { kind: 'present', uuid };
  try {
    await requireTools(world);
    return { kind: 'absent' };
  } catch (thrown) {
    if (thrown instanceof AppError) return { kind: 'unavailable', error: thrown.toJSON() };
    throw thrown;
  }
}

async function create(parts: Parts): Promise<{ readonly uuid: string }> {
  const { world, host: practiceHost } = parts;
  const { choice } = await practiceHost.ensure();
  const { folder, uid, gid } = await practiceHost.images();
  const known = (await parts.remembered())?.uuid ?? null;
  return practiceHost.use(async (host) => {
    const machine = await findMachine(host, known, folder);
    const uuid = machine?.uuid ?? known ?? world.ids.uuid();
    // Remembered before it exists, so that a crash in between leaves something `remove` finds.
    await parts.remember({ host: choice, uuid });
    if (machine === null) {
      await world.files.makeFolder(folder);
      const disk = await makeDisk(world, parts.resources, folder, { uid, gid });
      await host.define(machineXml(uuid, disk));
    }
    if (machine?.state === 'paused') await host.resume(uuid);
    else if (machine === null || machine.state === 'off') await host.start(uuid);
    return { uuid };
  });
}

async function withMachine(
  parts: Parts,
  action: (host: Hypervisor, machine: MachineRecord) => Promise<void>,
): Promise<void> {
  const known = (await parts.remembered())?.uuid ?? null;
  if (known === null) throw notCreated();
  const { folder } = await parts.host.images();
  await parts.host.use(async (host) => {
    const machine = await findMachine(host, known, folder);
    if (machine === null) throw notCreated();
    await action(host, machine);
  });
}

async function remove(parts: Parts): Promise<{ readonly hostKept: boolean }> {
  const known = await parts.remembered();
  if (known === null) return { hostKept: false };
  const { folder } = await parts.host.images();
  const hostKept = await parts.host.use(async (host) => {
    const machine = await findMachine(host, known.uuid, folder);
    if (machine !== null) await removeMachine(host, machine);
    return (await host.listMachines()).length > 0;
  });
  await removeImages(parts.world, folder);
  if (known.host === 'private' && !hostKept) await parts.host.discard();
  // Machines restored to a private host still need it: it must be found again.
  await parts.remember(known.host === 'private' && hostKept ? { ...known, uuid: null } : null);
  return { hostKept };
}

/** By its uuid; else, when that was forgotten or undefined by hand, by its name and its folder. */
async function findMachine(
  host: Hypervisor,
  uuid: string | null,
  images: string,
): Promise<MachineRecord | null> {
  const machines = await host.listMachines();
  const known = machines.find((machine) => machine.uuid === uuid);
  if (known !== undefined) return known;
  const namesake = machines.find(({ name }) => name === machineName);
  if (namesake === undefined) return null;
  const ours = namesake.definition.disks.some(({ source }) => source?.startsWith(`${images}/`));
  if (ours) return namesake;
  throw new AppError('name-taken', `Another machine here is called ${machineName}.`, {
    name: machineName,
    uuid: namesake.uuid,
    unharmed: 'That machine was not touched.',
    advice: 'It may belong to Waymark with another data folder. Rename or remove it there.',
  });
}

async function removeMachine(host: Hypervisor, { uuid, state }: MachineRecord): Promise<void> {
  if (state !== 'off') await host.destroy(uuid);
  await host.undefine(uuid, { checkpointsMetadata: true, snapshotsMetadata: true });
}

/** The disk, and the overlays that external snapshots put beside it under its name. */
async function removeImages(world: World, folder: string): Promise<void> {
  await world.files.remove(diskPath(folder));
  if ((await world.files.stat(folder)) === null) return;
  for (const name of await world.files.list(folder)) {
    if (name.startsWith(`${machineName}.`)) await world.files.remove(join(folder, name));
  }
}

function notCreated(): AppError {
  return new AppError('machine-not-found', 'There is no practice machine.', {
    advice: 'Create it first: waymark practice create.',
  });
}
