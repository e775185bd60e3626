/** The catalog on a file system that is full or read-only: a small tmpfs of its own. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { openCatalog } from '#engine/catalog/catalog.ts';
import { realWorld } from '#engine/world/world.ts';
import { code } from '../fakes/jobs.ts';
import { temporaryFolder } from '../fakes/world.ts';

const page = Buffer.alloc(4096);

/** A file system of 1 MiB, or a skip that says why there is none. */
function smallDisk({ skip }: TestContext): string {
  const folder = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch (thrown) {
    skip(`a tmpfs cannot be mounted here: ${String(thrown).split('\n')[0] ?? ''}`);
  }
  onTestFinished(() => {
    execFileSync('umount', [folder]);
  });
  return folder;
}

/** Writes until there is no space left; returns how to take it all away again. */
function fill(folder: string): () => void {
  const ends = () => {
    for (let count = 0; ; count += 1) writeFileSync(join(folder, `fill-${count}`), page);
  };
  expect(ends).toThrow(/ENOSPC/);
  return () => {
    for (const name of readdirSync(folder)) {
      if (name.startsWith('fill-')) rmSync(join(folder, name));
    }
  };
}

test('a full disk is no-space at every moment, and nothing is lost by it', async (context) => {
  const disk = smallDisk(context);
  const data = join(disk, 'data');
  const world = realWorld();
  const noSpace = code('no-space', { where: 'data' });

  let empty = fill(disk);
  await expect(openCatalog(world, data)).rejects.toThrow(code('no-space'));
  empty();

  const catalog = await openCatalog(world, data);
  catalog.settings.set('kept', 'yes');
  empty = fill(disk);
  expect(() => {
    for (let i = 0; i < 1000; i += 1) catalog.settings.set(`key ${i}`, 'x'.repeat(500));
  }).toThrow(noSpace);
  expect(() => catalog.journals.beginJournal('backup', 'x'.repeat(8000))).toThrow(noSpace);
  expect(catalog.settings.get('kept')).toBe('yes');
  expect(catalog.journals.openJournals()).toEqual([]);
  empty();
  catalog.settings.set('again', 'yes');
  catalog.close();

  empty = fill(disk);
  await expect(openCatalog(world, data)).rejects.toThrow(noSpace);
  empty();
  const later = await openCatalog(world, data);
  expect([later.warning, later.settings.get('kept'), later.settings.get('again')]).toEqual([
    null,
    'yes',
    'yes',
  ]);
  later.close();
});

test('a read-only data folder is told as that, not taken for damaged', async (context) => {
  const disk = smallDisk(context);
  const data = join(disk, 'data');
  (await openCatalog(realWorld(), data)).close();
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  await expect(openCatalog(realWorld(), data)).rejects.toThrow(code('read-only'));
  expect(readdirSync(data)).toEqual(['catalog.db', 'installation-id']);
});
