/** A repository on a file system that is really full, and one that is really read-only. */
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRepository } from '#engine/store/repository.ts';
import { backUp, fixture, kib, noise, restorePoint, type Fixture } from '../fakes/store-fixture.ts';

const blockSizeBytes = 64 * kib;
const mebibyte = 1024 * kib;

function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    execFileSync('umount', ['/mnt']);
    return true;
  } catch {
    return false;
  }
}

const mountable = mayMount();
if (!mountable) console.log('store-full-disk: skipped, a tmpfs cannot be mounted here');

describe.skipIf(!mountable)('a small file system', () => {
  let at: Fixture;
  let mountPoint: string;

  beforeEach(async () => {
    at = await fixture();
    mountPoint = join(at.folder, 'mount');
    await mkdir(mountPoint);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mountPoint]);
  });

  afterEach(async () => {
    execFileSync('umount', ['-l', mountPoint]);
    await at.remove();
  });

  it('that is full ends the run; earlier points restore and space heals it', async () => {
    const path = join(mountPoint, 'repository');
    const options = { password: null, blockSizeBytes, indexPath: at.indexPath };
    const { repository } = await createRepository(at.world, path, options);
    const small = noise('small', 2 * mebibyte);
    const large = noise('large', 12 * mebibyte);
    await backUp(repository, 'small', small);
    await expect(backUp(repository, 'large', large)).rejects.toMatchObject({
      code: 'no-space',
      data: { where: 'repository', path },
    });
    expect((await repository.listPoints()).map(({ id }) => id)).toEqual(['small']);
    expect((await restorePoint(repository, 'small')).equals(small)).toBe(true);
    execFileSync('mount', ['-o', 'remount,size=32m', mountPoint]);
    await backUp(repository, 'large', large);
    expect((await restorePoint(repository, 'large')).equals(large)).toBe(true);
    expect((await repository.verify('data')).damage).toEqual([]);
    await repository.close();
  });

  it('that became read-only says so, and still restores', async () => {
    const path = join(mountPoint, 'repository');
    const options = { password: null, blockSizeBytes, indexPath: at.indexPath };
    const { repository } = await createRepository(at.world, path, options);
    const small = noise('small', mebibyte);
    await backUp(repository, 'small', small);
    execFileSync('mount', ['-o', 'remount,ro', mountPoint]);
    await expect(backUp(repository, 'next', small)).rejects.toMatchObject({ code: 'read-only' });
    expect((await restorePoint(repository, 'small')).equals(small)).toBe(true);
    await repository.close();
  });

  it('that is unmounted in mid-write ends the run; mounted again it works', async () => {
    const path = join(mountPoint, 'repository');
    const options = { password: null, blockSizeBytes, indexPath: at.indexPath };
    const { repository } = await createRepository(at.world, path, options);
    const small = noise('small', mebibyte);
    await backUp(repository, 'small', small);
    const writer = await repository.openWriter({ installation: 'test', what: 'testing' });
    const disk = writer.beginDisk(small.length, null);
    await disk.write(0, noise('more', mebibyte));
    const elsewhere = join(at.folder, 'elsewhere');
    await mkdir(elsewhere);
    execFileSync('mount', ['--move', mountPoint, elsewhere]);
    const point = await repository
      .readPoint('small', '6f9d3f7c-0000-4000-8000-000000000001')
      .catch((thrown: unknown) => thrown);
    expect(point).toMatchObject({ code: 'repository-unavailable' });
    const end = disk.finish().then(() => writer.commitPoint(point as never));
    await expect(end).rejects.toBeTruthy();
    await writer.abandon();
    execFileSync('mount', ['--move', elsewhere, mountPoint]);
    await backUp(repository, 'again', small);
    expect((await restorePoint(repository, 'again')).equals(small)).toBe(true);
    await repository.close();
  });
});
