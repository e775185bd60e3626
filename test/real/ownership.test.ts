/** Who owns a data folder, with real processes: the lock ends with its owner, however it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openCatalog } from '#engine/catalog/catalog.ts';
import { ownDataFolder } from '#engine/catalog/ownership.ts';
import { realWorld } from '#engine/world/world.ts';
import { code } from '../fakes/jobs.ts';
import { temporaryFolder } from '../fakes/world.ts';

const root = join(import.meta.dirname, '../..');
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Another Waymark process; resolves with what it printed first. */
async function other(script: string): Promise<{ said: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { said: chunk.toString(), child };
}

const owner = (folder: string, then: string) => `
  import { ownDataFolder } from '#engine/catalog/ownership.ts';
  import { openCatalog } from '#engine/catalog/catalog.ts';
  import { realWorld } from '#engine/world/world.ts';
  const world = realWorld();
  const folder = ${JSON.stringify(folder)};
  try {
    await ownDataFolder(world, folder);
    ${then}
    console.log('owns');
    setInterval(() => {}, 1000);
  } catch (error) {
    console.log(error.code);
  }`;

test('a second process is refused at once, and owns it right after a kill -9', async () => {
  const folder = temporaryFolder();
  const { said, child } = await other(owner(folder, ''));
  expect(said.trim()).toBe('owns');
  const started = performance.now();
  await expect(ownDataFolder(realWorld(), folder)).rejects.toThrow(
    code('data-folder-in-use', { folder }),
  );
  expect(performance.now() - started).toBeLessThan(1000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const mine = await ownDataFolder(realWorld(), folder);
  const refused = await other(owner(folder, ''));
  expect(refused.said.trim()).toBe('data-folder-in-use');
  mine.release();
  expect(readdirSync(folder)).toEqual(['owner.db']);
});

test('journal steps written before kill -9 are there for the next owner', async () => {
  const folder = temporaryFolder();
  const { said, child } = await other(
    owner(
      folder,
      `const { journals } = await openCatalog(world, folder);
       const id = journals.beginJournal('backup', { machine: 'web-01' });
       journals.addStep(id, 'checkpoint', { name: 'waymark-1' });`,
    ),
  );
  expect(said.trim()).toBe('owns');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const mine = await ownDataFolder(realWorld(), folder);
  const catalog = await openCatalog(realWorld(), folder);
  expect(catalog.warning).toBeNull();
  expect(catalog.journals.openJournals()).toMatchObject([
    { kind: 'backup', data: { machine: 'web-01' }, steps: [{ number: 1, step: 'checkpoint' }] },
  ]);
  catalog.close();
  mine.release();
});
