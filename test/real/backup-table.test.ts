/**
 * Every row of "which blocks are read" (backup/plan.ts), each proven by restoring and comparing.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MachineId, Point, Repository } from '#contract/domain.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: backup table: ${reason}`);
const mib = 1024 * 1024;
const block = 64 * 1024;

const modes = (point: Point) =>
  point.disks.map(({ target, mode, reason: why }) => [target, mode, why ?? '']);

describe.skipIf(reason !== null)('what a backup reads', () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;
  let machine: TestMachine;
  let disk: DiskModel;
  let id: MachineId;
  let repository: Repository;
  let count = 0;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine();
  });
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });
  beforeEach(async () => {
    count += 1;
    machine = await libvirtd.defineTestMachine({
      name: `table-${count}`,
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 32 * mib }],
    });
    disk = diskModel(libvirtd, machine, 'vda', 32 * mib);
    id = await engine.addHost(libvirtd.uri, machine.uuid);
    repository = await engine.createRepository(`table-${count}`, null);
    await disk.write(0x11, mib, 3 * block);
  });

  const backup = (more = {}) => engine.backup(id, repository.id, more);
  const checkpoints = async () =>
    (await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).split('\n').filter(Boolean);
  const stop = () => libvirtd.virsh('destroy', machine.uuid);
  const start = () => libvirtd.virsh('start', machine.uuid);

  test('nothing changed: nothing is read, and the point is complete', async () => {
    await backup();
    const again = await backup();
    expect(modes(again)).toEqual([['vda', 'changed-only', '']]);
    expect(again.readBytes).toBe(0);
    await disk.expectRestored(engine, again.id, disk.moment());
  });

  test('asked: everything is read and nothing new is stored', async () => {
    const first = await backup();
    const again = await backup({ reread: true });
    expect(modes(again)).toEqual([['vda', 're-read', 'asked']]);
    expect(again.readBytes).toBe(first.readBytes);
    expect(again.storedBytes).toBeLessThan(block);
    await disk.expectRestored(engine, again.id, disk.moment());
  });

  test('QEMU killed with -9: the reference is lost, the next backup is right', async () => {
    await backup();
    await disk.write(0x22, 8 * mib, block);
    const status = await libvirtd.virsh(
      'qemu-monitor-command',
      machine.uuid,
      '--hmp',
      'info status',
    );
    expect(status).toContain('running');
    process.kill(qemuPid(), 'SIGKILL');
    await expect
      .poll(() => libvirtd.virsh('domstate', machine.uuid), { timeout: 15_000 })
      .toContain('shut off');
    await start();
    const again = await backup();
    expect(modes(again)).toEqual([['vda', 're-read', 'reference-lost']]);
    await disk.expectRestored(engine, again.id, disk.moment());
    expect(await checkpoints()).toHaveLength(1);
    await disk.write(0x23, 9 * mib, block);
    const third = await backup();
    expect(modes(third)).toEqual([['vda', 'changed-only', '']]);
    expect(third.readBytes).toBe(block);
    await disk.expectRestored(engine, third.id, disk.moment());
  });

  function qemuPid(): number {
    const path = `${libvirtd.folder}/r/libvirt/qemu/run/${machine.name}.pid`;
    return Number(readFileSync(path, 'utf8').trim());
  }

  test('checkpoint deleted behind our back', async () => {
    await backup();
    const [name] = await checkpoints();
    await libvirtd.virsh('checkpoint-delete', machine.uuid, name ?? '');
    await disk.write(0x33, 12 * mib, 2 * block);
    const again = await backup();
    expect(modes(again)).toEqual([['vda', 're-read', 'reference-lost']]);
    await disk.expectRestored(engine, again.id, disk.moment());
  });

  test('stopped: the closed image is read, with the bitmap that is in it', async () => {
    const first = await backup();
    await disk.write(0x44, 4 * mib, block);
    const before = disk.moment();
    await stop();
    const closed = await backup();
    expect(modes(closed)).toEqual([['vda', 'changed-only', '']]);
    expect(closed.readBytes).toBe(block);
    expect(closed.consistency.kind).toBe('clean');
    await disk.expectRestored(engine, closed.id, before);
    await start();
    await disk.write(0x55, 5 * mib, block);
    const running = await backup();
    expect(modes(running)).toEqual([['vda', 'changed-only', '']]);
    await disk.expectRestored(engine, running.id, disk.moment());
    await disk.expectRestored(engine, closed.id, before);
    expect(first.id < closed.id && closed.id < running.id).toBe(true);
  });

  test('stopped, first: allocated blocks of the closed image', async () => {
    await stop();
    const first = await backup();
    expect(modes(first)).toEqual([['vda', 're-read', 'first']]);
    await disk.expectRestored(engine, first.id, disk.moment());
    await disk.writeClosed(0x66, 20 * mib, block);
    const again = await backup();
    expect(modes(again)).toEqual([['vda', 're-read', 'reference-lost']]);
    await disk.expectRestored(engine, again.id, disk.moment());
  });

  test('an image put back from an older copy never yields a wrong point', async () => {
    await backup();
    await stop();
    const path = machine.disks[0]?.path ?? '';
    await libvirtd.runAs('cp', [path, `${path}.copy`]);
    const old = disk.moment();
    await start();
    await disk.write(0x77, 6 * mib, block);
    await stop();
    await backup();
    await libvirtd.runAs('mv', [`${path}.copy`, path]);
    const again = await backup();
    await disk.expectRestored(engine, again.id, old);
    await start();
    const running = await backup();
    await disk.expectRestored(engine, running.id, old);
  });

  test('resized: everything is read, the older point keeps its size', async () => {
    const first = await backup();
    const before = disk.moment();
    await libvirtd.virsh('blockresize', machine.uuid, 'vda', '40960');
    disk.grow(40 * mib);
    await disk.write(0x88, 39 * mib, block);
    const again = await backup();
    expect(modes(again)).toEqual([['vda', 're-read', 'resized']]);
    await disk.expectRestored(engine, again.id, disk.moment());
    await disk.expectRestored(engine, first.id, before);
  });

  test('a disk added later is read whole, the others only where they changed', async () => {
    await backup();
    const path = `${libvirtd.images}/added-${count}.qcow2`;
    await libvirtd.runAs('qemu-img', ['create', '-q', '-f', 'qcow2', path, '16M']);
    await libvirtd.runAs('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x99 0 65536', path]);
    await libvirtd.virsh(
      ...['attach-disk', machine.uuid, path, 'vdb', '--subdriver', 'qcow2', '--persistent'],
    );
    const again = await backup();
    expect(modes(again)).toEqual([
      ['vda', 'changed-only', ''],
      ['vdb', 're-read', 'first'],
    ]);
    const restored = await engine.restoreImage(again.id, 'vdb', 'raw');
    expect(restored.subarray(0, block).every((byte) => byte === 0x99)).toBe(true);
    expect(modes(await backup())).toEqual([
      ['vda', 'changed-only', ''],
      ['vdb', 'changed-only', ''],
    ]);
  });

  test('two repositories each keep a reference of their own', async () => {
    const other = await engine.createRepository(`other-${count}`, 'secret');
    await backup();
    await disk.write(0xa1, 14 * mib, block);
    await engine.backup(id, other.id);
    await disk.write(0xa2, 15 * mib, block);
    const here = await backup();
    const there = await engine.backup(id, other.id);
    expect(here.readBytes).toBe(2 * block);
    expect(there.readBytes).toBe(block);
    expect(await checkpoints()).toHaveLength(2);
    await disk.expectRestored(engine, here.id, disk.moment());
    await disk.expectRestored(engine, there.id, disk.moment());
  });

  test('an excluded disk is named as skipped, an unknown one is refused', async () => {
    await expect(backup({ exclude: ['vdz'] })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(backup({ exclude: ['vda'] })).rejects.toMatchObject({
      code: 'machine-has-no-disks',
    });
  });

  test('zeroed again: the zeroes are stored as zeroes', async () => {
    await backup();
    await disk.write(0, mib, 3 * block);
    const again = await backup();
    await disk.expectRestored(engine, again.id, disk.moment());
  });
});
