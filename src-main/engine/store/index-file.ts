/**
 * The file of the block index. SQLite does not flush it, because that would hold the event loop for
 * as long as the disk is busy with packs. After a power cut it may therefore be torn, and so a file
 * beside it says under which boot of the computer it was opened: found under another boot, the
 * index is made anew from the packs' trailers. A process that is killed tears nothing.
 */
import type { World } from '#engine/world/world.ts';
import { BlockIndex } from './index.ts';

const inMemory = ':memory:';
const bootIdPath = '/proc/sys/kernel/random/boot_id';
const maxBootIdBytes = 256;

function markPath(path: string): string {
  return `${path}-boot`;
}

/** Opens the cache; one that is broken, torn or of another repository is made anew. */
export async function openIndex(
  world: World,
  path: string,
  repositoryId: string,
): Promise<BlockIndex> {
  if (path === inMemory) return new BlockIndex(path, repositoryId);
  const boot = (await world.files.read(bootIdPath, maxBootIdBytes)).toString('utf8');
  const isTorn = await mayBeTorn(world, path, boot);
  if (isTorn) {
    world.log.warn('The computer stopped while the block index was open: it is made anew.', {
      path,
    });
    await removeIndex(world, path);
  }
  await world.files.writeDurable(markPath(path), Buffer.from(boot));
  const index = await openOrRemake(world, path, repositoryId);
  // What was known to be lost went with it: nothing is taken for stored without looking.
  if (isTorn) index.note('vanished', true);
  return index;
}

async function mayBeTorn(world: World, path: string, boot: string): Promise<boolean> {
  if ((await world.files.stat(markPath(path))) === null) return false;
  const mark = await world.files.read(markPath(path), maxBootIdBytes);
  return mark.toString('utf8') !== boot;
}

async function openOrRemake(world: World, path: string, repositoryId: string): Promise<BlockIndex> {
  try {
    return new BlockIndex(path, repositoryId);
  } catch (thrown) {
    world.log.warn('The block index could not be used and is made anew.', {
      path,
      thrown: String(thrown),
    });
    await removeIndex(world, path);
    return new BlockIndex(path, repositoryId);
  }
}

/** Closes and flushes it, unless another process still has it open. */
export async function closeIndex(world: World, path: string, index: BlockIndex): Promise<void> {
  index.close();
  if (path === inMemory) return;
  const others = (await world.files.stat(`${path}-wal`)) !== null;
  if (others || (await world.files.stat(path)) === null) return;
  const file = await world.files.open(path, 'read');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await world.files.remove(markPath(path));
}

export async function removeIndex(world: World, path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await world.files.remove(`${path}${suffix}`);
}
