/** The actions on files: overlays, bitmaps and internal snapshots of closed images, folders. */
import { AppError } from '#contract/errors.ts';
import { explainFailure } from '#engine/nbd/image-failure.ts';
import { imageHead, imageInfo, requireAbsolute } from '#engine/nbd/image.ts';
import type { World } from '#engine/world/world.ts';
import type { ExecuteParts } from './execute.ts';
import { isActive } from './facts.ts';
import { removeFile } from './remove-file.ts';
import type { StepAction } from './steps.ts';
import { untilLetGo } from './until-let-go.ts';

type ImageStep = Extract<
  StepAction,
  {
    do: 'remove-bitmap' | 'create-overlay' | 'remove-file' | 'protect-file' | 'remove-folder';
  }
>;

const quickTimeoutMs = 60_000;
const privateFile = 0o600;
const groupMayWrite = 0o020;
const groupMayUse = 0o060;

export async function executeOnImages(parts: ExecuteParts, action: ImageStep): Promise<void> {
  const { world } = parts;
  switch (action.do) {
    case 'remove-bitmap': {
      const { bitmaps } = await imageInfo(world, action.image, { share: true });
      if (!bitmaps.some(({ name }) => name === action.bitmap)) return;
      await refuseOpen(parts, action.bitmap);
      await untilLetGo(parts);
      const args = ['bitmap', '--remove', '-f', 'qcow2', '--', action.image, action.bitmap];
      return qemuImg(world, action.image, args, quickTimeoutMs);
    }
    case 'create-overlay':
      return createOverlay(world, action);
    case 'remove-file':
      requireAbsolute(action.path);
      return removeFile(parts, action.path, action.ifEmpty === true);
    case 'protect-file':
      return protect(world, action.path, action.mode);
    case 'remove-folder':
      return world.files.removeTree(action.path);
  }
}

/** A person may have started the machine before a cut-off change was finished. */
async function refuseOpen({ hypervisor, uuid }: ExecuteParts, bitmap: string): Promise<void> {
  const machine = await hypervisor.getMachine(uuid);
  if (!isActive(machine)) return;
  const { name } = machine;
  throw new AppError('machine-busy', `${name} runs, so its images cannot be changed.`, {
    bitmap,
    unharmed: `${bitmap} is as it was, and so is everything else.`,
    advice: `Switch ${name} off, then finish this change.`,
  });
}

async function qemuImg(
  world: World,
  path: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<void> {
  requireAbsolute(path);
  const { code, stderr } = await world.processes.run('qemu-img', args, { timeoutMs });
  if (code !== 0) throw await explainFailure(world, { path, writing: true }, stderr);
}

/**
 * A new, empty overlay; never over something that is there. It gets its name when it is whole, so a
 * crash leaves none that is half written, and doing it again is possible.
 */
async function createOverlay(
  world: World,
  { path, base, baseFormat }: Extract<ImageStep, { do: 'create-overlay' }>,
): Promise<void> {
  requireAbsolute(path);
  requireAbsolute(base);
  if ((await world.files.stat(path)) !== null) {
    // A plan that is finished after a crash finds the overlay that it had made.
    const { info, below } = await imageHead(world, path);
    if (info.format === 'qcow2' && below === base) return;
    throw pathExists(path);
  }
  const partial = `${path}.partial`;
  await world.files.remove(partial);
  const owner = await world.files.stat(base);
  // qemu-img would make it readable for everybody: the file is ours before there is anything in it.
  await (await world.files.open(partial, 'create', privateFile)).close();
  try {
    const args = ['create', '-q', '-f', 'qcow2', '-b', base, '-F', baseFormat, '--', partial];
    await qemuImg(world, partial, args, quickTimeoutMs);
    if (owner !== null && world.processes.uid === 0)
      await world.files.chown(partial, owner.uid, owner.gid);
    // Where QEMU reaches the images through their group, it must reach this one too.
    if (owner !== null && (owner.mode & groupMayWrite) !== 0)
      await world.files.chmod(partial, privateFile | groupMayUse);
    await world.files.publish(partial, path);
  } catch (thrown) {
    await world.files.remove(partial);
    throw thrown;
  }
}

export function pathExists(path: string): AppError {
  return new AppError('path-exists', `There is already a file at ${path}.`, {
    path,
    unharmed: 'It was not touched.',
    advice: 'Move it away, then try again.',
  });
}

async function protect(world: World, path: string, mode: number): Promise<void> {
  const stat = await world.files.stat(path);
  if (stat === null || stat.mode === mode) return;
  await world.files.chmod(path, mode);
}
