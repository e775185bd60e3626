/**
 * Removes a file for good. The last look before it goes: whatever the plan was made from, no
 * machine of this host may be using it and no snapshot may need it. Files are compared by what they
 * are and not by their names, because a folder may be reached by two.
 */
import { AppError, hasCode } from '#contract/errors.ts';
import type { SnapshotRecord } from '#engine/hypervisor/hypervisor.ts';
import { holdsNothing } from '#engine/nbd/image.ts';
import type { FileStat } from '#engine/world/files.ts';
import type { World } from '#engine/world/world.ts';
import type { ExecuteParts } from './execute.ts';
import { isActive } from './facts.ts';
import { imagesOf } from './images-in-use.ts';

/**
 * @param ifEmpty an overlay stays if anything was written to it since the plan was made.
 * Errors: `refused` when something needs it, `machine-busy` when the machine itself runs on it,
 * those of the connection, and of an image of the machine itself that cannot be read: what it
 * stands on is not known then.
 */
export async function removeFile(
  parts: ExecuteParts,
  path: string,
  ifEmpty: boolean,
): Promise<void> {
  const { world } = parts;
  const stat = await world.files.stat(path);
  if (stat === null) return;
  if (stat.kind !== 'file') {
    world.log.warn('What is to be removed is no plain file, so it stays', { path });
    return;
  }
  if (ifEmpty && !(await holdsNothing(world, path))) {
    world.log.warn('An overlay was written to meanwhile, so it stays', { path });
    return;
  }
  const why = await neededFor(parts, path, stat);
  if (why !== null) {
    throw new AppError('refused', `${why}, so ${path} is kept.`, {
      reasons: [`${why}.`],
      path,
      unharmed: 'The file was not touched.',
      advice: 'Look at the machine again: it changed since the plan was made.',
    });
  }
  await world.files.remove(path);
}

async function neededFor(
  parts: ExecuteParts,
  path: string,
  file: FileStat,
): Promise<string | null> {
  const { world, hypervisor } = parts;
  const isIt = (name: string) => isSameFile(world, name, file);
  for (const machine of await hypervisor.listMachines()) {
    for (const disk of machine.definition.disks) {
      const images = await imagesOf(world, machine, disk, machine.uuid === parts.uuid);
      if (!(await anyIs(images, isIt))) continue;
      // A person may have started it before a cut-off change was finished.
      if (machine.uuid === parts.uuid && isActive(machine)) throw runsOn(machine.name, path);
      return `${machine.name} stands on it`;
    }
    for (const { name, memoryFile, disks } of await snapshotsOf(parts, machine.uuid)) {
      const frozen = disks.flatMap(({ kind, image }) =>
        kind === 'external' ? [image?.source] : [],
      );
      const files = [memoryFile, ...frozen].filter((path) => typeof path === 'string');
      if (await anyIs(files, isIt)) return `The snapshot ${name} of ${machine.name} needs it`;
    }
  }
  return null;
}

function runsOn(name: string, path: string): AppError {
  return new AppError('machine-busy', `${name} runs on ${path}, so it is kept.`, {
    path,
    unharmed: 'The file was not touched.',
    advice: `Switch ${name} off, then finish this change.`,
  });
}

/** A machine that is not there any more needs nothing. */
async function snapshotsOf(
  { hypervisor, uuid: own }: ExecuteParts,
  uuid: string,
): Promise<readonly SnapshotRecord[]> {
  try {
    return await hypervisor.listSnapshots(uuid);
  } catch (thrown) {
    if (uuid !== own && hasCode(thrown, 'machine-not-found')) return [];
    throw thrown;
  }
}

async function anyIs(
  paths: readonly string[],
  isIt: (path: string) => Promise<boolean>,
): Promise<boolean> {
  for (const path of paths) if (await isIt(path)) return true;
  return false;
}

async function isSameFile(world: World, path: string, file: FileStat): Promise<boolean> {
  if (!path.startsWith('/')) return false;
  try {
    const stat = await world.files.stat(await world.files.realPath(path));
    return stat?.device === file.device && stat.inode === file.inode;
  } catch (thrown) {
    if (thrown instanceof AppError) return false; // it is not there, or not ours to look at
    throw thrown;
  }
}
