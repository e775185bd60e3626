/**
 * The clean-up beside `restic forget --prune`, on the same disk: four points that each change a
 * fifth of it here and there, encrypted; three are removed. Both free what the last does not need.
 *
 *   node test/bench/clean-up-peer.ts [MiB=512]
 */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import { createRepository, type TreeRoot } from '#engine/store/repository.ts';
import { realWorld } from '#engine/world/world.ts';
import { manifest, owner } from '../fakes/store-fixture.ts';

const mebibyte = 1024 ** 2;
const image = Buffer.alloc(Number(process.argv[2] ?? 512) * mebibyte);
/** Changed as one: large enough for restic to find what did not change around it. */
const area = 4 * mebibyte;
const points = 4;
const folder = mkdtempSync(join(tmpdir(), 'waymark-bench-'));
const disk = join(folder, 'disk.raw');
const world = realWorld();
let aheadMs = 0;

function bytesIn(path: string): number {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.reduce((sum, name) => {
    const { size } = statSync(join(path, name));
    return sum + (statSync(join(path, name)).isFile() ? size : 0);
  }, 0);
}

function restic(...args: readonly string[]): void {
  const where = { RESTIC_PASSWORD: 'bench', RESTIC_REPOSITORY: join(folder, 'restic') };
  const env = { ...process.env, ...where };
  const { status, stderr } = spawnSync('restic', ['--quiet', '--no-cache', ...args], { env });
  if (status !== 0) throw new Error(`restic ${args.join(' ')}: ${String(stderr)}`);
}

/** Every fifth area, other ones each time; the first time all. */
function change(point: number): readonly number[] {
  const changed: number[] = [];
  for (let at = 0; at < image.length; at += area) {
    if (point > 0 && (at / area + point) % 5 !== 0) continue;
    randomFillSync(image, at, area);
    changed.push(at);
  }
  const file = openSync(disk, point === 0 ? 'w' : 'r+');
  for (const at of changed) writeSync(file, image, at, area, at);
  closeSync(file);
  return changed;
}

async function measured(name: string, path: string, work: () => unknown): Promise<number> {
  const before = bytesIn(path);
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const freed = (before - bytesIn(path)) / mebibyte;
  console.log(`${name.padEnd(10)} ${seconds.toFixed(2)} s, ${freed.toFixed(1)} MiB freed`);
  return seconds;
}

try {
  const clock = { ...world.clock, now: () => world.clock.now() + aheadMs };
  const path = join(folder, 'waymark');
  const { repository } = await createRepository({ ...world, clock }, path, {
    password: 'bench',
    indexPath: join(folder, 'index.sqlite'),
    scryptCost: { n: 1024, r: 8, p: 1 },
  });
  restic('init', '--repository-version', '2');
  let base: TreeRoot | null = null;
  for (let point = 0; point < points; point += 1) {
    const changed = change(point);
    const writer = await repository.openWriter(owner);
    const target = writer.beginDisk(image.length, base);
    for (const at of changed) await target.write(at, Buffer.from(image.subarray(at, at + area)));
    base = (await target.finish()).root;
    const value = manifest(`p${point}`, [base]);
    await writer.commitPoint({ ...value, time: value.time + point });
    await writer.release();
    if (point < points - 1) {
      const name = { id: value.id, machineUuid: value.machine.uuid };
      await repository.kept.remove({ ...name, machineName: '', time: 0 }, '');
    }
    restic('backup', disk);
  }
  aheadMs = (removalGraceSeconds + 86_400) * 1000;
  const ours = await measured('Waymark', path, () => repository.cleanUp(owner));
  const theirs = await measured('restic', join(folder, 'restic'), () => {
    restic('forget', '--keep-last', '1', '--prune', '--max-unused', '0');
  });
  console.log(`Waymark takes ${(ours / theirs).toFixed(2)} of restic's time.`);
  await repository.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
