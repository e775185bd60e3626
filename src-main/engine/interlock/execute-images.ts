/** The actions on files: overlays, bitmaps and internal snapshots of closed images, folders. */
import { AppError } from '#contract/errors.ts';
import type { DomainDefinition } from '#engine/hypervisor/domain-xml.ts';
import { explainFailure } from '#engine/nbd/image-failure.ts';
import { imageHead, imageInfo, requireAbsolute } from '#engine/nbd/image.ts';
import type { World } from '#engine/world/world.ts';
import type { ExecuteParts } from './execute.ts';
import type { StepAction } from './steps.ts';

type ImageStep = Extract<
  StepAction,
  {
    do:
      | 'remove-bitmap'
      | 'take-image-snapshot'
      | 'drop-image-snapshot'
      | 'create-overlay'
      | 'commit-overlay'
      | 'remove-file'
      | 'protect-file'
      | 'remove-folder';
  }
>;

/** Merging a large overlay takes as long as copying it; milliseconds. */
const commitTimeoutMs = 24 * 60 * 60 * 1000;
const quickTimeoutMs = 60_000;
const privateFile = 0o600;

export async function executeOnImages(parts: ExecuteParts, action: ImageStep): Promise<void> {
  const { world } = parts;
  switch (action.do) {
    case 'remove-bitmap': {
      const { bitmaps } = await imageInfo(world, action.image);
      if (!bitmaps.some(({ name }) => name === action.bitmap)) return;
      const args = ['bitmap', '--remove', '-f', 'qcow2', '--', action.image, action.bitmap];
      return qemuImg(world, action.image, args, quickTimeoutMs);
    }
    case 'take-image-snapshot': {
      const { snapshots } = await imageInfo(world, action.image);
      if (snapshots.some(({ name }) => name === action.name)) return;
      const args = ['snapshot', '-c', action.name, '--', action.image];
      return qemuImg(world, action.image, args, quickTimeoutMs);
    }
    case 'drop-image-snapshot': {
      const { snapshots } = await imageInfo(world, action.image);
      if (!snapshots.some(({ name }) => name === action.name)) return;
      const args = ['snapshot', '-d', action.name, '--', action.image];
      return qemuImg(world, action.image, args, quickTimeoutMs);
    }
    case 'create-overlay':
      return createOverlay(world, action);
    case 'commit-overlay': {
      const args = ['commit', '-q', '-f', 'qcow2', '-b', action.base, '--', action.overlay];
      return qemuImg(world, action.overlay, args, commitTimeoutMs);
    }
    case 'remove-file':
      return removeFile(parts, action.path);
    case 'protect-file':
      return protect(world, action.path, action.mode);
    case 'remove-folder':
      return world.files.removeTree(action.path);
  }
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

/** A new, empty overlay that only its base's owner may read; never over something that is there. */
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
    throw new AppError('path-exists', `There is already a file at ${path}.`, {
      path,
      unharmed: 'It was not touched.',
      advice: 'Move it away, then try again.',
    });
  }
  const owner = await world.files.stat(base);
  // qemu-img would overwrite: creating the file ourselves is what makes the name ours.
  await (await world.files.open(path, 'create', privateFile)).close();
  try {
    const args = ['create', '-q', '-f', 'qcow2', '-b', base, '-F', baseFormat, '--', path];
    await qemuImg(world, path, args, quickTimeoutMs);
    if (owner !== null && world.processes.uid === 0)
      await world.files.chown(path, owner.uid, owner.gid);
  } catch (thrown) {
    await world.files.remove(path);
    throw thrown;
  }
}

async function protect(world: World, path: string, mode: number): Promise<void> {
  const stat = await world.files.stat(path);
  if (stat === null || stat.mode === mode) return;
  await world.files.chmod(path, mode);
}

/** The last look before a file goes for good: no machine of this host may be using it. */
async function removeFile({ world, hypervisor, uuid }: ExecuteParts, path: string): Promise<void> {
  requireAbsolute(path);
  if ((await world.files.stat(path)) === null) return;
  const machines = await hypervisor.listMachines();
  const user = machines.find(({ definition }) => uses(definition, path));
  if (user !== undefined) {
    throw new AppError('refused', `${user.name} uses ${path}, so it is kept.`, {
      reasons: [`${user.name} uses ${path}.`],
      path,
      unharmed: 'The file was not touched.',
      advice: 'Look at the machine again: it changed since the plan was made.',
    });
  }
  await keepBelow(world, machines.find((one) => one.uuid === uuid)?.definition ?? null, path);
  await world.files.remove(path);
}

function uses({ disks }: DomainDefinition, path: string): boolean {
  return disks.some(
    ({ source, chain }) => source === path || (chain ?? []).some((below) => below.source === path),
  );
}

/** A stopped machine's definition names only the top images; what is below them is looked up. */
async function keepBelow(
  world: World,
  definition: DomainDefinition | null,
  path: string,
): Promise<void> {
  for (const { source, chain, device } of definition?.disks ?? []) {
    if (source === null || chain !== null || device !== 'disk') continue;
    const { backing } = await imageInfo(world, source, { share: true });
    if (!backing.some((below) => below.path === path)) continue;
    throw new AppError('refused', `A disk of the machine stands on ${path}, so it is kept.`, {
      reasons: [`A disk of the machine stands on ${path}.`],
      path,
      unharmed: 'The file was not touched.',
      advice: 'Look at the machine again: it changed since the plan was made.',
    });
  }
}
