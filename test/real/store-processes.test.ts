/**
 * Real processes on one repository: many fight for the lease and none ever overlaps another; a
 * writer killed with -9 again and again leaves every earlier point whole.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRepository, openRepository } from '#engine/store/repository.ts';
import { backUp, fixture, kib, noise, restorePoint, type Fixture } from '../fakes/store-fixture.ts';

const program = join(import.meta.dirname, '../fakes/store-process.ts');
const blockSizeBytes = 4 * kib;
let at: Fixture;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  at = await fixture();
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await at.remove();
});

function start(...args: string[]): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const ended = new Promise<number | null>((resolve) => {
    child.on('exit', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return { child, ended };
}

it('only one of many processes ever holds the lease, killed ones included', async () => {
  await mkdir(join(at.path, 'locks'), { recursive: true });
  await mkdir(join(at.path, 'packs'));
  await writeFile(join(at.path, 'waymark.json'), '{}');
  const log = join(at.folder, 'log');
  await writeFile(log, '');
  const running = Array.from({ length: 6 }, (_, i) => start('fight', at.path, log, String(i)));
  // Two more are killed while they hold it or wait for it; the others must take over.
  const victims = [start('fight', at.path, log, 'v1'), start('fight', at.path, log, 'v2')];
  for (const [i, { child }] of victims.entries()) {
    setTimeout(() => child.kill('SIGKILL'), 1500 + 400 * i);
  }
  expect(await Promise.all(running.map(({ ended }) => ended))).toEqual(running.map(() => 0));
  await Promise.all(victims.map(({ ended }) => ended));
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  let holder: string | null = null;
  let taken = 0;
  for (const line of lines) {
    const [what, who = ''] = line.split(' ');
    if (what === 'take') {
      // A killed holder never says that it let go.
      expect(holder === null || holder.startsWith('v'), lines.join('\n')).toBe(true);
      holder = who;
      taken += 1;
    } else {
      expect(holder, lines.join('\n')).toBe(who);
      holder = null;
    }
  }
  expect(taken).toBeGreaterThanOrEqual(6 * 5);
});

it('kill -9 of a writer at random moments loses nothing that was listed', async () => {
  const options = { password: null, blockSizeBytes, indexPath: at.indexPath };
  const { repository } = await createRepository(at.world, at.path, options);
  const image = noise('kept', 500 * blockSizeBytes);
  await backUp(repository, 'kept', image);
  await repository.close();
  let killed = 0;
  for (let round = 0; round < 8; round += 1) {
    const { child, ended } = start('write', at.path, at.indexPath, `round-${round}`);
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, 40 * round));
    child.kill('SIGKILL');
    if ((await ended) === null) killed += 1;
    const again = await openRepository(at.world, at.path, null, { indexPath: at.indexPath });
    try {
      for (const { id } of await again.listPoints()) {
        const back = await restorePoint(again, id);
        if (id === 'kept') expect(back.equals(image)).toBe(true);
      }
      expect((await again.verify('structure')).damage).toEqual([]);
    } finally {
      await again.close();
    }
  }
  expect(killed).toBeGreaterThan(4);
  const last = await openRepository(at.world, at.path, null, { indexPath: at.indexPath });
  await backUp(last, 'last', noise('last', 500 * blockSizeBytes));
  expect((await last.verify('data')).damage).toEqual([]);
  await last.close();
});
