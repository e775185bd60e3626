/**
 * A restore to a raw image as Waymark does it, but for reading back: what the other tools do, and
 * what comparing costs. Only the bench does this.
 *
 *   node test/bench/unchecked.ts REPOSITORY PASSWORD-FILE INDEX POINT IMAGE
 */
import { readFile } from 'node:fs/promises';
import { createImage } from '#engine/nbd/image.ts';
import { RawFilling } from '#engine/restore/raw-image.ts';
import { openRepository, type TreeReader } from '#engine/store/repository.ts';
import { realWorld } from '#engine/world/world.ts';

const [path = '', passwordFile = '', indexPath = '', id = '', image = ''] = process.argv.slice(2);
const world = realWorld();
const password = (await readFile(passwordFile, 'utf8')).trimEnd();
const repository = await openRepository(world, path, { password }, { indexPath });
try {
  const point = (await repository.listPoints()).find((one) => one.id === id);
  if (point === undefined) throw new Error(`There is no point ${id}.`);
  const disk = (await repository.readPoint(id, point.machineUuid)).disks[0];
  if (disk === undefined) throw new Error(`The point ${id} has no disk.`);
  const { root } = disk;
  await createImage(world, image, 'raw', root.sizeBytes);
  const file = (await world.files.openDirect(image)) ?? (await world.files.open(image, 'write'));
  const tree = repository.openTree(root);
  const trusting: TreeReader = {
    ranges: () => tree.ranges(),
    read: (offset, length) => tree.read(offset, length),
    stream: (options) => tree.stream(options),
    copyTo: (write, options) => tree.copyTo(write, options),
    firstDifference: () => Promise.resolve(null),
  };
  const spec = { path: image, format: 'raw', root, owner: null, socketFolder: '' } as const;
  await new RawFilling(trusting, file, spec, {
    signal: new AbortController().signal,
    onWritten: () => undefined,
    onChecked: () => undefined,
  }).run();
  await file.close();
} finally {
  await repository.close();
}
