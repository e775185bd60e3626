import { readdir, readFile, rm, writeFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { inspectRepository, openRepository } from '#engine/store/repository.ts';
import { backUp, manifest, noise, owner, restorePoint } from '../../../fakes/store-fixture.ts';
import { block, codeOf, setUp } from './repository-set-up.ts';

const store = setUp();
const { create, reopen } = store;

describe('bad folders', { timeout: 30_000 }, () => {
  it('are told apart', async () => {
    expect(await codeOf(inspectRepository(store.at.world, store.at.path))).toBe(
      'repository-unavailable',
    );
    await mkdir(store.at.path);
    expect(await codeOf(inspectRepository(store.at.world, store.at.path))).toBe('not-a-repository');
    await writeFile(join(store.at.path, 'holiday.jpg'), 'x');
    expect(await codeOf(create())).toBe('path-exists');
    await rm(join(store.at.path, 'holiday.jpg'));
    const { repository } = await create();
    expect(await codeOf(create())).toBe('repository-exists');
    expect(await inspectRepository(store.at.world, store.at.path)).toEqual({
      id: repository.id,
      formatVersion: 1,
      encrypted: false,
      blockSizeBytes: block,
    });
    const file = join(store.at.path, 'waymark.json');
    const header = await readFile(file, 'utf8');
    await writeFile(file, header.replace('"format": 1', '"format": 2'));
    expect(await codeOf(reopen())).toBe('repository-too-new');
    await writeFile(file, header.slice(0, 40));
    expect(await codeOf(reopen())).toBe('repository-damaged');
    await writeFile(file, '{"name":"something else"}');
    expect(await codeOf(reopen())).toBe('not-a-repository');
    expect(await codeOf(create({ blockSizeBytes: 5000 }))).toBe('invalid-input');
  });

  it('never creates over packs whose header was lost', async () => {
    const { repository } = await create({ password: 'p' });
    await backUp(repository, 'one', noise('k', block));
    await rm(join(store.at.path, 'waymark.json'));
    expect(await codeOf(create())).toBe('path-exists');
    expect((await readdir(join(store.at.path, 'keys'))).length).toBe(2);
  });

  it('a folder that goes away in mid-write ends the run and grows nothing back', async () => {
    const { repository } = await create();
    await backUp(repository, 'one', noise('v', 10 * block));
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(40 * block, null);
    await disk.write(0, noise('w', 20 * block));
    const away = `${store.at.path}-away`;
    await rename(store.at.path, away);
    await mkdir(store.at.path); // the empty mount point
    const end = disk.finish().then(({ root }) => writer.commitPoint(manifest('two', [root])));
    expect(await codeOf(end)).toBe('repository-unavailable');
    await writer.abandon();
    expect(await readdir(store.at.path)).toEqual([]);
    await rm(store.at.path, { recursive: true });
    await rename(away, store.at.path);
    expect((await restorePoint(repository, 'one')).equals(noise('v', 10 * block))).toBe(true);
    await backUp(repository, 'two', noise('w', 20 * block));
  });
});

it('a folder that this user may not write says so', async () => {
  await create();
  const denied = () =>
    Promise.reject(new AppError('permission-denied', 'This user may not change it.', {}));
  const files = { ...store.at.world.files, createDurable: denied };
  const world = { ...store.at.world, files };
  const repository = await openRepository(world, store.at.path, null, { indexPath: ':memory:' });
  store.closeLater(repository);
  expect(await codeOf(repository.openWriter(owner))).toBe('permission-denied');
});
