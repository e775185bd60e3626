import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realFiles } from '#engine/world/files.ts';
import { makePassableFolder } from '#engine/world/passable-folder.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

test('every folder made on the way lets others pass; older ones keep their rights', async () => {
  const there = temporaryFolder();
  await realFiles.chmod(there, 0o700);
  await makePassableFolder(realFiles, join(there, 'a/b/c'));
  const mode = async (path: string) => (await realFiles.stat(join(there, path)))?.mode;
  expect([await mode('.'), await mode('a'), await mode('a/b'), await mode('a/b/c')]).toEqual([
    0o700, 0o711, 0o711, 0o711,
  ]);
});

test('a folder with something in it is not removed as empty', async () => {
  const there = temporaryFolder();
  await realFiles.makeFolder(join(there, 'a/b'));
  await realFiles.removeEmptyFolder(join(there, 'a'));
  expect(await realFiles.stat(join(there, 'a'))).not.toBeNull();
  await realFiles.removeEmptyFolder(join(there, 'a/b'));
  await realFiles.removeEmptyFolder(join(there, 'a'));
  await realFiles.removeEmptyFolder(join(there, 'a')); // nothing there is fine
  expect(await realFiles.stat(join(there, 'a'))).toBeNull();
});
