/**
 * Runs a prepared restore. Each thing it has made is journaled, so whatever a failure or a crash
 * leaves is known and removed; nothing that was there before, or that another program made
 * meanwhile, is touched.
 */
import { dirname, join } from 'node:path';
import type { RestoredItem } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { PoolRecord } from '#engine/hypervisor/hypervisor.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { World } from '#engine/world/world.ts';
import type { NewMachine } from './new-machine.ts';
import { restoredItem, type PreparedRestore, type RestoreRooms } from './restore.ts';
import { partialPrefix, writeImage, type ImageProgress, type ImageSpec } from './write-image.ts';
import { writeVolume } from './write-volume.ts';

/** What the journal says before anything is made; the steps named `madeStep` add each file. */
export interface RestoreJournal {
  readonly host: string | null;
  readonly uuid: string | null;
  /** The new machine's folder, removed again only when it is empty. */
  readonly folder: string | null;
  /** The storage pool the files went to through libvirt, if one was needed. */
  readonly pool: string | null;
  /** Folders in which a half-written image may lie. */
  readonly partialFolders: readonly string[];
}

export const madeStep = 'made';
/** From here on the machine may exist: only its host can say whether the files are in use. */
export const definingStep = 'defining';

/** Makes the files and the machine; throws after removing what it made. */
export async function runRestore(
  rooms: RestoreRooms,
  prepared: PreparedRestore,
  context: JobContext,
): Promise<readonly RestoredItem[]> {
  const { world, journals } = rooms;
  const { images, machine } = prepared;
  const inPool = typeof machine?.pool?.name === 'string';
  const about: RestoreJournal = {
    host: rooms.host?.id ?? null,
    uuid: machine?.uuid ?? null,
    folder: machine?.folder ?? null,
    pool: machine?.pool?.name ?? null,
    partialFolders: [...new Set(images.map(({ path }) => dirname(path)))],
  };
  const journal = journals.beginJournal('restore', { ...about });
  const made: string[] = [];
  const remember = (path: string) => {
    made.push(path);
    journals.addStep(journal, madeStep, { path });
  };
  try {
    if (machine !== null && !inPool) await makeFolder(rooms, machine);
    const restored = await writeAll(rooms, prepared, context, remember);
    if (machine !== null) {
      await writeParts(rooms, machine, remember);
      journals.addStep(journal, definingStep, { uuid: machine.uuid });
      await defineMachine(rooms, prepared, machine, context);
    }
    journals.closeJournal(journal);
    return restored;
  } catch (thrown) {
    if (inPool) await dropVolumes(rooms, made);
    else await undoRestore(world, about, made);
    journals.closeJournal(journal);
    throw thrown;
  }
}

async function makeFolder(rooms: RestoreRooms, machine: NewMachine): Promise<void> {
  const { files } = rooms.world;
  if ((await files.stat(machine.folder)) !== null) return;
  await files.makeFolder(machine.folder, 0o711);
  const owner = ownerOf(rooms);
  if (owner !== null) await files.chown(machine.folder, owner.uid, owner.gid);
}

async function writeAll(
  rooms: RestoreRooms,
  { images, machine, writeBytes }: PreparedRestore,
  context: JobContext,
  remember: (path: string) => void,
): Promise<RestoredItem[]> {
  const { world, store } = rooms;
  const pool = machine?.pool ?? null;
  const restored: RestoredItem[] = [];
  let written = 0;
  let done = 0;
  const totalBytes = 2 * writeBytes; // written once, read back once
  for (const [index, image] of images.entries()) {
    const { target, root } = image.disk;
    const place = `${index + 1} of ${images.length}`;
    context.setActivity(`Writing ${target} (${place})`);
    const { path, format } = image;
    const spec = { path, format, root, owner: ownerOf(rooms), socketFolder: rooms.socketFolder };
    const progress = {
      signal: context.signal,
      onWritten: (count: number) => {
        written += count;
        done += count;
        context.progress({ doneBytes: done, totalBytes, readBytes: written, storedBytes: written });
      },
      onChecked: (count: number) => {
        done += count;
        const activity = `Reading ${target} back and comparing (${place})`;
        context.progress({ activity, doneBytes: done, totalBytes });
      },
    };
    const bytes = await context.step(`Restore ${target}`, () =>
      pool === null
        ? writeImage(world, store, spec, progress)
        : stageVolume(rooms, pool, spec, progress),
    );
    remember(path);
    restored.push(restoredItem(image, bytes));
  }
  return restored;
}

/**
 * Finishes and compares the image in a folder of ours, then hands it to libvirt and compares
 * again.
 */
