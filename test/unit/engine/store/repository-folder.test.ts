import { readdir, readFile, rm, writeFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '#contract/errors.ts';
import {
  createRepository,
  inspectRepository,
  openRepository,
  type StoreRepository,
} from '#engine/store/repository.ts';
import {
  backUp,
  fixture,
  kib,
  manifest,
  noise,
  owner,
  restorePoint,
  type Fixture,
} from '../../../fakes/store-fixture.ts';

// A disk and worker threads on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const block = 4 * kib;
let at: Fixture;
const opened: StoreRepository[] = [];

beforeEach(async () => {
  at = await fixture();
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await at.remove();
});

async function create(options: { password?: string; blockSizeBytes?: number } = {}) {
  const { password = null, blockSizeBytes = block } = options;
  const { indexPath } = at;
  const made = await createRepository(at.world, at.path, {
    password,
    blockSizeBytes,
    indexPath,
    scryptCost: { n: 1024, r: 8, p: 1 },
  });
  opened.push(made.repository);
  return made;
}

async function reopen(
  secret: { password: string } | { masterKey: Buffer } | null = null,
  indexPath = at.indexPath,
) {
  const repository = await openRepository(at.world, at.path, secret, { indexPath });
  opened.push(repository);
  return repository;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown as { code: string }).code,
  );

describe('bad folders', { timeout: 30_000 }, () => {
  it('are told apart', async () => {
    expect(await codeOf(inspectRepository(at.world, at.path))).toBe('repository-unavailable');
    await mkdir(at.path);
    expect(await codeOf(inspectRepository(at.world, at.path))).toBe('not-a-repository');
    await writeFile(join(at.path, 'holiday.jpg'), 'x');
    expect(await codeOf(create())).toBe('path-exists');
    await rm(join(at.path, 'holiday.jpg'));
    const { repository } = await create();
    expect(await codeOf(create())).toBe('repository-exists');
    expect(await inspectRepository(at.world, at.path)).toEqual({
      id: repository.id,
      formatVersion: 1,
      encrypted: false,
      blockSizeBytes: block,
    });
    const file = join(at.path, 'waymark.json');
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
    await rm(join(at.path, 'waymark.json'));
    expect(await codeOf(create())).toBe('path-exists');
    expect((await readdir(join(at.path, 'keys'))).length).toBe(2);
  });

  it('a folder that goes away in mid-write ends the run and grows nothing back', async () => {
    const { repository } = await create();
    await backUp(repository, 'one', noise('v', 10 * block));
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(40 * block, null);
    await disk.write(0, noise('w', 20 * block));
    const away = `${at.path}-away`;
    await rename(at.path, away);
    await mkdir(at.path); // the empty mount point
    const end = disk.finish().then(({ root }) => writer.commitPoint(manifest('two', [root])));
    expect(await codeOf(end)).toBe('repository-unavailable');
    await writer.abandon();
    expect(await readdir(at.path)).toEqual([]);
    await rm(at.path, { recursive: true });
    await rename(away, at.path);
    expect((await restorePoint(repository, 'one')).equals(noise('v', 10 * block))).toBe(true);
    await backUp(repository, 'two', noise('w', 20 * block));
  });
});

it('a folder that this user may not write says so', async () => {
  await create();
  const denied = () =>
    Promise.reject(new AppError('permission-denied', 'This user may not change it.', {}));
  const files = { ...at.world.files, createDurable: denied };
  const world = { ...at.world, files };
  const repository = await openRepository(world, at.path, null, { indexPath: ':memory:' });
  opened.push(repository);
  expect(await codeOf(repository.openWriter(owner))).toBe('permission-denied');
});
