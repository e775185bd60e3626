/**
 * Runs a prepared restore. Each thing it has made is journaled, so whatever a failure or a crash
 * leaves is known and removed; nothing that was there before, or that another program made
 * meanwhile, is touched.
 */
import { dirname, join } from 'node:path';
import type { RestoredItem } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Hypervisor, PoolRecord } from '#engine/hypervisor/hypervisor.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import { makePassableFolder } from '#engine/world/passable-folder.ts';
import type { World } from '#engine/world/world.ts';
import type { NewMachine } from './new-machine.ts';
import { restoredItem, type PreparedRestore, type RestoreRooms } from './restore.ts';
import type { ImageProgress, ImageSpec } from './image-spec.ts';
import { partialPrefix, writeImage } from './write-image.ts';
import { writeVolume } from './write-volume.ts';

/** What the journal says before anything is made; the steps named `madeStep` add each file. */
export interface RestoreJournal {
  readonly host: string | null;
  readonly uuid: string | null;
  /** The folder made for the new machine, removed again only when it is empty. */
  readonly folder: string | null;
  /** The storage pool the files went to through libvirt, if one was needed. */
  readonly pool: string | null;
  /** Folders in which a half-written image may lie. */
  readonly partialFolders: readonly string[];
}

/** How the files end in which swtpm keeps a TPM. */
const tpmStateEnd = '.permall';

export const madeStep = 'made';
/** From here on the machine may exist: only its host can say whether the files are in use. */
export const definingStep = 'defining';

/** A file that a restore has finished, with what tells it from one that took its name since. */
export interface MadeFile {
  readonly path: string;
  /** Null for a volume, which libvirt made. */
  readonly inode: number | null;
  readonly modifiedMs: number | null;
}

type Remember = (path: string) => Promise<void>;

/** Makes the files and the machine; throws after removing what it made. */
export async function runRestore(
  rooms: RestoreRooms,
  prepared: PreparedRestore,
  context: JobContext,
): Promise<readonly RestoredItem[]> {
  const { world, journals } = rooms;
  const { images, machine } = prepared;
  const about: RestoreJournal = {
    host: rooms.host?.id ?? null,
    uuid: machine?.uuid ?? null,
    folder: machine === null ? null : await folderToMake(world, machine),
    pool: machine?.pool?.name ?? null,
    partialFolders: [...new Set(images.map(({ path }) => partialFolder(rooms, machine, path)))],
  };
  const journal = journals.beginJournal('restore', { ...about });
  const made: MadeFile[] = [];
  const remember = async (path: string) => {
    const file = await identify(world, path, about.pool !== null);
    made.push(file);
    journals.addStep(journal, madeStep, { ...file });
  };
  const close = () => {
    try {
      journals.closeJournal(journal);
    } catch (thrown) {
      world.log.error('The journal of a restore stays open', thrown); // recovery looks at it again
    }
  };
  let restored: readonly RestoredItem[];
  try {
    if (about.folder !== null) await makeFolder(rooms, about.folder);
    restored = await writeAll(rooms, prepared, context, remember);
    if (machine !== null) {
      await writeParts(rooms, machine, remember);
      journals.addStep(journal, definingStep, { uuid: machine.uuid });
      await defineMachine(rooms, prepared, machine, context);
    }
  } catch (thrown) {
    if (await undone(rooms, about, made)) close();
    throw thrown;
  }
  close();
  return restored;
}

/** Where files are finished before libvirt takes them into a pool. */
function stagingFolder({ host, socketFolder }: RestoreRooms): string {
  return host?.stagingFolder ?? socketFolder;
}

function partialFolder(rooms: RestoreRooms, machine: NewMachine | null, path: string): string {
  return (machine?.pool ?? null) === null ? dirname(path) : stagingFolder(rooms);
}

/** Null where the folder is there already, or is a pool's: then it is not ours to remove. */
async function folderToMake(world: World, { folder, pool }: NewMachine): Promise<string | null> {
  return pool === null && (await world.files.stat(folder)) === null ? folder : null;
}

async function identify(world: World, path: string, volume: boolean): Promise<MadeFile> {
  const stat = volume ? null : await world.files.stat(path);
  return { path, inode: stat?.inode ?? null, modifiedMs: stat?.modifiedMs ?? null };
}

async function makeFolder(rooms: RestoreRooms, folder: string): Promise<void> {
  const { files } = rooms.world;
  const owner = ownerOf(rooms);
  if (owner === null) return files.makeFolder(folder, 0o711);
  await makePassableFolder(files, folder);
  await files.chown(folder, owner.uid, owner.gid);
}

