/**
 * Everything that is compared: disks, the images of snapshots, and restore points read straight
 * from the repository, each against what the model says. A difference is thrown as `Mismatch`.
 */
import { join } from 'node:path';
import { rm, readFile } from 'node:fs/promises';
import { realWorld } from '#engine/world/world.ts';
import { openRepository, type StoreRepository } from '#engine/store/repository.ts';
import type { PointId } from '#contract/domain.ts';
import type { KnownPoint, Model, Moment } from './model.ts';
import { differences, tell } from './sectors.ts';
import type { TortureRepository, TortureWorld } from './world.ts';

/** Something is not as it must be: a defect of the product, or of the model. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Mismatch(what);
}

/** Index of the first moment that equals what was read; throws telling how the last one differs. */
export function whichMoment(
  what: string,
  read: ReadonlyMap<string, Buffer>,
  moments: readonly Moment[],
): number {
  let complaints: readonly string[] = [];
  for (const [index, moment] of moments.entries()) {
    complaints = unlike(read, moment);
    if (complaints.length === 0) return index;
  }
  const of = moments.length > 1 ? ` (none of ${moments.length} moments fits; the last one)` : '';
  throw new Mismatch([`${what} differs${of}:`, ...complaints].join('\n  '));
}

function unlike(read: ReadonlyMap<string, Buffer>, moment: Moment): readonly string[] {
  const missing = [...moment.keys()].filter((target) => !read.has(target));
  const extra = [...read.keys()].filter((target) => !moment.has(target));
  return [
    ...missing.map((target) => `${target} is missing`),
    ...extra.map((target) => `${target} is there and should not be`),
    ...[...moment].flatMap(([target, sectors]) => {
      const bytes = read.get(target);
      if (bytes === undefined) return [];
      return tell(differences(bytes, sectors)).map((line) => `${target} ${line}`);
    }),
  ];
}

export async function checkDisks(world: TortureWorld, model: Model): Promise<void> {
  whichMoment('The machine’s disk', await world.live.read(), [model.disks]);
}

/**
 * The snapshots libvirt has are those of the model, and their images still hold their moments. What
 * lies in closed images is not read again while no closed image changed.
 */
export async function checkSnapshots(world: TortureWorld, model: Model): Promise<void> {
  const seen = await world.live.snapshots();
  const closed = await world.live.closedImages();
  expectSame(
    'libvirt’s snapshots',
    seen.map(({ name }) => name),
    model.snapshots.map(({ name }) => name),
  );
  for (const snapshot of seen) {
    const known = model.snapshots.find(({ name }) => name === snapshot.name);
    if (known === undefined) continue;
    const lies = JSON.stringify([snapshot, closed]);
    const inClosed = snapshot.disks.every(({ image }) => closed.includes(`${image?.path ?? ''} `));
    if (inClosed && world.seenWell.get(known.alias) === lies) continue;
    const read = await world.live.readSnapshot(snapshot);
    whichMoment(`The snapshot ${known.alias} (${known.name})`, read, [known.moment]);
    world.seenWell.set(known.alias, lies);
  }
}

export function expectSame(
  what: string,
  seen: readonly string[],
  expected: readonly string[],
): void {
  const [a, b] = [[...seen].sort().join(', '), [...expected].sort().join(', ')];
  expectThat(a === b, `${what} are [${a}], expected were [${b}]`);
}

/** Reads restore points with the store alone, apart from the engine. */
export interface PointReader {
  /** Ids of the points of the machine, as the repository's folder has them. */
  list(repository: number): Promise<readonly string[]>;
  read(point: Pick<KnownPoint, 'id' | 'repository'>): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}

export function pointReader(world: TortureWorld): PointReader {
  const opened = new Map<number, StoreRepository>();
  const open = async (index: number): Promise<StoreRepository> => {
    const store = opened.get(index) ?? (await openStore(repositoryAt(world, index)));
    opened.set(index, store);
    await store.usage(); // brings its index up to date
    return store;
  };
  return {
    list: async (index) => {
      const points = await (await open(index)).listPoints();
      return points.map(({ id }) => id).sort();
    },
    read: async ({ id, repository }) => {
      const store = await open(repository);
      const manifest = await store.readPoint(id, world.uuid);
      const read = new Map<string, Buffer>();
      for (const { target, root, sizeBytes } of manifest.disks) {
        read.set(target, await store.openTree(root).read(0, sizeBytes));
      }
      return read;
    },
    close: async () => {
      for (const store of opened.values()) await store.close();
      opened.clear();
    },
  };
}

export function repositoryAt(world: TortureWorld, index: number): TortureRepository {
  const repository = world.repositories[index];
  if (repository === undefined) throw new Error(`No repository ${index}`);
  return repository;
}

function openStore({ path, password }: TortureRepository): Promise<StoreRepository> {
  const secret = password === null ? null : { password };
  return openRepository(realWorld(), path, secret, { indexPath: ':memory:', readOnly: true });
}

/** The points the repositories hold are those of the model, and the engine lists the same. */
export async function checkPointLists(
  world: TortureWorld,
  reader: PointReader,
  model: Model,
): Promise<void> {
  const listed = await world.engine.call('points.list', {
    machineUuid: world.uuid,
    repository: null,
  });
  for (const [index, { id, name }] of world.repositories.entries()) {
    const expected = model.points.filter(({ repository }) => repository === index);
    const ids = expected.map((point) => point.id);
    const shown = listed.filter(({ repository }) => repository.id === id);
    expectSame(
      `the points the engine lists in ${name}`,
      shown.map((point) => point.id),
      ids,
    );
    expectSame(`the points in ${name}`, await reader.list(index), ids);
    const damaged = shown.filter((point) => point.damaged).map((point) => point.id);
    expectThat(damaged.length === 0, `damaged points: ${damaged.join(', ')}`);
  }
}

export async function checkPoint(reader: PointReader, point: KnownPoint): Promise<void> {
  whichMoment(`The point ${point.id}`, await reader.read(point), [point.moment]);
}

/** Restores every disk of a point through the engine and compares the images. */
export async function checkRestored(
  world: TortureWorld,
  point: KnownPoint,
  format: 'raw' | 'qcow2',
): Promise<void> {
  const read = new Map<string, Buffer>();
  for (const disk of point.moment.keys()) {
    const path = join(world.outFolder, `${point.id}-${disk}.${format}`);
    const to = { kind: 'image' as const, disk, path, format };
    const order = { point: point.id as PointId, to, accepted: [] };
    const job = await world.engine.ended(await world.engine.call('restore.start', order));
    if (job.state.kind !== 'done') throw new Mismatch(`A restore: ${JSON.stringify(job.state)}`);
    read.set(disk, await rawBytes(path, format));
    await rm(path);
  }
  whichMoment(`The restored point ${point.id}`, read, [point.moment]);
}

async function rawBytes(path: string, format: string): Promise<Buffer> {
  if (format === 'raw') return readFile(path);
  const out = `${path}.raw`;
  const args = ['convert', '-f', format, '-O', 'raw', path, out];
  const { code, stderr } = await realWorld().processes.run('qemu-img', args);
  expectThat(code === 0, `The restored image cannot be read: ${stderr}`);
  const bytes = await readFile(out);
  await rm(out);
  return bytes;
}
