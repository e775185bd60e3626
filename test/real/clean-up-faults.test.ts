/**
 * A clean-up that dies at each of its changes, one after another, and one in a process of its own
 * that is killed with -9 again and again: every listed point is whole, and the next one finishes.
 */
import { spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createRepository,
  openRepository,
  type StoreRepository,
} from '#engine/store/repository.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import type { World } from '#engine/world/world.ts';
import { FaultyFiles, type Fault } from '../fakes/faulty-files.ts';
import { fixture, kib, mortalWorld, owner, type Fixture } from '../fakes/store-fixture.ts';
import { dice, imageOf, writeHistory, type WrittenPoint } from '../fakes/store-history.ts';

const program = join(import.meta.dirname, '../fakes/store-process.ts');
const blockSizeBytes = 4 * kib;
const everything = { rewrittenBelow: 1 };
let at: Fixture;

beforeEach(async () => {
  at = await fixture();
});
afterEach(async () => {
  await at.remove();
});

function later(world: World): World {
  const ahead = (removalGraceSeconds + 86_400) * 1000;
  return { ...world, clock: { ...world.clock, now: () => world.clock.now() + ahead } };
}

/** Points, of which every second is removed, and a copy of the repository as it is then. */
async function prepare(count: number): Promise<{ left: readonly WrittenPoint[]; saved: string }> {
  const options = { password: null, blockSizeBytes, indexPath: at.indexPath };
  const { repository } = await createRepository(at.world, at.path, options);
  const points = await writeHistory(repository, dice(13), count);
  for (const [i, { name }] of points.entries()) {
    if (i % 2 === 0) await repository.kept.remove({ ...name, machineName: 'web', time: 1 }, 'rule');
  }
  await repository.close();
  const saved = join(at.folder, 'saved');
  await cp(at.path, saved, { recursive: true });
  return { left: points.filter((_, i) => i % 2 === 1), saved };
}

async function bringBack(saved: string): Promise<void> {
  await at.world.files.removeTree(at.path);
  await cp(saved, at.path, { recursive: true });
}

async function open(world: World): Promise<StoreRepository> {
  return openRepository(world, at.path, null, { indexPath: ':memory:' });
}

/** Everything listed is there, byte for byte, and a further clean-up leaves nothing to do. */
async function whole(left: readonly WrittenPoint[]): Promise<void> {
  const next = await open(later(at.world));
  try {
    for (const round of ['as it was found', 'finished']) {
      const listed = (await next.listPoints()).map(({ id }) => id).sort();
      expect(listed, round).toEqual(left.map(({ name }) => name.id));
      for (const { name, image } of left) {
        expect((await imageOf(next, name)).equals(image), round).toBe(true);
      }
      if (round === 'as it was found') await next.cleanUp(owner, everything);
    }
    expect((await next.verify('data')).damage).toEqual([]);
    expect(await next.kept.removed()).toEqual([]);
    const again = await next.planCleanUp(everything);
    expect(again).toMatchObject({ packsDeleted: 0, packsRewritten: 0, points: [] });
  } finally {
    await next.close();
  }
}

it.each<Fault>(['crash', 'tear', 'power', 'fail'])(
  'cut off by %s at any change',
  { timeout: 600_000 },
  async (fault) => {
    const { left, saved } = await prepare(fault === 'crash' ? 4 : 3);
    let changes = 0;
    for (let struck = true; struck;) {
      changes += 1;
      await bringBack(saved);
      const faulty = new FaultyFiles(at.world.files, changes, fault);
      const cut = await open(mortalWorld(later({ ...at.world, files: faulty.files })));
      await cut.cleanUp(owner, everything).catch(() => undefined);
      await cut.close();
      ({ struck } = faulty);
      await whole(left);
    }
    expect(changes).toBeGreaterThan(12);
  },
);

it('killed with -9 at random moments', { timeout: 300_000 }, async () => {
  const { left, saved } = await prepare(12);
  let killed = 0;
  for (let round = 0; round < 6; round += 1) {
    await bringBack(saved);
    const child = spawn(process.execPath, [program, 'clean', at.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, 5 + 15 * round));
    child.kill('SIGKILL');
    if ((await ended) === null) killed += 1;
    await whole(left);
  }
  expect(killed).toBeGreaterThan(2);
});
