import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { fixture } from '../../../fakes/store-fixture.ts';
import { storageSuite } from '../../../suites/storage.ts';

// A disk and worker threads on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

async function make() {
  const at = await fixture();
  await mkdir(join(at.path, 'packs'), { recursive: true });
  await writeFile(join(at.path, 'waymark.json'), '{"one":1}');
  const storage = new FolderStorage(at.world, at.path);
  await storage.attach();
  const end = async () => {
    await storage.close();
    await at.remove();
  };
  return { at, storage, end };
}

storageSuite('a folder', make);

it('check notices another repository, an empty mount point and nothing at all', async () => {
  const { at, storage, end } = await make();
  const gone = { code: 'repository-unavailable' };
  await storage.check();
  await writeFile(join(at.path, 'waymark.json'), '{"one":2}');
  await expect(storage.check()).rejects.toMatchObject(gone);
  await rename(at.path, `${at.path}-away`);
  await expect(storage.check()).rejects.toMatchObject(gone);
  await mkdir(at.path);
  await expect(storage.check()).rejects.toMatchObject(gone);
  await expect(storage.put('locks/x', Buffer.from('x'))).rejects.toMatchObject(gone);
  await expect(storage.list('packs')).rejects.toMatchObject(gone);
  await rm(at.path, { recursive: true });
  await end();
});
