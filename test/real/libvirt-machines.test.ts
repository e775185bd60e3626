import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domainBackupXml } from '#engine/hypervisor/backup-xml.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { rebuildDomain } from '#engine/hypervisor/rebuild-domain.ts';
import { realWorld } from '#engine/world/world.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
const world = realWorld();
const mebibyte = 1024 * 1024;
const disk = [{ format: 'qcow2', sizeBytes: 16 * mebibyte }] as const;

describe.skipIf(reason !== null)(`machines of libvirt (${reason ?? 'real'})`, () => {
  let daemon: PrivateLibvirtd;
  let hypervisor: Hypervisor;
  const events: HypervisorEvent[] = [];
  let busy: Promise<{ readonly thrown: unknown; readonly waitedMs: number }>;
  beforeAll(async () => {
    daemon = await startPrivateLibvirtd();
    hypervisor = await openLibvirt(daemon.uri, world);
    hypervisor.on((event) => events.push(event));
    busy = waitForLock(); // libvirt waits 30 s by itself; the other tests need not
  });
  afterAll(async () => {
    await hypervisor.close();
    await daemon.stop();
  });
  const checkpoint = (name: string) =>
    domainCheckpointXml({ name, description: '', disks: [{ target: 'vda', checkpoint: true }] });
  const pull = (uuid: string, incremental?: string) => {
    const scratchPath = join(daemon.images, `${uuid}.scratch`);
    const shared = { target: 'vda', backup: true, scratchPath } as const;
    return domainBackupXml({
      socketPath: join(daemon.images, `${uuid.slice(0, 8)}.sock`),
      disks: [
        incremental === undefined
          ? { ...shared, mode: 'full' }
          : { ...shared, mode: 'incremental', incremental, exportBitmap: 'dirty' },
      ],
    });
  };

  const waitForLock = async () => {
    const { uuid } = await daemon.defineTestMachine({ name: 'busy', disks: disk, start: true });
    const other = await openLibvirt(daemon.uri, world);
    await other.beginBackup(uuid, pull(uuid), null);
    const begin = performance.now();
    const thrown = await other.beginBackup(uuid, pull(uuid), null).catch((error: unknown) => error);
    await other.destroy(uuid);
    await other.close();
    return { thrown, waitedMs: performance.now() - begin };
  };

  it('takes a picture of the screen over a stream', async () => {
    const { uuid } = await daemon.defineTestMachine({
      name: 'screen',
      disks: disk,
      start: true,
      devices: '<video><model type="vga"/></video>',
    });
    const picture = await hypervisor.screenshot(uuid);
    const magic = { 'image/png': '\x89PNG', 'image/x-portable-pixmap': 'P6' };
    const expected = magic[picture!.mime as keyof typeof magic];
    expect(picture!.bytes.subarray(0, expected.length).toString('latin1')).toBe(expected);
    await hypervisor.destroy(uuid);
  });

  it('has no picture of a machine without a screen', async () => {
    const devices = '<video><model type="none"/></video>';
    const { uuid } = await daemon.defineTestMachine({ name: 'blind', disks: disk, devices });
    await hypervisor.start(uuid);
    expect(await hypervisor.screenshot(uuid)).toBeNull();
    await hypervisor.destroy(uuid);
  });

  it('offers the disk and its dirty blocks on a unix socket while a backup runs', async () => {
    const { uuid } = await daemon.defineTestMachine({ name: 'pull', disks: disk, start: true });
    await hypervisor.createCheckpoint(uuid, checkpoint('waymark-1'), 0);
    await daemon.guestWrite(uuid, 'virtio-disk0', 0xaa, 5 * mebibyte, 65_536);
    await hypervisor.beginBackup(uuid, pull(uuid, 'waymark-1'), checkpoint('waymark-2'));
    const uri = `nbd+unix:///vda?socket=${join(daemon.images, uuid.slice(0, 8))}.sock`;
    const listing = await daemon.runAs('nbdinfo', ['--map=qemu:dirty-bitmap:dirty', uri]);
    const dirty = listing
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , kind]) => kind === '1')
      .map(([offset, length]) => [Number(offset), Number(length)]);
    expect(dirty).toEqual([[5 * mebibyte, 65_536]]);
    await hypervisor.abortJob(uuid);
    await expect
      .poll(() => events.find((one) => one.kind === 'job-completed' && one.uuid === uuid))
      .toMatchObject({ stats: { operation: 'backup', type: 'cancelled' } });
    await hypervisor.destroy(uuid);
  });

  it('tells when a disk was written past a threshold', async () => {
    const { uuid } = await daemon.defineTestMachine({ name: 'growing', disks: disk, start: true });
    await hypervisor.setBlockThreshold(uuid, 'vda', mebibyte);
    await daemon.guestWrite(uuid, 'virtio-disk0', 0x11, 0, 2 * mebibyte);
    await expect
      .poll(() => events.find((one) => one.kind === 'block-threshold' && one.uuid === uuid))
      .toMatchObject({ device: 'vda', thresholdBytes: mebibyte });
    await hypervisor.destroy(uuid);
  });

  it('notices a bitmap broken by kill -9 of QEMU, without tainting the machine', async () => {
    const { uuid } = await daemon.defineTestMachine({ name: 'crashed', disks: disk, start: true });
    await hypervisor.createCheckpoint(uuid, checkpoint('waymark-1'), 0);
    // Once stored in the image, the bitmap is marked as in use by the next QEMU that opens it.
    await hypervisor.destroy(uuid);
    await hypervisor.start(uuid);
    expect(await hypervisor.validateCheckpoint(uuid, 'waymark-1')).toBe(true);
    const pidFile = join(daemon.folder, 'r', 'libvirt', 'qemu', 'run', 'crashed.pid');
    world.processes.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL');
    await expect
      .poll(async () => (await hypervisor.state(uuid)).state, { timeout: 10_000 })
      .toBe('off');
    await hypervisor.start(uuid);
    expect(await hypervisor.validateCheckpoint(uuid, 'waymark-1')).toBe(false);
    await expect(hypervisor.beginBackup(uuid, pull(uuid, 'waymark-1'), null)).rejects.toMatchObject(
      { code: 'checkpoint-inconsistent', data: { code: 109 } },
    );
    expect((await hypervisor.listCheckpoints(uuid)).map(({ name }) => name)).toEqual(['waymark-1']);
    const log = await readFile(join(daemon.folder, 'h', 'libvirt/qemu/log/crashed.log'), 'utf8');
    expect(log).not.toContain('tainted');
    await hypervisor.deleteCheckpoint(uuid, 'waymark-1');
    await hypervisor.destroy(uuid);
  });

  it('lists snapshots with parents and the current one, deletes and reverts', async () => {
    const { uuid } = await daemon.defineTestMachine({ name: 'snapped', disks: disk });
    for (const name of ['first', 'second']) {
      const xml = `<domainsnapshot><name>${name}</name></domainsnapshot>`;
      await hypervisor.createSnapshot(uuid, xml, 0);
    }
    const brief = async () =>
      (await hypervisor.listSnapshots(uuid)).map((one) => [one.name, one.parent, one.current]);
    expect(await brief()).toEqual([
      ['first', null, false],
      ['second', 'first', true],
    ]);
    await hypervisor.revertSnapshot(uuid, 'first', 0);
    expect(await brief()).toEqual([
      ['first', null, true],
      ['second', 'first', false],
    ]);
    await hypervisor.deleteSnapshot(uuid, 'second', 0);
    expect((await hypervisor.listSnapshots(uuid))[0]).toMatchObject({
      machineState: 'off',
      memory: 'no',
      disks: [{ target: 'vda', kind: 'internal' }],
    });
    await expect(hypervisor.deleteSnapshot(uuid, 'second', 0)).rejects.toMatchObject({
      code: 'libvirt-error',
      data: { code: 72 },
    });
  });

  it('ends a call that takes too long, and the connection still works', async () => {
    const { uuid } = await daemon.defineTestMachine({ name: 'slow', disks: disk, start: true });
    const hasty = await openLibvirt(daemon.uri, world, { callTimeoutMs: 1500 });
    await hasty.beginBackup(uuid, pull(uuid), null);
    await expect(hasty.beginBackup(uuid, pull(uuid), null)).rejects.toMatchObject({
      code: 'libvirt-timeout',
    });
    expect((await hasty.state(uuid)).state).toBe('running');
    await hasty.abortJob(uuid);
    await hasty.close();
    await hypervisor.destroy(uuid);
  });

  it('defines and starts what rebuildDomain makes of a live definition', async () => {
    const { uuid } = await daemon.defineTestMachine({
      name: 'original',
      disks: [...disk, { format: 'raw', sizeBytes: 0, device: 'cdrom', path: null }],
      start: true,
      agentChannel: true,
      devices: `<interface type='user'><model type='virtio'/></interface>
        <graphics type='vnc' port='-1'/><video><model type='vga'/></video>
        <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
        <serial type='pty'/><watchdog model='i6300esb' action='reset'/>
        <controller type='virtio-serial' index='0'/><sound model='ac97'/>`,
    });
    const image = join(daemon.images, 'copy.qcow2');
    await daemon.runAs('qemu-img', ['create', '-q', '-f', 'qcow2', image, String(mebibyte)]);
    for (const which of ['live', 'inactive'] as const) {
      const rebuilt = rebuildDomain(await hypervisor.definition(uuid, which), {
        name: `copy <${which}> é`,
        uuid: world.ids.uuid(),
        macs: () => world.ids.mac(),
        disks: new Map([['vda', { path: image, format: 'qcow2' }]]),
        network: 'disconnected',
      });
      expect(rebuilt.changes.filter(({ kind }) => kind === 'kept-out')).toEqual([]);
      const copy = await hypervisor.define(rebuilt.xml);
      await hypervisor.start(copy);
      expect((await hypervisor.getMachine(copy)).definition).toMatchObject({
        name: `copy <${which}> é`,
        hasAgentChannel: true,
        disks: [{ source: image }, { device: 'cdrom', source: null }],
      });
      await hypervisor.destroy(copy);
      await hypervisor.undefine(copy);
    }
    await hypervisor.destroy(uuid);
  });

  it('says that a machine is busy when its lock stays taken', async () => {
    const { thrown, waitedMs } = await busy;
    expect(thrown).toMatchObject({ code: 'machine-busy', data: { code: 68 } });
    expect(waitedMs).toBeGreaterThan(25_000);
  });
});
