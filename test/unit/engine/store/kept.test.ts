import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRepository, type StoreRepository } from '#engine/store/repository.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import { takeLease } from '#engine/store/lock.ts';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { handClock } from '../../../fakes/clock.ts';
import { backUp, machineUuid, noise, owner } from '../../../fakes/store-fixture.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();
const day = 86_400_000;
const one = { id: 'one', machineUuid, machineName: 'web 01', time: 1_760_000_000_000 };
const two = { ...one, id: 'two' };

const ids = async (repository: StoreRepository) =>
  (await repository.listPoints()).map(({ id }) => id).sort();

async function twoPoints(password?: string): Promise<StoreRepository> {
  const { repository } = await store.create(password === undefined ? {} : { password });
  await backUp(repository, 'one', noise('1', 2 * block));
  await backUp(repository, 'two', noise('2', 2 * block));
  return repository;
}

/** The same repository under a clock of our own. */
async function at(clock: ReturnType<typeof handClock>): Promise<StoreRepository> {
  const { path, world, folder } = store.at;
  const options = { indexPath: join(folder, 'other.sqlite') };
  const repository = await openRepository({ ...world, clock }, path, null, options);
  store.closeLater(repository);
  return repository;
}

it.each([undefined, 'secret'])('a removed point is hidden, and listed again (%s)', async (word) => {
  const repository = await twoPoints(word);
  await repository.kept.remove(one, 'Plan Nightly');
  expect(await ids(repository)).toEqual(['two']);
  const [marker] = await repository.kept.removed();
  expect(marker).toMatchObject({
    point: { id: 'one', machineUuid },
    machineName: 'web 01',
    time: one.time,
    by: 'Plan Nightly',
  });
  expect(Math.abs((marker?.at ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(await codeOf(repository.kept.remove(one, 'again'))).toBe('point-not-found');
  // Whoever opens it sees the same, from the repository alone.
  const secret = word === undefined ? null : { password: word };
  const other = await store.reopen(secret, join(store.at.folder, 'other.sqlite'));
  expect(await ids(other)).toEqual(['two']);
  await other.kept.takeBack(one);
  expect(await ids(repository)).toEqual(['one', 'two']);
  expect(await codeOf(repository.kept.takeBack(one))).toBe('point-not-found');
});

it('a pin keeps from removal and outlives the catalog', async () => {
  const repository = await twoPoints();
  await repository.kept.pin(one, 'A person');
  await repository.kept.pin(one, 'A person');
  expect(await repository.kept.pins()).toEqual([{ id: 'one', machineUuid }]);
  expect(await codeOf(repository.kept.remove(one, 'Plan Nightly'))).toBe('refused');
  expect(await ids(repository)).toEqual(['one', 'two']);
  await repository.kept.unpin(one);
  await repository.kept.unpin(one);
  await repository.kept.remove(one, 'Plan Nightly');
  expect(await codeOf(repository.kept.pin(one, 'A person'))).toBe('point-not-found');
});

it('a pin set by another in the same moment as a removal wins', async () => {
  const repository = await twoPoints();
  await repository.kept.pin(two, 'A person');
  await repository.kept.remove(one, 'Plan Nightly');
  const { path } = store.at;
  const folder = join(path, 'pins', machineUuid);
  await writeFile(join(folder, 'one'), await readFile(join(folder, 'two')));
  expect(await ids(repository)).toEqual(['one', 'two']);
  expect(await repository.kept.removed()).toEqual([]);
});

it('a removal that cannot be read removes nothing, and can be made again', async () => {
  const repository = await twoPoints('secret');
  await repository.kept.remove(two, 'Plan Nightly');
  const folder = join(store.at.path, 'removed', machineUuid);
  const good = await readFile(join(folder, 'two'));
  const torn = good.subarray(0, 40);
  const changed = Buffer.from(good);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  // A whole marker under another point's name is as good as none.
  for (const bytes of [Buffer.alloc(0), torn, changed, good, Buffer.alloc(20_000, 1)]) {
    await writeFile(join(folder, 'one'), bytes);
    expect(await ids(repository)).toEqual(['one']);
  }
  await repository.kept.remove(one, 'A person');
  expect(await ids(repository)).toEqual([]);
  await mkdir(join(store.at.path, 'removed', '.hidden'));
  await rm(join(folder, 'two'));
  expect(await ids(repository)).toEqual(['two']);
});

it('a marker of another kind or repository is none', async () => {
  const repository = await twoPoints('secret');
  await repository.kept.pin(one, 'A person');
  const { path } = store.at;
  await mkdir(join(path, 'removed', machineUuid), { recursive: true });
  const pin = await readFile(join(path, 'pins', machineUuid, 'one'));
  await writeFile(join(path, 'removed', machineUuid, 'one'), pin);
  await repository.kept.unpin(one);
  expect(await ids(repository)).toEqual(['one', 'two']);
});

it('is taken back beside a writer while more than a day of grace is left, else never', async () => {
  await twoPoints();
  const clock = handClock(Date.now());
  const repository = await at(clock);
  await repository.kept.remove(one, 'A person');
  await repository.kept.remove(two, 'A person');
  const storage = new FolderStorage(store.at.world, store.at.path);
  await storage.attach();
  const lease = await takeLease(store.at.world, storage, owner);
  await repository.kept.takeBack(one);
  for (const left of [day - 60_000, 0, -day]) {
    clock.setWallClock(Date.now() + removalGraceSeconds * 1000 - left);
    expect(await codeOf(repository.kept.takeBack(two))).toBe('repository-busy');
  }
  await lease.release();
  await repository.kept.takeBack(two);
  expect(await ids(repository)).toEqual(['one', 'two']);
});

it('is taken back under the lease also early in its grace: clocks differ', async () => {
  const repository = await twoPoints();
  await repository.kept.remove(one, 'A person');
  const locks = async () => (await readdir(join(store.at.path, 'locks'))).sort().at(-1);
  const before = await locks();
  await repository.kept.takeBack(one);
  expect(await locks()).not.toBe(before);
  await (await repository.openWriter(owner)).release(); // it is free again
});

it('unpinning removes nothing, also where a removal was made as it was pinned', async () => {
  const repository = await twoPoints();
  const { path } = store.at;
  await repository.kept.remove(one, 'Plan Nightly');
  await mkdir(join(path, 'pins', machineUuid), { recursive: true });
  await writeFile(join(path, 'pins', machineUuid, 'one'), 'set by somebody else');
  await repository.kept.unpin(one);
  expect(await repository.kept.removed()).toEqual([]);
  expect(await ids(repository)).toEqual(['one', 'two']);
  // One that is only removed stays removed.
  await repository.kept.remove(two, 'A person');
  await repository.kept.unpin(two);
  expect(await ids(repository)).toEqual(['one']);
});

it('refuses names that leave their folder, unknown points and read-only repositories', async () => {
  const repository = await twoPoints();
  const bad = { ...one, id: '../../waymark.json' };
  expect(await codeOf(repository.kept.remove(bad, ''))).toBe('invalid-input');
  expect(await codeOf(repository.kept.pin(bad, ''))).toBe('invalid-input');
  expect(await codeOf(repository.kept.takeBack(bad))).toBe('invalid-input');
  expect(await codeOf(repository.kept.remove({ ...one, id: 'none' }, ''))).toBe('point-not-found');
  const { world, path, folder } = store.at;
  const options = { indexPath: join(folder, 'read.sqlite'), readOnly: true };
  const reader = await openRepository(world, path, null, options);
  store.closeLater(reader);
  for (const act of [reader.kept.remove(one, ''), reader.kept.pin(one, '')]) {
    expect(await codeOf(act)).toBe('read-only');
  }
});
