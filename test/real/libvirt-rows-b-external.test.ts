/**
 * Rows B about external snapshots, on the libvirt and QEMU installed here.
 *
 * Not here: B20 (libvirt's own external revert deletes the overlay in use) needs libvirt 9.9.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import {
  snapshotCreateFlag,
  snapshotDeleteFlag,
  snapshotRevertFlag,
} from '#engine/hypervisor/snapshot-flags.ts';
import { makeDisk, machineXml, diskPath } from '#engine/practice/machine.ts';
import { realWorld } from '#engine/world/world.ts';
import {
  isThere,
  mebibyte,
  refusal,
  snapshotXml,
  startRows,
  withImage,
  type RowMachine,
  type Rows,
} from './libvirt-rows.ts';
import { logBytes, logOffset, readPracticeLog } from './practice-log.ts';
import { whyNoLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: rows B, external: ${reason}`);
const world = realWorld();
const resources = join(import.meta.dirname, '../../resources/practice');
const { redefine, current } = snapshotCreateFlag;
const stepLimitMs = 30_000;

describe.skipIf(reason !== null)('rows B: external snapshots', () => {
  let rows: Rows;
  let hypervisor: Hypervisor;
  beforeAll(async () => {
    rows = await startRows();
    hypervisor = rows.hypervisor;
  });
  afterAll(() => rows.stop());

  test('A8: a bitmap that an image below lost is not missed by libvirt', async () => {
    const machine = await rows.machine();
    const changedBytes = async ({ uuid }: RowMachine) =>
      (await hypervisor.checkpointChangedBytes(uuid, 'c'))[0]?.bytes;
    await machine.checkpoint('c');
    await machine.write(1, 0);
    await machine.external('s');
    await machine.write(2, 2);
    // While a QEMU has it open the lower image tells of its bitmaps: it is closed to writing.
    expect(await machine.parts(machine.base)).toMatchObject({ bitmaps: ['c'] });
    expect(await changedBytes(machine)).toBe(2 * 65_536);
    await hypervisor.destroy(machine.uuid);
    // As a conversion that makes the image small again does.
    await rows.daemon.runAs('qemu-img', ['bitmap', '--remove', machine.base, 'c']);
    await hypervisor.start(machine.uuid);
    const [c] = await hypervisor.listCheckpoints(machine.uuid);
    expect(await hypervisor.validateCheckpoint(machine.uuid, 'c', c?.xml ?? '')).toBe(true);
    expect(await changedBytes(machine)).toBe(65_536);
  });

  const qemuImg = (...args: readonly string[]) => rows.daemon.runAs('qemu-img', args);
  const overlayOn = (image: string, overlay: string) =>
    qemuImg('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image, overlay);
  /** Base with block 0 = 10; one, two, three have their number in block 0 and in their own. */
  const chainOfThree = async () => {
    const machine = await rows.machine();
    await machine.write(10, 0);
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      await machine.external(name);
      await machine.write(index + 1, 0, index + 1);
    }
    return machine;
  };
  /** What each snapshot's image holds in block 0: what the machine had when it was taken. */
  const moments = async (machine: RowMachine) => {
    const records = await hypervisor.listSnapshots(machine.uuid);
    const found: (readonly [string, string | null, number | undefined])[] = [];
    for (const { name, parent, disks } of records) {
      const [byte] = await machine.content(disks[0]?.image?.source ?? '', 1);
      found.push([name, parent, byte]);
    }
    return found;
  };
  /** The revert that libvirt 9.0 lacks: a new overlay on the image the snapshot froze. */
  const ownRevert = async (machine: RowMachine, name: string, overlay: string) => {
    const record = (await hypervisor.listSnapshots(machine.uuid)).find((one) => one.name === name);
    const [disk] = record?.disks ?? [];
    const image = disk?.image?.source ?? '';
    await overlayOn(image, overlay);
    await machine.use(overlay);
    const xml = await hypervisor.snapshotXml(machine.uuid, name);
    const moved = xml.replace(`<source file='${disk?.source ?? ''}'`, `<source file='${overlay}'`);
    await hypervisor.createSnapshot(machine.uuid, moved, redefine | current);
  };

  describe('B1: revert', () => {
    test('is not supported, whatever the flags', async () => {
      const machine = await rows.machine({ start: false });
      await machine.external('out');
      for (const flags of [0, snapshotRevertFlag.force, snapshotRevertFlag.running]) {
        await expect(hypervisor.revertSnapshot(machine.uuid, 'out', flags)).rejects.toMatchObject(
          refusal(67),
        );
      }
      expect(await machine.images()).toEqual([machine.file('out')]);
    });

    test('by our own steps works, twice, and libvirt deletes what came of it', async () => {
      const machine = await chainOfThree();
      await hypervisor.destroy(machine.uuid);
      for (const overlay of ['again', 'and-again']) {
        await ownRevert(machine, 'three', machine.file(overlay));
        expect((await hypervisor.momentNames(machine.uuid)).currentSnapshot).toBe('three');
        await hypervisor.start(machine.uuid);
        expect(await machine.images()).toEqual(
          [overlay, 'two', 'one'].map(machine.file).concat(machine.base),
        );
        await machine.write(7, 5);
        await hypervisor.destroy(machine.uuid);
        expect(await machine.content(machine.file(overlay), 6)).toEqual([2, 1, 2, 0, 0, 7]);
      }
      await hypervisor.deleteSnapshot(machine.uuid, 'three', 0);
      expect((await machine.images())[0]).toBe(machine.file('two'));
      expect(await machine.content(machine.file('two'), 6)).toEqual([2, 1, 2, 0, 0, 7]);
      expect(isThere(machine.file('and-again'))).toBe(false);
      expect(isThere(machine.file('again'))).toBe(true); // nobody knows of it any more
    });

    test('with memory: the guest goes on where it was', async () => {
      const uuid = world.ids.uuid();
      await makeDisk(world, resources, rows.daemon.images, rows.daemon.user);
      const base = diskPath(rows.daemon.images);
      const file = (name: string) => join(rows.daemon.images, `guest-${name}`);
      await hypervisor.define(machineXml(uuid, base));
      await hypervisor.start(uuid);
      const counted = async (image: string) => {
        await qemuImg('convert', '-O', 'raw', '-U', image, file('raw'));
        const bytes = await world.files.read(file('raw'), 64 * mebibyte);
        return readPracticeLog(bytes.subarray(0, logOffset + logBytes));
      };
      await expect
        .poll(async () => (await counted(base)).newest, { timeout: stepLimitMs, interval: 500 })
        .toBeGreaterThan(5);
      const xml = snapshotXml('whole', { vda: file('overlay') }, file('memory'));
      await hypervisor.createSnapshot(uuid, xml, 0);
      const then = await counted(base);
      await hypervisor.destroy(uuid);
      await overlayOn(base, file('again'));
      const saved = await hypervisor.savedDefinition(file('memory'));
      // It names the image that was frozen: restored as it is, the guest would write there.
      expect(saved).toContain(`<source file='${base}'/>`);
      await hypervisor.define(
        withImage(await hypervisor.definition(uuid, 'inactive'), file('again')),
      );
      await hypervisor.restoreMemory(file('memory'), { xml: withImage(saved, file('again')) });
      await expect
        .poll(async () => (await counted(file('again'))).newest, { timeout: stepLimitMs })
        .toBeGreaterThan(then.newest + 5);
      await hypervisor.destroy(uuid);
      const now = await counted(file('again'));
      expect(now).toMatchObject({ generation: then.generation, brokenAt: null });
      expect(await counted(base)).toEqual(then);
      // B3: nobody removes the memory file.
      await hypervisor.deleteSnapshot(uuid, 'whole', snapshotDeleteFlag.metadataOnly);
      expect(isThere(file('memory'))).toBe(true);
    });

    test('deleting the snapshot then changes what an overlay kept aside sees', async () => {
      const machine = await rows.machine();
      await machine.external('kept');
      await machine.write(2, 1);
      await hypervisor.destroy(machine.uuid);
      await ownRevert(machine, 'kept', machine.file('now'));
      await hypervisor.start(machine.uuid);
      await machine.write(9, 3);
      await hypervisor.deleteSnapshot(machine.uuid, 'kept', 0);
      await hypervisor.destroy(machine.uuid);
      expect(await machine.content(machine.file('kept'), 4)).toEqual([0, 2, 0, 9]); // not 0!
    });
  });

  describe('B2: delete', () => {
    test.each(['running', 'stopped'] as const)(
      'of the oldest, middle and newest of a chain keeps the others right: %s',
      async (how) => {
        for (const [name, left] of [
          [
            'one',
            [
              ['two', null, 1],
              ['three', 'two', 2],
            ],
          ],
          [
            'two',
            [
              ['one', null, 10],
              ['three', 'one', 2],
            ],
          ],
          [
            'three',
            [
              ['one', null, 10],
              ['two', 'one', 1],
            ],
          ],
        ] as const) {
          const machine = await chainOfThree();
          if (how === 'stopped') await hypervisor.destroy(machine.uuid);
          await hypervisor.deleteSnapshot(machine.uuid, name, 0);
          if (how === 'running') await hypervisor.destroy(machine.uuid);
          expect(await moments(machine), name).toEqual(left);
          const [top] = await machine.images();
          expect(await machine.content(top ?? '', 4), name).toEqual([3, 1, 2, 3]);
          expect(isThere(machine.file(name)), name).toBe(false);
        }
      },
    );

    test('with children is refused', async () => {
      const machine = await chainOfThree();
      for (const flags of [snapshotDeleteFlag.children, snapshotDeleteFlag.childrenOnly]) {
        await expect(hypervisor.deleteSnapshot(machine.uuid, 'one', flags)).rejects.toMatchObject(
          refusal(67),
        );
      }
      await expect(
        hypervisor.deleteSnapshot(machine.uuid, 'three', snapshotDeleteFlag.children),
      ).rejects.toMatchObject(refusal(67)); // a leaf, too
    });

    test('stopped, without a chain in the definition, only the newest can go', async () => {
      const machine = await chainOfThree();
      await hypervisor.destroy(machine.uuid);
      await machine.use(machine.file('three'));
      for (const name of ['one', 'two']) {
        await expect(hypervisor.deleteSnapshot(machine.uuid, name, 0)).rejects.toMatchObject(
          refusal(8),
        );
      }
      await hypervisor.start(machine.uuid, { paused: true }); // QEMU looks for itself
      await hypervisor.deleteSnapshot(machine.uuid, 'one', 0);
      await hypervisor.destroy(machine.uuid);
      expect(await machine.content(machine.file('three'), 4)).toEqual([3, 1, 2, 3]);
    });

    test('does not see a branch: the other one is changed behind its back', async () => {
      const machine = await chainOfThree();
      await hypervisor.destroy(machine.uuid);
      await ownRevert(machine, 'one', machine.file('branch'));
      await hypervisor.start(machine.uuid);
      await machine.write(77, 5);
      await expect(hypervisor.deleteSnapshot(machine.uuid, 'two', 0)).rejects.toMatchObject(
        refusal(8), // not in the chain the machine uses
      );
      await hypervisor.deleteSnapshot(machine.uuid, 'one', 0);
      await hypervisor.destroy(machine.uuid);
      expect(await machine.content(machine.file('three'), 6)).toEqual([3, 1, 2, 3, 0, 77]);
    });

    test('of the record alone falsifies what later snapshots say they froze', async () => {
      const machine = await chainOfThree();
      await hypervisor.deleteSnapshot(machine.uuid, 'one', snapshotDeleteFlag.metadataOnly);
      const [two] = await hypervisor.listSnapshots(machine.uuid);
      expect(two).toMatchObject({ name: 'two', parent: null });
      expect(two?.disks[0]?.image?.source).toBe(machine.base); // it is `one`
      expect(await machine.images()).toContain(machine.file('one'));
    });

    test('waits for no block job, and no statistics tell of it', async () => {
      const machine = await rows.machine();
      await machine.external('out');
      const { uuid } = machine;
      await hypervisor.blockCommit(uuid, 'vda', { base: null, top: null, active: true });
      await expect(hypervisor.deleteSnapshot(uuid, 'out', 0)).rejects.toMatchObject(refusal(84));
      await expect(hypervisor.revertSnapshot(uuid, 'out', 0)).rejects.toMatchObject(refusal(55));
      await expect(machine.external('more')).rejects.toMatchObject(refusal(83));
      expect(await hypervisor.jobStats(uuid)).toMatchObject({ active: false });
    });
  });

  test('B3: the memory file of a deleted snapshot stays', async () => {
    const machine = await rows.machine();
    const memory = machine.file('memory');
    const xml = snapshotXml('whole', { vda: machine.file('whole') }, memory);
    await hypervisor.createSnapshot(machine.uuid, xml, 0);
    await hypervisor.deleteSnapshot(machine.uuid, 'whole', 0);
    expect(isThere(machine.file('whole'))).toBe(false);
    expect(isThere(memory)).toBe(true);
  });

  test('B4: deletes right after each other come to their end', async () => {
    const machine = await rows.machine();
    for (let round = 0; round < 5; round += 1) {
      await machine.external(`round-${round}`);
      await machine.write(round + 1, 0);
      await hypervisor.deleteSnapshot(machine.uuid, `round-${round}`, 0);
    }
    expect(await hypervisor.blockJob(machine.uuid, 'vda')).toBeNull();
    expect(await machine.images()).toEqual([machine.base]);
  });

  test('B16: an overlay made while the machine is off is for all to read', async () => {
    const mode = (path: string) => statSync(path).mode & 0o777;
    const machine = await rows.machine({ start: false });
    await machine.external('off');
    await hypervisor.start(machine.uuid);
    await machine.external('live');
    expect([mode(machine.file('off')), mode(machine.file('live'))]).toEqual([0o644, 0o600]);
  });

  describe('B19: an interrupted delete', () => {
    /** kill -9 of libvirtd while QEMU copies, then the daemon again. */
    const interrupted = async (name: string) => {
      const disks = [{ format: 'qcow2', sizeBytes: 512 * mebibyte }] as const;
      const machine = await rows.machine({ disks });
      for (const [index, overlay] of ['one', 'two'].entries()) {
        await machine.external(overlay);
        const { guestWrite } = rows.daemon;
        await guestWrite(machine.uuid, 'virtio-disk0', index + 1, 0, 256 * mebibyte);
      }
      const other = await openLibvirt(rows.daemon.uri, world, { reconnect: false });
      const call = other.deleteSnapshot(machine.uuid, name, 0).catch((thrown: unknown) => thrown);
      const working = async () => (await hypervisor.blockJob(machine.uuid, 'vda')) !== null;
      await expect.poll(working, { timeout: stepLimitMs, interval: 1 }).toBe(true);
      // It has no statistics, and our answer is not an error.
      expect(await hypervisor.jobStats(machine.uuid)).toMatchObject({ active: true });
      process.kill(machine.processId(), 'SIGSTOP');
      await rows.daemon.kill();
      expect(await call).toMatchObject({ code: 'libvirt-connection-lost' });
      process.kill(machine.processId(), 'SIGCONT');
      await rows.daemon.restart();
      await expect
        .poll(() => hypervisor.state(machine.uuid).catch(() => null), { timeout: stepLimitMs })
        .not.toBeNull();
      return machine;
    };
    const marks = async (machine: RowMachine) =>
      (await hypervisor.listSnapshots(machine.uuid)).map(({ name, disks }) => [
        name,
        disks[0]?.deleting,
      ]);

    test('is marked on the parent, which cannot go then; deleting again finishes it', async () => {
      const machine = await interrupted('two');
      expect(await marks(machine)).toEqual([
        ['one', true],
        ['two', false],
      ]);
      const wayBack = hypervisor.deleteSnapshot(machine.uuid, 'one', 0);
      await expect(wayBack).rejects.toMatchObject(refusal(55));
      await hypervisor.deleteSnapshot(machine.uuid, 'two', 0);
      expect(await marks(machine)).toEqual([['one', false]]);
      await hypervisor.destroy(machine.uuid);
      expect(await machine.content(machine.file('one'), 2)).toEqual([2, 2]);
    });

    test('of the oldest leaves no mark; deleting again finishes it', async () => {
      const machine = await interrupted('one');
      expect(await marks(machine)).toEqual([
        ['one', false],
        ['two', false],
      ]);
      await hypervisor.deleteSnapshot(machine.uuid, 'one', 0);
      expect(await marks(machine)).toEqual([['two', false]]);
      await hypervisor.destroy(machine.uuid);
      expect(await machine.content(machine.file('two'), 2)).toEqual([2, 2]);
      expect(await machine.content(machine.base, 2)).toEqual([1, 1]);
    });
  });
});
