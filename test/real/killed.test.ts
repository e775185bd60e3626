/** kill -9 of Waymark at many moments of a backup: the next start cleans up and nothing is lost. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  chmodSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diskModel, type DiskModel } from './disk-model.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: killed: ${reason}`);
const mib = 1024 * 1024;
const root = join(import.meta.dirname, '../..');
/** Milliseconds after which a backup is killed; a whole one takes about a second here. */
const moments = [200, 300, 400, 500, 600, 750, 950];

describe.skipIf(reason !== null)('killed with -9', () => {
  let libvirtd: PrivateLibvirtd;
  let machine: TestMachine;
  let disk: DiskModel;
  let folder: string;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    folder = mkdtempSync('/tmp/wm-k-');
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'out'));
    machine = await libvirtd.defineTestMachine({
      name: 'killed',
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 256 * mib }],
    });
    disk = diskModel(libvirtd, machine, 'vda', 256 * mib);
    for (const part of [0, 1, 2]) await disk.writeRandom(part * 64 * mib, 64 * mib);
  });
  afterAll(async () => {
    await libvirtd.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...args: readonly string[]) {
    const all = [join(root, 'src-main/host/node/main.ts'), ...args];
    return spawn(process.execPath, [...all, '--data', join(folder, 'data'), '--json'], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function waymark(...args: readonly string[]): Promise<Record<string, unknown>> {
    const child = start(...args);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(`waymark ${args.join(' ')}: ${String(code)} ${out} ${err}`);
    return JSON.parse(out) as Record<string, unknown>;
  }

  async function restored(point: string, count: number): Promise<Buffer> {
    const image = join(folder, 'out', `${point}-${count}.raw`);
    await waymark('restore', point, '--disk', 'vda', '--image', image);
    const bytes = readFileSync(image);
    rmSync(image);
    return bytes;
  }

  const checkpoints = async () =>
    (await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).split('\n').filter(Boolean);

  test('at every moment', { timeout: 240_000 }, async () => {
    await waymark('host', 'add', 'here', libvirtd.uri);
    await waymark('repository', 'create', 'attic', join(folder, 'attic'), '--no-encryption');
    const first = (await waymark('backup', 'killed', '--to', 'attic'))['point'] as { id: string };
    const content = disk.moment();
    for (const [index, delay] of moments.entries()) {
      await disk.writeRandom(index * 7 * mib, 64 * mib);
      const child = start('backup', 'killed', '--to', 'attic');
      const ended = new Promise((resolve) => child.on('exit', resolve));
      await sleep(delay);
      child.kill('SIGKILL');
      await ended;
    }
    const listed = (await waymark('point', 'list'))['points'] as { id: string }[];
    const next = (await waymark('backup', 'killed', '--to', 'attic'))['point'] as { id: string };
    expect(await checkpoints()).toHaveLength(1);
    expect(await libvirtd.virsh('domjobinfo', machine.uuid)).toContain('None');
    const scratch =
      process.getuid?.() === 0 ? '/var/lib/waymark-scratch' : join(folder, 'data/scratch');
    const left = existsSync(scratch) ? readdirSync(scratch) : [];
    expect(
      left.filter((name) => name.startsWith(machine.uuid.replaceAll('-', '').slice(0, 16))),
    ).toEqual([]);
    expect(Buffer.compare(await restored(next.id, 1), disk.moment())).toBe(0);
    expect(Buffer.compare(await restored(first.id, 2), content)).toBe(0);
    // A backup that was killed after its manifest is a whole point; each listed one restores.
    for (const { id } of listed) expect((await restored(id, 3)).length).toBe(256 * mib);
    const verified = await waymark('repository', 'verify', 'attic', '--read-data');
    expect(JSON.stringify(verified)).toContain('"damage":[]');
  });
});
