/**
 * The kinds of host of "who may read what": the system daemon as root, and as an ordinary user in
 * group libvirt, with and without group libvirt-qemu. (The session kind is every other real test.)
 */
import { chmodSync, chownSync, mkdtempSync, rmSync, readFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realWorld } from '#engine/world/world.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import { groupId, startSystemLibvirtd, systemUri, whyNoSystemLibvirtd } from './system-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoSystemLibvirtd();
if (reason !== null) console.log(`skipped: kinds of host: ${reason}`);
const world = realWorld();
const mib = 1024 * 1024;
const uuid = '11a1f7a2-9d41-4f3a-9c1c-000000000001';
const name = 'wm-system-test';
const images = '/var/lib/libvirt/images';
const path = join(images, `${name}.qcow2`);
const pool = '/var/lib/libvirt/wm-pool';
const block = 64 * 1024;
const definition = join(tmpdir(), `${name}.xml`);

async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.processes.run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
const virsh = (...args: readonly string[]) => run('virsh', ['-c', systemUri, ...args]);

const xml = `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
  <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${path}'/>
  <target dev='vda' bus='virtio'/></disk></devices></domain>`;

/** A system libvirtd probes every QEMU anew where KVM does not work, once or more a command. */
const commandPatienceMs = 240_000;