async function stageVolume(
  rooms: RestoreRooms,
  pool: PoolRecord,
  spec: ImageSpec,
  progress: ImageProgress,
): Promise<number> {
  const { world, store, host } = rooms;
  const folder = host?.stagingFolder ?? rooms.socketFolder;
  await world.files.makeFolder(folder);
  const staged = join(folder, `${partialPrefix}${world.ids.ulid()}`);
  try {
    const bytes = await writeImage(world, store, { ...spec, path: staged }, progress);
    await giveToPool(rooms, pool, staged, spec.path, progress.signal);
    return bytes;
  } finally {
    await world.files.remove(staged);
  }
}

async function giveToPool(
  { world, host }: RestoreRooms,
  pool: PoolRecord,
  from: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (host === null) throw new AppError('host-not-found', 'A pool needs a host.');
  await writeVolume(world, host.hypervisor, pool, from, path, {
    signal,
    onChecked: () => undefined,
  });
}

async function dropVolumes({ world, host }: RestoreRooms, made: readonly string[]): Promise<void> {
  for (const path of made) {
    await host?.hypervisor.deleteVolume(path).catch((thrown: unknown) => {
      world.log.error(`The volume ${path} of a failed restore was not removed`, thrown);
    });
  }
}

/** Who a new machine's files belong to: QEMU's user where we are root, else us. */
function ownerOf({ host, world }: RestoreRooms): { uid: number; gid: number } | null {
  if (host === null || world.processes.uid !== 0 || host.identity.uid === 0) return null;
  return host.identity;
}

async function defineMachine(
  rooms: RestoreRooms,
  prepared: PreparedRestore,
  machine: NewMachine,
  context: JobContext,
): Promise<void> {
  const { host } = rooms;
  if (host === null) throw new AppError('host-not-found', 'A new machine needs a host.');
  if (context.signal.aborted) throw new AppError('cancelled', 'Cancelled.');
  await context.step('Define the machine', () => host.hypervisor.define(machine.xml));
  if (prepared.to.kind !== 'new-machine' || !prepared.to.start) return;
  try {
    await context.step('Start the machine', () => host.hypervisor.start(machine.uuid));
  } catch (thrown) {
    // It is restored and compared; only starting it failed, so nothing is undone.
    const why = thrown instanceof AppError ? thrown.message : 'It did not start.';
    context.addProblem(`${machine.name} is restored but did not start: ${why}`);
  }
}

/**
 * Firmware variables and TPM state, where the point has them and this host lets them be put back.
 */
async function writeParts(
  rooms: RestoreRooms,
  machine: NewMachine,
  remember: (path: string) => void,
): Promise<void> {
  const { world, store, manifest, host } = rooms;
  const owner = ownerOf(rooms);
  if (machine.nvramPath !== null && manifest.firmware.kind === 'included') {
    const bytes = await store.readBlob(manifest.firmware.root);
    await writeFirmware(rooms, machine, machine.nvramPath, bytes);
    remember(machine.nvramPath);
    if (machine.pool === null && owner !== null)
      await world.files.chown(machine.nvramPath, owner.uid, owner.gid);
  }
  if (manifest.tpm.kind === 'included' && typeof host?.tpmFolder === 'string') {
    const { fileName, root } = manifest.tpm;
    const version = fileName.startsWith('tpm2') ? 'tpm2' : 'tpm1.2';
    const folder = join(host.tpmFolder, machine.uuid, version);
    const path = join(folder, version === 'tpm2' ? 'tpm2-00.permall' : 'tpm-00.permall');
    await world.files.makeFolder(folder);
    await world.files.createDurable(path, await store.readBlob(root));
    remember(path);
    // libvirt gives the whole folder to swtpm's user when it starts the machine.
  }
}

async function writeFirmware(
  rooms: RestoreRooms,
  machine: NewMachine,
  path: string,
  bytes: Buffer,
): Promise<void> {
  const { files, ids } = rooms.world;
  if (machine.pool === null) return files.createDurable(path, bytes);
  const staged = join(rooms.host?.stagingFolder ?? rooms.socketFolder, ids.ulid());
  try {
    await files.createDurable(staged, bytes);
    await giveToPool(rooms, machine.pool, staged, path, new AbortController().signal);
  } finally {
    await files.remove(staged);
  }
}

/** Removes what a restore that did not finish has made, and half-written images of ours. */
export async function undoRestore(
  world: World,
  about: RestoreJournal,
  made: readonly string[],
): Promise<void> {
  for (const path of made) await world.files.remove(path);
  if (about.folder === null) return;
  const names = await world.files.list(about.folder).catch(() => null);
  if (names?.length === 0) await world.files.removeTree(about.folder);
}

/**
 * Half-written images that a killed restore left in these folders. Only ours are named like that.
 */
export async function removePartials(world: World, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const names = await world.files.list(folder).catch(() => []);
    for (const name of names) {
      if (name.startsWith(partialPrefix)) await world.files.remove(join(folder, name));
    }
  }
}
