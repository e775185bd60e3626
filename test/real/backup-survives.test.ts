/** Cancelled at many moments, a lost catalog, a killed NBD server: what is left, what goes on. */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineId, Repository } from '#contract/domain.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: backup survives: ${reason}`);
const mib = 1024 * 1024;
/** Milliseconds after the start; a whole backup takes about half a second here. */
const moments = [0, 20, 50, 90, 140, 200, 280, 380];

describe.skipIf(reason !== null)('a backup survives', () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;
  let machine: TestMachine;
  let disk: DiskModel;
  let id: MachineId;
  let repository: Repository;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine();
    machine = await libvirtd.defineTestMachine({
      name: 'survivor',
      start: true,
      disks: [
        { format: 'qcow2', sizeBytes: 128 * mib },
        { format: 'qcow2', sizeBytes: 8 * mib },
      ],
    });
    disk = diskModel(libvirtd, machine, 'vda', 128 * mib);
    await disk.writeRandom(0, 96 * mib);
    id = await engine.addHost(libvirtd.uri, machine.uuid);
    repository = await engine.createRepository('attic', 'secret');
  });
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });

  const checkpoints = async () =>
    (await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).split('\n').filter(Boolean);

  test('an excluded disk is named as skipped', async () => {
    const point = await engine.backup(id, repository.id, { exclude: ['vda'] });
    expect(point.skipped).toEqual([{ target: 'vda', reason: 'excluded' }]);
    expect(point.disks.map(({ target }) => target)).toEqual(['vdb']);
  });

  test('cancelled at many moments: nothing of it stays', { timeout: 180_000 }, async () => {
    const before = await engine.backup(id, repository.id);
    const { handlers } = engine.engine;
    for (const moment of moments) {
      const order = { machine: id, repository: repository.id, exclude: [], accepted: [] };
      const job = await handlers['backup.start']({ ...order, reread: true });
      await sleep(moment);
      await handlers['jobs.cancel']({ job });
      expect((await engine.ended(job)).state.kind).toMatch(/cancelled|done/);
    }
    const points = await handlers['points.list']({
      machineUuid: machine.uuid,
      repository: repository.id,
    });
    const newest = points[0];
    expect(await checkpoints()).toEqual([newest?.checkpoint]);
    expect(await libvirtd.virsh('domjobinfo', machine.uuid)).toContain('None');
    const scratch =
      process.getuid?.() === 0 ? '/var/lib/waymark-scratch' : join(engine.folder, 'data/scratch');
    const work = machine.uuid.replaceAll('-', '').slice(0, 16);
    const left = existsSync(scratch) ? readdirSync(scratch) : [];
    expect(left.filter((name) => name.startsWith(work))).toEqual([]);
    await disk.expectRestored(engine, before.id, disk.moment());
    await disk.expectRestored(engine, (await engine.backup(id, repository.id)).id, disk.moment());
  });

  test('the NBD server of a closed image is killed: said so, the next is right', async () => {
    await libvirtd.virsh('destroy', machine.uuid);
    const order = { machine: id, repository: repository.id, exclude: [], accepted: [] };
    const job = await engine.engine.handlers['backup.start']({ ...order, reread: true });
    // Once bytes have arrived: killed earlier it is a server that never began.
    const arrived = async () =>
      (await engine.engine.handlers['jobs.get']({ job })).progress?.readBytes ?? 0;
    await expect.poll(arrived, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0);
    expect(killServers()).toBe(1);
    const { state } = await engine.ended(job);
    expect(state).toMatchObject({ kind: 'failed' });
    expect(state).toMatchObject({ error: { code: 'nbd-connection-lost' } });
    const next = await engine.backup(id, repository.id, { reread: true });
    await disk.expectRestored(engine, next.id, disk.moment());
    await libvirtd.virsh('start', machine.uuid);
  });

  /** Kills the qemu-nbd processes that this test's own engine started. */
  function killServers(): number {
    let killed = 0;
    for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
      const command = read(`/proc/${name}/cmdline`);
      const parent = /^PPid:\s+(\d+)$/m.exec(read(`/proc/${name}/status`))?.[1];
      if (!command.startsWith('qemu-nbd') || Number(parent) !== process.pid) continue;
      process.kill(Number(name), 'SIGKILL');
      killed += 1;
    }
    return killed;
  }

  function read(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // it ended meanwhile
    }
  }

  test('a deleted catalog: all is added again, and the reference still counts', async () => {
    await libvirtd.tryVirsh('start', machine.uuid);
    const last = await engine.backup(id, repository.id);
    const { folder } = engine;
    await engine.engine.stop();
    for (const end of ['', '-wal', '-shm']) {
      rmSync(join(folder, 'data', `catalog.db${end}`), { force: true });
    }
    engine = await startTestEngine({ folder });
    const { handlers } = engine.engine;
    expect(await handlers['hosts.list']({})).toEqual([]);
    id = await engine.addHost(libvirtd.uri, machine.uuid);
    repository = await handlers['repositories.add']({
      name: 'attic again',
      path: repository.path,
      password: 'secret',
      remember: true,
    });
    const points = await handlers['points.list']({ machineUuid: machine.uuid, repository: null });
    expect(points[0]?.id).toBe(last.id);
    await disk.write(0x5a, 100 * mib, 65536);
    const next = await engine.backup(id, repository.id);
    expect(next.disks[0]).toMatchObject({ mode: 'changed-only', readBytes: 65536 });
    await disk.expectRestored(engine, next.id, disk.moment());
    expect(await checkpoints()).toEqual([next.checkpoint]);
  });
});