describe.skipIf(reason !== null)('the system daemon', () => {
  let daemon: { stop(): Promise<void> };
  let disk: DiskModel;

  beforeAll(async () => {
    daemon = await startSystemLibvirtd();
    await forget();
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', path, '16M']);
    await world.files.writeDurable(definition, Buffer.from(xml));
    await virsh('define', definition);
    await virsh('start', name);
    const libvirtd = {
      guestWrite: async (
        id: string,
        alias: string,
        pattern: number,
        at: number,
        length: number,
      ) => {
        const device = `/machine/peripheral/${alias}/virtio-backend`;
        const command = `qemu-io -d ${device} "write -P ${pattern} ${at} ${length}"`;
        await virsh('qemu-monitor-command', id, '--hmp', command);
      },
    };
    const machine = {
      uuid,
      disks: [{ target: 'vda', path, format: 'qcow2', alias: 'virtio-disk0' }],
    };
    disk = diskModel(libvirtd as never, machine as never, 'vda', 16 * mib);
    await disk.write(0x31, mib, 2 * block);
  });
  afterAll(async () => {
    await forget();
    await daemon.stop();
  });

  async function forget(): Promise<void> {
    // Copies that a run which was cut off left behind stand in the way of the next.
    for (const copy of [`${name} zwei`, `${name} als Nutzer`]) {
      await world.processes.run('virsh', ['-c', systemUri, 'destroy', copy]);
      await world.processes.run('virsh', ['-c', systemUri, 'undefine', copy]);
    }
    await virsh('destroy', name).catch(() => undefined);
    await virsh('undefine', name, '--checkpoints-metadata').catch(() => undefined);
    await virsh('pool-destroy', 'wm-pool').catch(() => undefined);
    await virsh('pool-undefine', 'wm-pool').catch(() => undefined);
    rmSync(pool, { recursive: true, force: true });
    rmSync(path, { force: true });
    rmSync(definition, { force: true });
  }

  test(
    'as root: running, stopped, restored as a new machine that starts',
    { timeout: 2 * commandPatienceMs },
    async () => {
      const engine: TestEngine = await startTestEngine();
      try {
        const id = await engine.addHost(systemUri, uuid);
        const repository = await engine.createRepository('root', 'secret');
        const first = await engine.backup(id, repository.id);
        await disk.write(0x32, 5 * mib, block);
        const second = await engine.backup(id, repository.id);
        expect(second.readBytes).toBe(block);
        await disk.expectRestored(engine, second.id, disk.moment());
        const host = await engine.host(systemUri);
        const to = {
          kind: 'new-machine' as const,
          host: host.id,
          name: `${name} zwei`,
          folder: null,
          network: 'disconnected' as const,
          start: true,
        };
        const { handlers } = engine.engine;
        const job = await engine.finished(
          await handlers['restore.start']({ point: first.id, to, accepted: [] }),
        );
        expect(job.state.kind).toBe('done');
        expect(await virsh('domstate', `${name} zwei`)).toContain('running');
        await virsh('destroy', `${name} zwei`);
        await virsh('undefine', `${name} zwei`);
        rmSync(join(images, `${name} zwei`), { recursive: true });
      } finally {
        await engine.stop();
      }
    },
  );

  /** Runs the command line as user 65534 in these groups, on a data folder of its own. */
  function asUser(groups: readonly (number | null)[]) {
    const folder = mkdtempSync(join(tmpdir(), 'wm-u-'));
    chownSync(folder, 65534, 65534);
    chmodSync(folder, 0o711);
    const root = join(import.meta.dirname, '../..');
    const waymark = async (...args: readonly string[]) => {
      const list = groups.filter((group) => group !== null).join(',');
      const result = await world.processes.run(
        'setpriv',
        [
          ...['--reuid=65534', '--regid=65534', `--groups=${list}`, '--'],
          ...[process.execPath, join(root, 'src-main/host/node/main.ts'), ...args],
          ...['--data', join(folder, 'data'), '--json'],
        ],
        { env: { HOME: folder, XDG_RUNTIME_DIR: folder }, timeoutMs: commandPatienceMs },
      );
      return { ...result, json: JSON.parse(result.stdout) as Record<string, unknown> };
    };
    return { folder, waymark };
  }

  test(
    'as a user not in libvirt-qemu: refused, with the command that helps',
    { timeout: 2 * commandPatienceMs },
    async () => {
      const { folder, waymark } = asUser([groupId('libvirt')]);
      await waymark('host', 'add', 'system', systemUri);
      await waymark('repository', 'create', 'mine', join(folder, 'mine'), '--no-encryption');
      const refused = await waymark('backup', uuid, '--to', 'mine');
      expect(refused.code).not.toBe(0);
      expect(refused.json).toMatchObject({ error: { code: 'permission-denied' } });
      expect(JSON.stringify(refused.json)).toContain('usermod -aG libvirt-qemu');
      rmSync(folder, { recursive: true });
    },
  );

  test(
    'as a user in both groups: running, then stopped by a paused start',
    { timeout: 2 * commandPatienceMs },
    async () => {
      const { folder, waymark } = asUser([groupId('libvirt'), groupId('libvirt-qemu')]);
      await waymark('host', 'add', 'system', systemUri);
      await waymark('repository', 'create', 'mine', join(folder, 'mine'), '--no-encryption');
      const first = await waymark('backup', uuid, '--to', 'mine');
      expect(first.json).toMatchObject({ point: { disks: [{ target: 'vda', mode: 're-read' }] } });
      await virsh('destroy', name);
      const stopped = await waymark('backup', uuid, '--to', 'mine');
      expect(stopped.json).toMatchObject({
        point: { disks: [{ target: 'vda', mode: 'changed-only', readBytes: 0 }] },
      });
      expect(await virsh('domstate', name)).toContain('shut off');
      const image = join(folder, 'out.raw');
      const { id } = stopped.json['point'] as { id: string };
      const restored = await waymark('restore', id, '--disk', 'vda', '--image', image);
      expect(restored.json).toMatchObject({ verified: true });
      expect(Buffer.compare(readFileSync(image), disk.moment())).toBe(0);
      expect(existsSync('/var/tmp/waymark-65534')).toBe(true);

      await virsh('pool-define-as', 'wm-pool', 'dir', '--target', pool);
      await virsh('pool-build', 'wm-pool');
      await virsh('pool-start', 'wm-pool');
      const copy = `${name} als Nutzer`;
      const made = await waymark('restore', id, '--as', copy, '--folder', pool, '--start');
      expect(made.json).toMatchObject({ verified: true });
      expect(await virsh('domstate', copy)).toContain('running');
      await virsh('destroy', copy);
      const again = join(folder, 'again.raw');
      await run('qemu-img', ['convert', '-O', 'raw', join(pool, `${copy}-vda.qcow2`), again]);
      expect(Buffer.compare(readFileSync(again), disk.moment())).toBe(0);
      const taken = await waymark('restore', id, '--as', copy, '--folder', pool);
      expect(taken.code).toBe(3);
      await virsh('undefine', copy);
      rmSync(folder, { recursive: true });
      rmSync('/var/tmp/waymark-65534', { recursive: true });
    },
  );
});
