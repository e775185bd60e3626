/**
 * The crash rule, write by write: the N-th change to the repository fails, is torn, or is the last
 * thing the process did (with or without losing what was not flushed). Every earlier point still
 * restores, the interrupted one is absent or whole, and the next run works. N goes up until no
 * fault strikes any more.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createRepository,
  openRepository,
  type StoreRepository,
} from '#engine/store/repository.ts';
import { FaultyFiles, type Fault } from '../fakes/faulty-files.ts';
import {
  backUp,
  fixture,
  kib,
  mortalWorld,
  noise,
  restorePoint,
  type Fixture,
} from '../fakes/store-fixture.ts';

const blockSizeBytes = 4 * kib;
const before = noise('before', 70 * blockSizeBytes);
const after = Buffer.concat([noise('after', 30 * blockSizeBytes), before.subarray(0, 40 * 4096)]);
const maxWrites = 200;

let prepared: Fixture;

beforeAll(async () => {
  prepared = await fixture();
  const { world, path, indexPath } = prepared;
  const options = { password: null, blockSizeBytes, indexPath };
  const { repository } = await createRepository(world, path, options);
  await backUp(repository, 'before', before);
  await repository.close();
});

afterAll(() => prepared.remove());

/** A copy of the repository that holds the first point, with its index. */
async function copy(): Promise<Fixture> {
  const at = await fixture();
  await cp(prepared.path, at.path, { recursive: true });
  await cp(prepared.indexPath, join(at.folder, 'index.sqlite'));
  return at;
}

/** Runs a backup that goes wrong at change `n`; returns whether the fault struck. */
async function interrupted(at: Fixture, n: number, fault: Fault): Promise<boolean> {
  const faulty = new FaultyFiles(at.world.files, n, fault);
  const world = { ...mortalWorld(at.world), files: faulty.files };
  const struck = (thrown: unknown) => {
    expect(faulty.struck, String(thrown)).toBe(true);
    expect(['no-space', 'file-failed']).toContain((thrown as { code: string }).code);
  };
  let repository: StoreRepository | null = null;
  try {
    repository = await openRepository(world, at.path, null, { indexPath: at.indexPath });
    await backUp(repository, 'interrupted', after);
  } catch (thrown) {
    struck(thrown);
  }
  // Closing writes too: it may be what fails, or fail because the process is dead by then.
  await repository?.close().catch(struck);
  return faulty.struck;
}

async function check(at: Fixture): Promise<boolean> {
  const repository = await openRepository(at.world, at.path, null, { indexPath: at.indexPath });
  try {
    expect((await restorePoint(repository, 'before')).equals(before)).toBe(true);
    const points = (await repository.listPoints()).map(({ id }) => id);
    const committed = points.includes('interrupted');
    if (committed) {
      expect((await restorePoint(repository, 'interrupted')).equals(after)).toBe(true);
    }
    await backUp(repository, 'next', after);
    expect((await restorePoint(repository, 'next')).equals(after)).toBe(true);
    expect((await repository.verify('data')).damage).toEqual([]);
    return committed;
  } finally {
    await repository.close();
  }
}

describe.each<Fault>(['fail', 'crash', 'tear', 'power'])('%s at write N', (fault) => {
  it('loses nothing that was listed', async () => {
    let n = 1;
    let absent = 0;
    for (; n <= maxWrites; n += 1) {
      const at = await copy();
      try {
        const struck = await interrupted(at, n, fault);
        if (!(await check(at))) absent += 1;
        if (!struck) break;
      } finally {
        await at.remove();
      }
    }
    expect(n).toBeGreaterThan(8); // lock, pack, its writes, flush, names, manifest, lock
    expect(n).toBeLessThan(maxWrites);
    expect(absent).toBeGreaterThan(5);
  }, 240_000);
});
