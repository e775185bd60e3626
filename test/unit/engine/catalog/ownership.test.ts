import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownDataFolder, ownerFileName } from '#engine/catalog/ownership.ts';
import { code } from '../../../fakes/jobs.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

test('the same process cannot own a folder twice, and can again after giving it back', async () => {
  const world = fakeWorld();
  const folder = join(temporaryFolder(), 'new', 'data');
  const first = await ownDataFolder(world, folder);
  // Twice: a failed attempt must not have dropped the lock either.
  await expect(ownDataFolder(world, folder)).rejects.toThrow(code('data-folder-in-use'));
  await expect(ownDataFolder(world, folder)).rejects.toThrow(code('data-folder-in-use'));
  first.release();
  first.release();
  const second = await ownDataFolder(world, folder);
  second.release();
});

test('two folders are independent, and the file is 0600', async () => {
  const world = fakeWorld();
  const [a, b] = [temporaryFolder(), temporaryFolder()];
  const first = await ownDataFolder(world, a);
  const second = await ownDataFolder(world, b);
  expect(statSync(join(a, ownerFileName)).mode & 0o777).toBe(0o600);
  first.release();
  second.release();
});
