import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Clock } from '#engine/world/clock.ts';
import type { World } from '#engine/world/world.ts';
import { FolderStorage } from '#engine/store/folder-storage.ts';
import { staleMs, takeLease } from '#engine/store/lock.ts';
import { fixture, mortalWorld, owner, type Fixture } from '../../../fakes/store-fixture.ts';

// A disk and worker threads on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

let at: Fixture;
let storage: FolderStorage;

beforeEach(async () => {
  at = await fixture();
  await mkdir(join(at.path, 'locks'), { recursive: true });
  await writeFile(join(at.path, 'waymark.json'), '{}');
  storage = new FolderStorage(at.world, at.path);
  await storage.attach();
});

afterEach(() => at.remove());

/** Sleeping turns the clock at once; every sleep is told. */
function handTurned(world: World, onSleep: (nowMs: number) => Promise<void>): World {
  let nowMs = 0;
  const clock: Clock = {
    ...world.clock,
    monotonic: () => nowMs,
    sinceBoot: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
      await onSleep(nowMs);
    },
  };
  return { ...world, clock };
}

const lockFile = (number: string) => join(at.path, 'locks', `writer-${number}`);
const busy = { code: 'repository-busy' };

async function foreignLock(number: string, beat: number): Promise<void> {
  const place = { bootId: 'another', pidSpace: '1', pid: 1, started: '1', token: 't' };
  const lock = { ...owner, ...place, what: 'far away', state: 'held', beat };
  await writeFile(lockFile(number), JSON.stringify(lock));
}

it('gives the lease to one of many, and the next number to the next', async () => {
  const tries = Array.from({ length: 8 }, () => takeLease(at.world, storage, owner));
  const outcomes = await Promise.allSettled(tries);
  const held = outcomes.filter((one) => one.status === 'fulfilled');
  expect(held).toHaveLength(1);
  for (const one of outcomes) {
    if (one.status === 'rejected') expect(one.reason).toMatchObject(busy);
  }
  await held[0]!.value.check();
  await held[0]!.value.release();
  const before = await readdir(join(at.path, 'locks'));
  const next = await takeLease(at.world, storage, owner);
  const after = await readdir(join(at.path, 'locks'));
  expect(after.at(-1)! > before.at(-1)!).toBe(true);
  await next.release();
  for (let i = 0; i < 10; i += 1) await (await takeLease(at.world, storage, owner)).release();
  expect((await readdir(join(at.path, 'locks'))).length).toBeLessThan(8);
});

it('takes over at once from a dead process of this boot', async () => {
  const dead = await takeLease(mortalWorld(at.world), storage, owner);
  const lease = await takeLease(at.world, storage, owner);
  await lease.check();
  await expect(dead.check()).rejects.toMatchObject({ code: 'repository-lease-lost' });
  await dead.release(); // harmless: it is not the highest any more
  await lease.check();
  await lease.release();
});

it('takes over from another host only when its lock stayed the same for 90 s', async () => {
  await foreignLock('000004', 1);
  let sleptMs = 0;
  const still = handTurned(at.world, async (nowMs) => {
    sleptMs = nowMs;
  });
  const lease = await takeLease(still, storage, owner);
  expect(sleptMs).toBeGreaterThanOrEqual(staleMs);
  expect(JSON.parse(await readFile(lockFile('000005'), 'utf8'))).toMatchObject({ state: 'held' });
  await lease.release();
});

it('is busy as soon as the other host shows life', async () => {
  await foreignLock('000004', 1);
  const alive = handTurned(at.world, async (nowMs) => {
    if (nowMs >= 14_000) await foreignLock('000004', 2);
  });
  await expect(takeLease(alive, storage, owner)).rejects.toMatchObject({
    ...busy,
    data: { owner: { what: 'far away' } },
  });
});

it('takes a lock that is no lock for stale after the same time', async () => {
  await writeFile(lockFile('000002'), 'garbage');
  const world = handTurned(at.world, async () => {});
  await (await takeLease(world, storage, owner)).release();
});

it('is lost when a higher number appears', async () => {
  const lease = await takeLease(at.world, storage, owner);
  await foreignLock('000009', 1);
  await expect(lease.check()).rejects.toMatchObject({ code: 'repository-lease-lost' });
  await lease.release();
});
