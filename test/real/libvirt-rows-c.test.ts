/**
 * Rows C: checkpoints and their bitmaps, on the libvirt and QEMU installed here.
 *
 * Not shown: C8's 65,535 bitmaps in one image (hours to make), C10 (migration needs two hosts), and
 * of C2 the raw data file (libvirt 10.10).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changedBytesTimeoutMs } from '#engine/hypervisor/checkpoints.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { realWorld } from '#engine/world/world.ts';
import {
  blockBytes,
  changedBlocks,
  checkpointXml,
  mebibyte,
  pullXml,
  refusal,
  startRows,
  type RowMachine,
  type Rows,
} from './libvirt-rows.ts';
import { whyNoLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: rows C: ${reason}`);
const clock = realWorld().clock;
const redefine = 1; // VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE
const redefineValidate = 5; // and VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE

describe.skipIf(reason !== null)('rows C: checkpoints and bitmaps', () => {
  let rows: Rows;
  let hypervisor: Hypervisor;
  beforeAll(async () => {
    rows = await startRows();
    hypervisor = rows.hypervisor;
  });
  afterAll(() => rows.stop());

  const qemuImg = (...args: readonly string[]) => rows.daemon.runAs('qemu-img', args);
  const refused = async (asked: Promise<unknown>, code: number) => {
    await expect(asked).rejects.toMatchObject(refusal(code));
  };
  const names = async (machine: RowMachine) =>
    (await hypervisor.momentNames(machine.uuid)).checkpoints;
  const tree = async (machine: RowMachine) =>
    (await hypervisor.listCheckpoints(machine.uuid)).map(({ name, parent }) => [name, parent]);
  const valid = (machine: RowMachine, name: string) =>
    hypervisor.validateCheckpoint(machine.uuid, name);
  const changedBytes = async (machine: RowMachine, name: string) =>
    (await hypervisor.checkpointChangedBytes(machine.uuid, name))[0]?.bytes;
  /** Stored once, a bitmap is marked as in use by the QEMU that opens it next. */
  const restarted = async (...checkpoints: readonly string[]) => {
    const machine = await rows.machine();
    for (const name of checkpoints) await machine.checkpoint(name);
    await hypervisor.destroy(machine.uuid);
    await hypervisor.start(machine.uuid);
    return machine;
  };

  test('C1: made and deleted on a running machine only; its record goes when stopped', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await hypervisor.destroy(machine.uuid);
    await refused(machine.checkpoint('d'), 84);
    await refused(hypervisor.deleteCheckpoint(machine.uuid, 'c'), 84);
    await refused(hypervisor.checkpointChangedBytes(machine.uuid, 'c'), 55);
    await hypervisor.deleteCheckpoint(machine.uuid, 'c', { metadataOnly: true });
    expect(await names(machine)).toEqual([]);
    expect((await machine.parts(machine.base)).bitmaps).toEqual(['c']);
    // Started paused is running enough.
    await hypervisor.start(machine.uuid, { paused: true });
    await machine.checkpoint('d');
    expect(await valid(machine, 'd')).toBe(true);
  });

  test('C2: a raw disk has none, a qcow2 overlay on it has', async () => {
    const machine = await rows.machine({ disks: [{ format: 'raw', sizeBytes: mebibyte }] });
    await refused(machine.checkpoint('c'), 67);
    expect(await names(machine)).toEqual([]);
    await machine.external('overlay');
    await machine.checkpoint('c');
    await machine.write(1, 3);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3]);
  });

  test('C3: an old qcow2 has none until it is amended', async () => {
    const old = { format: 'qcow2', sizeBytes: mebibyte, createOptions: 'compat=0.10' } as const;
    const machine = await rows.machine({ disks: [old] });
    await refused(machine.checkpoint('c'), 1);
    await hypervisor.destroy(machine.uuid);
    await qemuImg('amend', '-f', 'qcow2', '-o', 'compat=1.1', machine.base);
    await hypervisor.start(machine.uuid);
    await machine.checkpoint('c');
    expect(await names(machine)).toEqual(['c']);
  });

  describe('C4: after kill -9 of QEMU', () => {
    test('checkpoints are listed and dead; a new one works beside them', async () => {
      const machine = await restarted('old', 'young');
      await machine.crash();
      expect((await machine.parts(machine.base)).bitmaps).toEqual([
        'old (in-use)',
        'young (in-use)',
      ]);
      await hypervisor.start(machine.uuid);
      expect(await names(machine)).toEqual(['old', 'young']);
      expect([await valid(machine, 'old'), await valid(machine, 'young')]).toEqual([false, false]);
      expect(await changedBytes(machine, 'old')).toBeNull();
      await expect(
        hypervisor.beginBackup(machine.uuid, pullXml(machine, 'old'), null),
      ).rejects.toMatchObject({ code: 'checkpoint-inconsistent', ...refusal(109) });
      await machine.checkpoint('new');
      expect(await valid(machine, 'new')).toBe(true);
      await hypervisor.deleteCheckpoint(machine.uuid, 'old');
      await hypervisor.deleteCheckpoint(machine.uuid, 'young', { metadataOnly: true });
      await hypervisor.destroy(machine.uuid);
      expect((await machine.parts(machine.base)).bitmaps).toEqual(['new', 'young (in-use)']);
    });

    test('one that was never stored is not in the image at all', async () => {
      const machine = await rows.machine();
      await machine.checkpoint('c');
      await machine.crash();
      expect((await machine.parts(machine.base)).bitmaps).toEqual([]);
      await hypervisor.start(machine.uuid);
      expect(await valid(machine, 'c')).toBe(false);
      // Then libvirt cannot delete it either, only forget it.
      await refused(hypervisor.deleteCheckpoint(machine.uuid, 'c'), 1);
      expect(await names(machine)).toEqual(['c']);
      await hypervisor.deleteCheckpoint(machine.uuid, 'c', { metadataOnly: true });
      expect(await names(machine)).toEqual([]);
    });

    test('a dead bitmap without a record still forbids a revert, until it is removed', async () => {
      const machine = await restarted('c');
      await machine.crash();
      await hypervisor.deleteCheckpoint(machine.uuid, 'c', { metadataOnly: true });
      await machine.internal('in');
      await refused(hypervisor.revertSnapshot(machine.uuid, 'in', 0), 1);
      await qemuImg('bitmap', '--remove', machine.base, 'c');
      await hypervisor.revertSnapshot(machine.uuid, 'in', 0);
    });

    test.each([true, false])(
      'an orphan goes by way of a redefined checkpoint (dead: %s)',
      async (dead) => {
        const machine = await restarted('c');
        if (dead) {
          await machine.crash();
          await hypervisor.start(machine.uuid);
        }
        await hypervisor.deleteCheckpoint(machine.uuid, 'c', { metadataOnly: true });
        const bare = checkpointXml('c');
        await refused(hypervisor.createCheckpoint(machine.uuid, bare, redefine), 1); // no time
        const timed = bare.replace('<disks>', '<creationTime>1795419538</creationTime><disks>');
        await hypervisor.createCheckpoint(machine.uuid, timed, redefine);
        await hypervisor.deleteCheckpoint(machine.uuid, 'c');
        await hypervisor.destroy(machine.uuid);
        expect((await machine.parts(machine.base)).bitmaps).toEqual([]);
      },
    );

    test('redefining believes in any bitmap, unless it is told to look', async () => {
      const machine = await rows.machine();
      const timed = checkpointXml('never').replace(
        '<disks>',
        '<creationTime>1795419538</creationTime><disks>',
      );
      await refused(hypervisor.createCheckpoint(machine.uuid, timed, redefineValidate), 109);
      expect(await names(machine)).toEqual([]);
      const orphan = timed.replace('<disks>', '<parent><name>nobody</name></parent><disks>');
      await refused(hypervisor.createCheckpoint(machine.uuid, orphan, redefine), 8);
      await hypervisor.createCheckpoint(machine.uuid, timed, redefine);
      expect(await names(machine)).toEqual(['never']);
    });
  });

  test('C5: a clean stop, a managed save and libvirtd killed keep bitmaps', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await machine.write(1, 3);
    await rows.daemon.virsh('managedsave', machine.uuid);
    expect((await machine.parts(machine.base)).bitmaps).toEqual(['c']);
    await hypervisor.start(machine.uuid);
    await machine.write(1, 5);
    await hypervisor.destroy(machine.uuid);
    await hypervisor.start(machine.uuid);
    await machine.write(1, 7);
    await rows.daemon.kill();
    await rows.daemon.restart();
    await expect.poll(() => valid(machine, 'c').catch(() => null), { timeout: 20_000 }).toBe(true);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3, 5, 7]);
  });

  test('C6: an image in use does not say what bitmaps its machine has', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    expect((await machine.parts(machine.base)).bitmaps).toEqual([]);
    await hypervisor.destroy(machine.uuid);
    expect((await machine.parts(machine.base)).bitmaps).toEqual(['c']);
    await hypervisor.start(machine.uuid);
    await hypervisor.deleteCheckpoint(machine.uuid, 'c');
    await machine.checkpoint('d');
    expect((await machine.parts(machine.base)).bitmaps).not.toContain('d');
  });

  test('C7: every checkpoint is one more bitmap that records each write', async () => {
    const machine = await rows.machine();
    const all = Array.from({ length: 40 }, (_, index) => `c${String(index).padStart(2, '0')}`);
    const begun = clock.monotonic();
    for (const name of all) await machine.checkpoint(name);
    expect((clock.monotonic() - begun) / all.length).toBeLessThan(1000);
    await machine.write(1, 3);
    expect(await changedBytes(machine, 'c00')).toBe(blockBytes);
    expect(await changedBytes(machine, 'c39')).toBe(blockBytes);
    await hypervisor.destroy(machine.uuid);
    expect((await machine.parts(machine.base)).bitmaps).toEqual(all);
  });

  test('C8: a name has 1023 bytes for QEMU, 247 for libvirt, and no spaces', async () => {
    const machine = await rows.machine();
    await refused(machine.checkpoint('a b'), 92);
    await refused(machine.checkpoint('c'.repeat(1024)), 1);
    await machine.checkpoint('c'.repeat(247));
    await refused(machine.checkpoint('c'.repeat(248)), 1);
    expect(await names(machine)).toEqual(['c'.repeat(247)]);
    await hypervisor.destroy(machine.uuid);
    // The bitmap was there before libvirt failed to write its record.
    expect((await machine.parts(machine.base)).bitmaps.map(({ length }) => length)).toEqual([
      247, 248,
    ]);
  });

  test.each([
    ['65536', 65_536],
    ['4096', 4096],
  ])('C9: the image’s clusters (%s) decide how fine a bitmap is', async (clusters, bytes) => {
    const createOptions = `cluster_size=${clusters}`;
    const disks = [{ format: 'qcow2', sizeBytes: mebibyte, createOptions }] as const;
    const machine = await rows.machine({ disks });
    await machine.checkpoint('c');
    await rows.daemon.guestWrite(machine.uuid, 'virtio-disk0', 1, 0, 512);
    expect(await changedBytes(machine, 'c')).toBe(bytes);
  });

  test('C11: a disk with a dead bitmap cannot be resized, with a healthy one it can', async () => {
    const machine = await restarted('c');
    const resize = (size: string) =>
      rows.daemon.tryVirsh('blockresize', machine.uuid, 'vda', size).then(({ code }) => code);
    expect(await resize('20M')).toBe(0);
    expect(await valid(machine, 'c')).toBe(true);
    await machine.crash();
    await hypervisor.start(machine.uuid);
    expect(await resize('24M')).not.toBe(0);
    await hypervisor.deleteCheckpoint(machine.uuid, 'c');
    expect(await resize('24M')).toBe(0);
  });

  test('C12: any of a chain can be deleted; children move up and stay exact', async () => {
    const machine = await rows.machine();
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      await machine.checkpoint(name);
      await machine.write(1, index);
    }
    await hypervisor.deleteCheckpoint(machine.uuid, 'b');
    await hypervisor.deleteCheckpoint(machine.uuid, 'd');
    expect(await tree(machine)).toEqual([
      ['a', null],
      ['c', 'a'],
    ]);
    expect(await changedBlocks(rows, machine, 'a')).toEqual([0, 1, 2, 3]);
    await hypervisor.deleteCheckpoint(machine.uuid, 'a');
    expect(await tree(machine)).toEqual([['c', null]]);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([2, 3]);
  });

  test('a bitmap missing: the children have moved up when the delete fails', async () => {
    const machine = await rows.machine();
    for (const name of ['a', 'gone', 'c']) await machine.checkpoint(name);
    await hypervisor.destroy(machine.uuid);
    await qemuImg('bitmap', '--remove', machine.base, 'gone');
    await hypervisor.start(machine.uuid);
    await refused(hypervisor.deleteCheckpoint(machine.uuid, 'gone'), 1);
    expect(new Map((await tree(machine)) as [string, string | null][])).toEqual(
      new Map([
        ['a', null],
        ['gone', 'a'],
        ['c', 'a'],
      ]),
    );
    expect(await valid(machine, 'c')).toBe(true);
  });

  test('D2: what changed since a checkpoint is not worth a wait', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    const pid = machine.processId();
    process.kill(pid, 'SIGSTOP'); // so that the next call keeps the machine's lock
    const begun = clock.monotonic();
    await expect(hypervisor.checkpointChangedBytes(machine.uuid, 'c')).rejects.toMatchObject({
      code: 'machine-busy',
    });
    await expect(hypervisor.checkpointChangedBytes(machine.uuid, 'c')).rejects.toMatchObject({
      code: 'machine-busy',
    });
    expect(clock.monotonic() - begun).toBeLessThan(3 * changedBytesTimeoutMs);
    process.kill(pid, 'SIGCONT');
    await expect.poll(() => changedBytes(machine, 'c'), { timeout: 20_000 }).toBe(0);
  });
});