/**
 * Removes what a failed restore made; false when that has to be tried again. A machine that libvirt
 * defined although the call was cut off goes first, so that none is left without its disks.
 */
async function undone(
  { world, host }: RestoreRooms,
  about: RestoreJournal,
  made: readonly MadeFile[],
): Promise<boolean> {
  try {
    if (host !== null && about.uuid !== null) {
      const machines = await host.hypervisor.listMachines();
      if (machines.some(({ uuid }) => uuid === about.uuid))
        await host.hypervisor.undefine(about.uuid, { keepNvram: true });
    }
    if (host !== null && about.pool !== null) await dropVolumes(host.hypervisor, made);
    else await undoRestore(world, about, made);
    return true;
  } catch (thrown) {
    world.log.error('What a failed restore made could not be removed yet', thrown);
    return false;
  }
}

async function writeAll(
  rooms: RestoreRooms,
  { images, machine, writeBytes }: PreparedRestore,
  context: JobContext,
  remember: Remember,
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
    const { path, format } = image;
    // A raw image is read back while it is being written.
    const alongside = format === 'raw' ? ' and reading it back' : '';
    context.setActivity(`Writing ${target}${alongside} (${place})`);
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
        context.progress({ ...(format !== 'raw' && { activity }), doneBytes: done, totalBytes });
      },
    };
    const bytes = await context.step(`Restore ${target}`, () =>
      pool === null
        ? writeImage(world, store, spec, progress)
        : stageVolume(rooms, pool, spec, progress),
    );
    await remember(path);
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
  const { world, store } = rooms;
  const folder = stagingFolder(rooms);
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

/** Removes the volumes of a restore that did not finish. */
export async function dropVolumes(
  hypervisor: Hypervisor,
  made: readonly Pick<MadeFile, 'path'>[],
): Promise<void> {
  for (const { path } of made) {
    if ((await hypervisor.volumeForPath(path)) !== null) await hypervisor.deleteVolume(path);
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
  remember: Remember,
): Promise<void> {
  const { world, store, manifest, host } = rooms;
  const owner = ownerOf(rooms);
  if (machine.nvramPath !== null && manifest.firmware.kind === 'included') {
    const bytes = await store.readBlob(manifest.firmware.root);
    await writeFirmware(rooms, machine, machine.nvramPath, bytes);
    await remember(machine.nvramPath);
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
    await remember(path);
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
  const staged = join(stagingFolder(rooms), partialPrefix + ids.ulid());
  try {
    await files.createDurable(staged, bytes);
    await giveToPool(rooms, machine.pool, staged, path, new AbortController().signal);
  } finally {
    await files.remove(staged);
  }
}

/**
 * Removes what a restore that did not finish has made. A file that somebody changed, or put there
 * under the same name, stays; so does a folder with anything in it.
 */
export async function undoRestore(
  world: World,
  about: RestoreJournal,
  made: readonly MadeFile[],
): Promise<void> {
  const { files } = world;
  for (const { path, inode, modifiedMs } of made) {
    const stat = await files.stat(path);
    if (stat === null) continue;
    if (stat.inode !== inode || stat.modifiedMs !== modifiedMs) {
      world.log.warn('A file of a restore that was cut off is another one now and stays', { path });
      continue;
    }
    await files.remove(path);
    if (!path.endsWith(tpmStateEnd)) continue;
    await files.removeEmptyFolder(dirname(path));
    await files.removeEmptyFolder(dirname(dirname(path)));
  }
  if (about.folder !== null) await files.removeEmptyFolder(about.folder);
}

/** Length of the part of a ULID that tells the time. */
const ulidTimeLength = 10;

/**
 * Half-written images that a killed restore left in these folders: those named between its journal
 * and the start of this engine (both ULIDs), so that no restore that runs now loses its own.
 */
export async function removePartials(
  world: World,
  folders: readonly string[],
  between: { readonly from: string; readonly until: string },
): Promise<void> {
  const time = (ulid: string) => ulid.slice(0, ulidTimeLength);
  for (const folder of folders) {
    const names = await world.files.list(folder).catch(() => []);
    for (const name of names) {
      if (!name.startsWith(partialPrefix)) continue;
      const at = time(name.slice(partialPrefix.length));
      if (at < time(between.from) || at > time(between.until)) continue;
      await world.files.remove(join(folder, name));
    }
  }
}
