/**
 * What it costs to know what removing frees, and to free it: a disk of many small blocks, points
 * that each change one block in a hundred, then half of them removed. Blocks that shrink to almost
 * nothing, so that the figures are of blocks and not of bytes; at 64 KiB a block, 16384 are a GiB.
 *
 *   node test/bench/clean-up.ts [blocks=262144] [points=10]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import { createRepository, type TreeRoot } from '#engine/store/repository.ts';
import { realWorld } from '#engine/world/world.ts';
import { manifest, owner } from '../fakes/store-fixture.ts';

const blocks = Number(process.argv[2] ?? 262_144);
const points = Number(process.argv[3] ?? 10);
const blockSizeBytes = 4096;
const blocksPerGib = 16_384;
const world = realWorld();
let aheadMs = 0;
const clock = { ...world.clock, now: () => world.clock.now() + aheadMs };

let worstPauseMs = 0;
let lastBeat = performance.now();
setInterval(() => {
  worstPauseMs = Math.max(worstPauseMs, performance.now() - lastBeat - 5);
  lastBeat = performance.now();
}, 5).unref();

async function timed<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  worstPauseMs = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await work();
  const ms = performance.now() - start;
  const used = process.cpuUsage(cpu);
  const perGib = ((used.user + used.system) / 1000 / blocks) * blocksPerGib;
  console.log(
    name.padEnd(34),
    `${(ms / 1000).toFixed(2).padStart(8)} s`,
    `cpu ${perGib.toFixed(0).padStart(5)} ms a GiB of 64 KiB blocks`,
    `worst pause ${worstPauseMs.toFixed(0)} ms`,
    `rss ${(process.memoryUsage.rss() / 1024 ** 2).toFixed(0)} MiB`,
  );
  return result;
}

function fill(into: Buffer, firstBlock: number, version: number): Buffer {
  into.fill(0);
  for (let at = 0; at < into.length; at += blockSizeBytes) {
    into.writeUInt32LE(firstBlock + at / blockSizeBytes, at);
    into.writeUInt32LE(version + 1, at + 4);
  }
  return into;
}

const folder = mkdtempSync(join(tmpdir(), 'waymark-bench-'));
try {
  const { repository } = await createRepository({ ...world, clock }, join(folder, 'repository'), {
    password: null,
    blockSizeBytes,
    indexPath: join(folder, 'index.sqlite'),
  });
  let base: TreeRoot | null = null;
  const names = [];
  for (let point = 0; point < points; point += 1) {
    const writer = await repository.openWriter(owner);
    const disk = writer.beginDisk(blocks * blockSizeBytes, base);
    const step = point === 0 ? 256 : 1;
    for (let block = 0; block < blocks; block += point === 0 ? step : 100) {
      const at = Math.min(blocks - step, block + (point === 0 ? 0 : (block * 7 + point) % 100));
      await disk.write(at * blockSizeBytes, fill(Buffer.alloc(step * blockSizeBytes), at, point));
    }
    base = (await disk.finish()).root;
    const value = manifest(`p${point}`, [base]);
    await writer.commitPoint({ ...value, time: value.time + point });
    await writer.release();
    names.push({ id: value.id, machineUuid: value.machine.uuid });
  }
  console.log(`${blocks} blocks, ${points} points`);
  const sharing = await timed('what removing frees, first', () => repository.sharing());
  const half = names.slice(0, Math.floor(points / 2));
  await timed('a rule on it', () => sharing.freedBy(half));
  for (const name of half) await repository.kept.remove({ ...name, machineName: '', time: 0 }, '');
  aheadMs = (removalGraceSeconds + 86_400) * 1000;
  const plan = await timed('planning the clean-up', () => repository.planCleanUp());
  const done = await timed('the clean-up', () => repository.cleanUp(owner));
  console.log(plan.freesBytes === done.freesBytes, done.packsDeleted, done.packsRewritten);
  await repository.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
