/**
 * The snapshot, checkpoint and change commands as a person or a script runs them: processes, each
 * with an engine of its own, on the practice machine of a private libvirtd. The machine counts, on
 * its screen and in a log on its disk, so that every test can tell which moment it is at.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { machineName, machineXml, makeDisk } from '#engine/practice/machine.ts';
import { realWorld } from '#engine/world/world.ts';
import { countsTo, logOfImage } from './practice-screen.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: snapshot commands: ${reason}`);
const world = realWorld();
const root = join(import.meta.dirname, '../..');
const killAttempts = 5;

interface Ran {
  readonly code: number | null;
  readonly json: Record<string, unknown>;
  readonly err: string;
}

interface Listed {
  readonly snapshots: readonly {
    readonly name: string;
    readonly current: boolean;
    readonly memory: boolean;
    readonly undoPoint: boolean;
  }[];
}

describe.skipIf(reason !== null)('snapshot, checkpoint and change commands', () => {
  let libvirtd: PrivateLibvirtd;
  let host: Hypervisor;
  let folder: string;
  const uuid = world.ids.uuid();

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    folder = mkdtempSync('/tmp/wm-sc-');
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'out'));
    const resources = join(root, 'resources/practice');
    const disk = await makeDisk(world, resources, libvirtd.images, libvirtd.user);
    const xml = join(libvirtd.folder, 'practice.xml');
    writeFileSync(xml, machineXml(uuid, disk), { mode: 0o644 });
    await libvirtd.virsh('define', xml);
    await libvirtd.virsh('start', uuid);
    host = await openLibvirt(libvirtd.uri, world);
    await good('host', 'add', 'here', libvirtd.uri);
    await good('repository', 'create', 'attic', join(folder, 'attic'), '--no-encryption');
  });
  afterAll(async () => {
    await host.close();
    await libvirtd.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(args: readonly string[]): ChildProcess {
    const all = [join(root, 'src-main/host/node/main.ts'), ...args];
    return spawn(process.execPath, [...all, '--data', join(folder, 'data'), '--json'], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function waymark(...args: readonly string[]): Promise<Ran> {
    const child = start(args);
    let out = '';
    let err = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    if (out === '') throw new Error(`waymark ${args.join(' ')}: ${String(code)} ${err}`);
    return { code, json: JSON.parse(out) as Ran['json'], err };
  }

  /** The document of a command that must end with 0. */
  async function good(...args: readonly string[]): Promise<Ran['json']> {
    const { code, json, err } = await waymark(...args);
    if (code === 0) return json;
    throw new Error(`waymark ${args.join(' ')}: ${String(code)} ${JSON.stringify(json)} ${err}`);
  }

  const count = async (): Promise<number> => (await countsTo(host, uuid, 1)).count;
  const snapshots = async (): Promise<Listed['snapshots']> =>
    ((await good('snapshot', 'list', machineName)) as unknown as Listed).snapshots;
  const backup = () => good('backup', machineName, '--to', 'attic');

  /** The count a restored copy of the point ends with; its log must be unbroken. */
  async function restoredCount({ point }: Record<string, unknown>): Promise<number> {
    const { id } = point as { readonly id: string };
    const image = join(folder, 'out', `${id}.raw`);
    await good('restore', id, '--disk', 'vda', '--image', image);
    const { newest, brokenAt } = await logOfImage(image, 'raw');
    rmSync(image);
    expect(brokenAt).toBeNull();
    return newest;
  }

  let taken = 0;
  let left = 0;

  test('create --memory keeps a moment', async () => {
    await countsTo(host, uuid, 20);
    await backup();
    const plan = await good('snapshot', 'create', machineName, 'before', '--memory', '--plan');
    expect(plan).toMatchObject({ plan: { action: { name: 'before', memory: true } } });
    expect(await snapshots()).toEqual([]);
    const created = await good('snapshot', 'create', machineName, 'before', '--memory');
    taken = await count();
    expect(created).toMatchObject({ action: { kind: 'snapshot-create', name: 'before' } });
    expect(await snapshots()).toMatchObject([{ name: 'before', memory: true, current: true }]);
  });

  test('a name that is taken, or unknown, is refused and harms nothing', async () => {
    const twice = await waymark('snapshot', 'create', machineName, 'before', '--memory');
    expect(twice.code).toBe(3);
    expect(twice.json).toMatchObject({ error: { data: { unharmed: expect.any(String) } } });
    for (const verb of ['revert', 'delete']) {
      const run = await waymark('snapshot', verb, machineName, 'no-such', '--yes');
      expect(run.code).toBe(3);
    }
    expect(await snapshots()).toHaveLength(1);
  });

  test('revert with a checkpoint present goes back, and the next backup is right', async () => {
    const before = await good('checkpoint', 'list', machineName);
    expect(before).toMatchObject({ checkpoints: [{ owner: 'ours', health: 'healthy' }] });
    left = (await countsTo(host, uuid, taken + 60)).count;
    const reverted = await good('snapshot', 'revert', machineName, 'before', '--to', 'paused');
    expect(reverted).toMatchObject({ undo: { kind: 'revert-undo' } });
    const now = await count();
    expect(now).toBeLessThanOrEqual(taken); // it stands still there
    const done = await backup();
    expect(done).toMatchObject({ point: { disks: [{ target: 'vda', mode: 're-read' }] } });
    expect(await restoredCount(done)).toBeGreaterThanOrEqual(now); // written before it is shown
    expect(await count()).toBe(now);
    await libvirtd.virsh('resume', uuid);
    await countsTo(host, uuid, now + 1);
  });

  test('undo brings back where it was, and the next backup is right', async () => {
    expect((await snapshots()).filter(({ undoPoint }) => undoPoint)).toHaveLength(1);
    await good('snapshot', 'undo', machineName, '--yes');
    const now = await count();
    expect(now).toBeGreaterThanOrEqual(left);
    expect(await restoredCount(await backup())).toBeGreaterThanOrEqual(left);
    const again = await backup();
    expect(again).toMatchObject({ point: { disks: [{ mode: 'changed-only' }] } });
    expect(await restoredCount(again)).toBeGreaterThanOrEqual(now);
  });

  test('a revert cut off by kill -9 blocks other changes until it is undone', async () => {
    const at = await count();
    const id = await cutOffRevert();
    const other = await waymark('snapshot', 'create', machineName, 'other', '--memory');
    expect(other.code).toBe(3);
    expect(JSON.stringify(other.json)).toContain(`waymark change undo ${id}`);
    await good('change', 'undo', id);
    expect(await good('change', 'list')).toEqual({ changes: [] });
    expect(await count()).toBeGreaterThanOrEqual(at);
    expect(await restoredCount(await backup())).toBeGreaterThanOrEqual(at);
  });

  test('… or finished', async () => {
    const at = await count();
    const finished = await good('change', 'finish', await cutOffRevert());
    const now = await count();
    expect(now).toBeLessThan(at);
    expect(finished).toMatchObject({ action: { kind: 'snapshot-revert', name: 'before' } });
    expect(await good('change', 'list')).toEqual({ changes: [] });
    const restored = await restoredCount(await backup());
    expect(restored).toBeGreaterThanOrEqual(now);
    expect(restored).toBeLessThanOrEqual(await count());
  });

  /** The id of the change that is left; a kill may come too late, when all is done. */
  async function cutOffRevert(): Promise<string> {
    for (let attempt = 0; attempt < killAttempts; attempt += 1) {
      await killInMidRevert();
      const { changes } = (await good('change', 'list')) as { changes: { id: string }[] };
      const [only] = changes;
      if (only !== undefined) return only.id;
    }
    throw new Error('No revert was cut off');
  }

  /** Kills it as soon as it has taken the snapshot that keeps where the machine is. */
  async function killInMidRevert(): Promise<void> {
    const names = () => libvirtd.virsh('snapshot-list', uuid, '--name');
    const old = await names();
    const child = start(['snapshot', 'revert', machineName, 'before', '--yes']);
    const closed = new Promise<true>((resolve) => child.once('close', () => resolve(true)));
    while ((await names()) === old) {
      if (await Promise.race([closed, sleep(10, false)])) break;
    }
    child.kill('SIGKILL');
    await closed;
  }

  test('delete removes them all, and the machine goes on', async () => {
    const at = await count();
    const names = (await snapshots()).map(({ name }) => name);
    expect(names).toContain('before');
    const alone = await waymark('snapshot', 'delete', machineName, ...names);
    expect(alone.code).toBe(3); // it asks, and nobody is there
    expect(await snapshots()).toHaveLength(names.length);
    await good('snapshot', 'delete', machineName, ...names, '--yes');
    expect(await snapshots()).toEqual([]);
    await countsTo(host, uuid, at + 1);
    expect(await restoredCount(await backup())).toBeGreaterThanOrEqual(at);
  });

  test('the doctor finds and repairs what a crash of QEMU left; the backup is right', async () => {
    expect((await waymark('checkpoint', 'doctor', machineName)).code).toBe(0);
    const pid = Number(await libvirtd.runAs('cat', [qemuPidFile()]));
    world.processes.kill(pid, 'SIGKILL');
    while ((await libvirtd.virsh('domstate', uuid)).trim() === 'running') await sleep(50);
    await libvirtd.virsh('start', uuid);
    const at = await count();
    const sick = await waymark('checkpoint', 'doctor', machineName);
    expect(sick.code).toBe(4);
    expect(sick.json).toMatchObject({
      report: { findings: [{ kind: 'dead-checkpoint', severity: 'problem' }] },
    });
    const healed = await good('checkpoint', 'doctor', machineName, '--repair', '--yes');
    expect(healed).toMatchObject({ repaired: { action: { kind: 'repair' } }, after: {} });
    expect(await good('checkpoint', 'list', machineName)).toEqual({ checkpoints: [] });
    expect(await restoredCount(await backup())).toBeGreaterThanOrEqual(at);
  });

  function qemuPidFile(): string {
    return join(libvirtd.folder, 'r/libvirt/qemu/run', `${machineName}.pid`);
  }

  test('a checkpoint is made by hand, measured, and deleted', async () => {
    const made = await good('checkpoint', 'create', machineName);
    expect(made).toMatchObject({ action: { kind: 'checkpoint-create' } });
    await countsTo(host, uuid, (await count()) + 20);
    const { checkpoints } = (await good('checkpoint', 'list', machineName)) as {
      checkpoints: { name: string; health: string; changedBytes: number | null; role: string }[];
    };
    const mine = checkpoints.filter(({ role }) => role === 'unused');
    expect(mine).toMatchObject([{ health: 'healthy' }]);
    expect(mine[0]?.changedBytes).toBeGreaterThan(0);
    await good('checkpoint', 'delete', machineName, mine[0]?.name ?? '', '--yes');
    expect((await good('checkpoint', 'list', machineName))['checkpoints']).toHaveLength(
      checkpoints.length - 1,
    );
  });
});
