/** The main job against the real thing: back up, change, back up again, restore, compare bytes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from './test-engine.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: main job: ${reason}`);
const mib = 1024 * 1024;

describe.skipIf(reason !== null)('backup and restore of a running machine', () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine();
  });
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });

  test('first, unchanged, changed, restored older point', async () => {
    const machine = await libvirtd.defineTestMachine({
      name: 'main job',
      start: true,
      disks: [
        { format: 'qcow2', sizeBytes: 64 * mib },
        { format: 'raw', sizeBytes: 8 * mib },
        { format: 'qcow2', sizeBytes: 0, device: 'cdrom', path: null },
      ],
    });
    await libvirtd.guestWrite(machine.uuid, 'virtio-disk0', 0xaa, 3 * mib, 2 * mib);
    const id = await engine.addHost(libvirtd.uri, machine.uuid);
    const repository = await engine.createRepository('attic', 'correct horse');
    const first = await engine.backup(id, repository.id);
    expect(first.disks.map(({ target, mode, reason: why }) => [target, mode, why])).toEqual([
      ['vda', 're-read', 'first'],
      ['vdb', 're-read', 'not-trackable'],
    ]);
    expect(first.skipped).toEqual([{ target: 'sda', reason: 'cdrom' }]);
    expect(first.disks[0]?.readBytes).toBeGreaterThanOrEqual(2 * mib);

    await libvirtd.guestWrite(machine.uuid, 'virtio-disk0', 0xbb, 10 * mib, 64 * 1024);
    const second = await engine.backup(id, repository.id);
    expect(second.disks[0]).toMatchObject({ target: 'vda', mode: 'changed-only' });
    expect(second.disks[0]?.readBytes).toBe(64 * 1024);

    const older = await engine.restoreImage(first.id, 'vda', 'raw');
    expect(older.subarray(3 * mib, 5 * mib).every((byte) => byte === 0xaa)).toBe(true);
    expect(older.subarray(10 * mib, 11 * mib).every((byte) => byte === 0)).toBe(true);
    const newer = await engine.restoreImage(second.id, 'vda', 'raw');
    expect(newer.subarray(10 * mib, 10 * mib + 64 * 1024).every((byte) => byte === 0xbb)).toBe(
      true,
    );
    newer.fill(0, 10 * mib, 10 * mib + 64 * 1024);
    expect(newer.equals(older)).toBe(true);
    expect(await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).toContain('waymark-');
    const names = (await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).trim();
    expect(names.split('\n')).toHaveLength(1);
  });
});
