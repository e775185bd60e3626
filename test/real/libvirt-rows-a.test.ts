/**
 * Rows A: checkpoints beside snapshots, on the libvirt and QEMU installed here.
 *
 * A7 of libvirt 9.9 and later (its own external revert loses bitmaps) cannot be shown on 9.0, which
 * has no such revert; what is shown is the same loss by an overlay made with qemu-img.
 */
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import {
  snapshotCreateFlag,
  snapshotDeleteFlag,
  snapshotRevertFlag,
} from '#engine/hypervisor/snapshot-flags.ts';
import {
  changedBlocks,
  checkpointXml,
  isThere,
  mebibyte,
  pullXml,
  refusal,
  startRows,
  type RowMachine,
  type Rows,
} from './libvirt-rows.ts';
import { whyNoLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: rows A: ${reason}`);
const redefineCheckpoint = 1; // VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE

describe.skipIf(reason !== null)('rows A: checkpoints and snapshots', () => {
  let rows: Rows;
  let hypervisor: Hypervisor;
  beforeAll(async () => {
    rows = await startRows();
    hypervisor = rows.hypervisor;
  });
  afterAll(() => rows.stop());

  /** Notes the checkpoints and forgets them, so that libvirt takes a snapshot of what is off. */
  const setAside = async ({ uuid }: RowMachine) => {
    const known = await hypervisor.listCheckpoints(uuid);
    for (const { name } of known.toReversed()) {
      await hypervisor.deleteCheckpoint(uuid, name, { metadataOnly: true });
    }
    return async () => {
      for (const { xml } of known) await hypervisor.createCheckpoint(uuid, xml, redefineCheckpoint);
    };
  };
  const changedBytes = async (machine: RowMachine, name: string) =>
    (await hypervisor.checkpointChangedBytes(machine.uuid, name))[0]?.bytes;
  const valid = (machine: RowMachine, name: string) =>
    hypervisor.validateCheckpoint(machine.uuid, name);

  describe('A1: revert to an internal snapshot with a bitmap in the image', () => {
    test('stops the running machine, fails, leaves it off and the checkpoint dead', async () => {
      const machine = await rows.machine();
      await machine.write(1, 0);
      await machine.internal('live');
      await machine.checkpoint('c');
      await machine.write(2, 0);
      machine.told();
      await expect(hypervisor.revertSnapshot(machine.uuid, 'live', 0)).rejects.toMatchObject(
        refusal(1),
      );
      expect(await hypervisor.state(machine.uuid)).toEqual({ state: 'off', reason: 6 }); // failed
      expect(machine.told()).toEqual(['stopped 6', 'started 3']);
      expect(await machine.parts(machine.base)).toMatchObject({ bitmaps: ['c (in-use)'] });
      expect(await machine.content(machine.base, 1)).toEqual([2]); // nothing went back
      // It starts again, and a checkpoint less is all it takes.
      await hypervisor.start(machine.uuid);
      expect(await valid(machine, 'c')).toBe(false);
      await hypervisor.deleteCheckpoint(machine.uuid, 'c');
      await hypervisor.revertSnapshot(machine.uuid, 'live', 0);
      expect(await machine.state()).toBe('running');
      await hypervisor.destroy(machine.uuid);
      expect(await machine.content(machine.base, 1)).toEqual([1]);
    });

    test('fails from off as well; with memory it kills the checkpoint, too', async () => {
      const machine = await rows.machine();
      await machine.internal('live');
      await machine.checkpoint('c');
      await hypervisor.destroy(machine.uuid);
      await expect(hypervisor.revertSnapshot(machine.uuid, 'live', 0)).rejects.toMatchObject(
        refusal(1),
      );
      expect((await hypervisor.state(machine.uuid)).reason).toBe(6);
      expect(await machine.parts(machine.base)).toMatchObject({ bitmaps: ['c (in-use)'] });
      // The remedy while it is off.
      await rows.daemon.runAs('qemu-img', ['bitmap', '--remove', machine.base, 'c']);
      await hypervisor.deleteCheckpoint(machine.uuid, 'c', { metadataOnly: true });
      await hypervisor.revertSnapshot(machine.uuid, 'live', snapshotRevertFlag.paused);
      expect(await machine.state()).toBe('paused');
    });

    test('of a stopped machine to a stopped moment fails and harms nothing', async () => {
      const machine = await rows.machine({ start: false });
      await machine.internal('off');
      await hypervisor.start(machine.uuid);
      await machine.checkpoint('c');
      await machine.write(2, 0);
      await hypervisor.destroy(machine.uuid);
      await expect(hypervisor.revertSnapshot(machine.uuid, 'off', 0)).rejects.toMatchObject(
        refusal(1),
      );
      expect(await machine.parts(machine.base)).toMatchObject({ bitmaps: ['c'] });
      expect(await machine.content(machine.base, 1)).toEqual([2]);
    });

    test('with two disks takes back the one without a bitmap: half a machine', async () => {
      const disk = { format: 'qcow2', sizeBytes: mebibyte } as const;
      const machine = await rows.machine({ start: false, disks: [disk, disk] });
      const second = machine.base.replace('vda', 'vdb');
      await machine.internal('off');
      await rows.daemon.runAs('qemu-io', ['-c', 'write -P 7 0 64k', second]);
      await rows.daemon.runAs('qemu-io', ['-c', 'write -P 7 0 64k', machine.base]);
      await rows.daemon.runAs('qemu-img', ['bitmap', '--add', machine.base, 'orphan']);
      await expect(hypervisor.revertSnapshot(machine.uuid, 'off', 0)).rejects.toMatchObject(
        refusal(1),
      );
      expect(await machine.content(machine.base, 1)).toEqual([7]);
      expect(await machine.content(second, 1)).toEqual([0]);
    });
  });

  test('A2: a live internal snapshot leaves a checkpoint working', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await machine.write(1, 3);
    await machine.internal('live');
    await machine.write(1, 5);
    expect(await valid(machine, 'c')).toBe(true);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3, 5]);
  });

  test('A3: internal snapshots are deleted beside a checkpoint, live and stopped', async () => {
    const machine = await rows.machine();
    await machine.internal('one');
    await machine.internal('two');
    await machine.checkpoint('c');
    await machine.write(1, 3);
    await hypervisor.deleteSnapshot(machine.uuid, 'one', 0);
    await hypervisor.destroy(machine.uuid);
    await hypervisor.deleteSnapshot(machine.uuid, 'two', 0);
    expect(await machine.parts(machine.base)).toEqual({
      bitmaps: ['c'],
      snapshots: [],
      backing: null,
    });
    await hypervisor.start(machine.uuid);
    expect(await changedBytes(machine, 'c')).toBe(65_536);
  });

  test('A4: a live external snapshot takes bitmaps along; the increment is exact', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await machine.write(1, 3);
    await machine.external('overlay');
    await machine.write(1, 5);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3, 5]);
    await hypervisor.destroy(machine.uuid);
    expect((await machine.parts(machine.file('overlay'))).bitmaps).toEqual(['c']);
    expect((await machine.parts(machine.base)).bitmaps).toEqual(['c']);
  });

  describe('A5: a snapshot of a stopped machine with checkpoints', () => {
    const stopped = async () => {
      const machine = await rows.machine();
      await machine.write(1, 0);
      await machine.checkpoint('c1');
      await machine.checkpoint('c2');
      await machine.write(2, 1);
      await hypervisor.destroy(machine.uuid);
      return machine;
    };

    test('is refused, of either kind, and so is redefining one', async () => {
      const machine = await stopped();
      await expect(machine.internal('in')).rejects.toMatchObject(refusal(84));
      await expect(machine.external('out')).rejects.toMatchObject(refusal(84));
      expect(isThere(machine.file('out'))).toBe(false);
      const known = '<domainsnapshot><name>x</name><state>shutoff</state></domainsnapshot>';
      await expect(
        hypervisor.createSnapshot(machine.uuid, known, snapshotCreateFlag.redefine),
      ).rejects.toMatchObject(refusal(84));
    });

    test('internal: works while the checkpoints are set aside; they stay good', async () => {
      const machine = await stopped();
      const putBack = await setAside(machine);
      await machine.internal('in');
      await putBack();
      expect(await machine.parts(machine.base)).toMatchObject({
        bitmaps: ['c1', 'c2'],
        snapshots: ['in'],
      });
      expect(
        (await hypervisor.listCheckpoints(machine.uuid)).map(({ name, parent }) => [name, parent]),
      ).toEqual([
        ['c1', null],
        ['c2', 'c1'],
      ]);
      await hypervisor.start(machine.uuid);
      expect([await valid(machine, 'c1'), await valid(machine, 'c2')]).toEqual([true, true]);
      expect(await changedBlocks(rows, machine, 'c1')).toEqual([1]);
      await machine.checkpoint('c3');
      expect((await hypervisor.listCheckpoints(machine.uuid)).at(-1)).toMatchObject({
        name: 'c3',
        parent: 'c2',
      });
    });

    test('internal: works with qemu-img and a record redefined while it is paused', async () => {
      const machine = await stopped();
      await rows.daemon.runAs('qemu-img', ['snapshot', '-c', 'in', machine.base]);
      await hypervisor.start(machine.uuid, { paused: true });
      const head = '<name>in</name><state>shutoff</state><creationTime>1795419538</creationTime>';
      const record = (domain: string) => `<domainsnapshot>${head}${domain}</domainsnapshot>`;
      const define = (xml: string) =>
        hypervisor.createSnapshot(machine.uuid, xml, snapshotCreateFlag.redefine);
      await expect(define(record(''))).rejects.toMatchObject(refusal(1)); // no <domain>
      await define(record(await hypervisor.definition(machine.uuid, 'inactive')));
      expect((await hypervisor.listSnapshots(machine.uuid))[0]).toMatchObject({
        name: 'in',
        machineState: 'off',
        memory: 'no',
        disks: [{ target: 'vda', kind: 'internal', image: { source: machine.base } }],
      });
      expect(await valid(machine, 'c1')).toBe(true);
      await hypervisor.resume(machine.uuid);
      await machine.write(9, 0);
      for (const name of ['c1', 'c2']) await hypervisor.deleteCheckpoint(machine.uuid, name);
      await hypervisor.revertSnapshot(machine.uuid, 'in', 0);
      expect(await machine.state()).toBe('off');
      expect(await machine.content(machine.base, 2)).toEqual([1, 2]);
      await hypervisor.deleteSnapshot(machine.uuid, 'in', 0);
      expect((await machine.parts(machine.base)).snapshots).toEqual([]);
    });

    test('external: works started paused; the overlay has the bitmaps and is private', async () => {
      const machine = await stopped();
      await hypervisor.start(machine.uuid, { paused: true });
      await machine.external('out');
      await hypervisor.destroy(machine.uuid);
      expect((await machine.parts(machine.file('out'))).bitmaps).toEqual(['c1', 'c2']);
      expect(statSync(machine.file('out')).mode & 0o777).toBe(0o600);
      const [record] = await hypervisor.listSnapshots(machine.uuid);
      expect(record).toMatchObject({ memory: 'no', machineState: 'running' }); // disk-snapshot
      await hypervisor.start(machine.uuid);
      await machine.write(3, 4);
      expect(await changedBlocks(rows, machine, 'c1')).toEqual([1, 4]);
      await hypervisor.destroy(machine.uuid);
      await hypervisor.deleteSnapshot(machine.uuid, 'out', 0); // stopped, with checkpoints
      expect(await machine.images()).toEqual([machine.base]);
      await hypervisor.start(machine.uuid);
      expect(await changedBlocks(rows, machine, 'c1')).toEqual([1, 4]);
    });

    test('external: works stopped too, with the bitmaps added to the overlay by hand', async () => {
      const machine = await stopped();
      const putBack = await setAside(machine);
      await machine.external('out');
      for (const name of ['c1', 'c2']) {
        const add = ['bitmap', '--add', '-g', '65536', machine.file('out'), name];
        await rows.daemon.runAs('qemu-img', add);
      }
      await putBack();
      await hypervisor.start(machine.uuid);
      await machine.write(3, 4);
      expect(await changedBlocks(rows, machine, 'c1')).toEqual([1, 4]);
      await hypervisor.deleteSnapshot(machine.uuid, 'out', 0);
      expect(await changedBlocks(rows, machine, 'c2')).toEqual([1, 4]);
    });

    test('a paused-start record becomes a stopped one only by forgetting it first', async () => {
      const machine = await rows.machine({ start: 'paused' });
      await machine.external('out');
      await hypervisor.destroy(machine.uuid);
      const xml = await hypervisor.snapshotXml(machine.uuid, 'out');
      const asOff = xml.replace('<state>disk-snapshot<', '<state>shutoff<');
      const flags = snapshotCreateFlag.redefine | snapshotCreateFlag.current;
      await expect(hypervisor.createSnapshot(machine.uuid, asOff, flags)).rejects.toMatchObject(
        refusal(8),
      );
      await hypervisor.deleteSnapshot(machine.uuid, 'out', snapshotDeleteFlag.metadataOnly);
      await hypervisor.createSnapshot(machine.uuid, asOff, flags);
      expect((await hypervisor.listSnapshots(machine.uuid))[0]).toMatchObject({
        machineState: 'off',
        current: true,
      });
    });
  });

  test('A6: bitmaps survive snapshot delete, active commit, block copy and resize', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await machine.write(1, 3);
    await machine.external('deleted');
    await machine.write(1, 5);
    await hypervisor.deleteSnapshot(machine.uuid, 'deleted', 0);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3, 5]);

    await machine.external('committed');
    await machine.write(1, 7);
    const base = machine.base;
    await hypervisor.blockCommit(machine.uuid, 'vda', { base, top: null, active: true });
    const ready = async () => {
      const job = await hypervisor.blockJob(machine.uuid, 'vda');
      return job !== null && job.cur === job.end;
    };
    await expect.poll(ready, { timeout: 20_000 }).toBe(true);
    // QEMU says so before libvirt has taken note of it, and until then there is no pivot.
    const pivot = () => hypervisor.abortBlockJob(machine.uuid, 'vda', { pivot: true });
    await expect.poll(() => pivot().then(() => true), { timeout: 20_000 }).toBe(true);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3, 5, 7]);

    const copy = machine.file('copy');
    const args = [machine.uuid, 'vda', '--dest', copy, '--format', 'qcow2', '--wait', '--pivot'];
    await rows.daemon.virsh('blockcopy', ...args, '--transient-job');
    expect((await machine.images())[0]).toBe(copy);
    expect(await changedBlocks(rows, machine, 'c')).toEqual([3, 5, 7]);
    await rows.daemon.virsh('blockresize', machine.uuid, 'vda', '32M');
    expect(await valid(machine, 'c')).toBe(true);
    expect(await changedBlocks(rows, machine, 'c')).toEqual(
      expect.arrayContaining([3, 5, 7]) as unknown,
    );
  });

  test('A7: an overlay that qemu-img made has no bitmaps: no increment from it', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await hypervisor.destroy(machine.uuid);
    const overlay = machine.file('fresh');
    const create = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', machine.base, overlay];
    await rows.daemon.runAs('qemu-img', create);
    await machine.use(overlay);
    await hypervisor.start(machine.uuid);
    expect(await valid(machine, 'c')).toBe(false);
    expect(await changedBytes(machine, 'c')).toBeNull();
    await expect(
      hypervisor.beginBackup(machine.uuid, pullXml(machine, 'c'), null),
    ).rejects.toMatchObject({ code: 'checkpoint-inconsistent', ...refusal(109) });
  });

  describe('A8: a chain of bitmaps counts only', () => {
    const three = async () => {
      const machine = await rows.machine();
      await machine.checkpoint('c');
      await machine.external('middle');
      await machine.external('top');
      await hypervisor.destroy(machine.uuid);
      const bitmap = (what: string, image: string) =>
        rows.daemon.runAs('qemu-img', ['bitmap', what, image, 'c']);
      return { machine, bitmap };
    };
    const validAfter = async (machine: RowMachine) => {
      await hypervisor.start(machine.uuid);
      const answer = await valid(machine, 'c');
      await hypervisor.destroy(machine.uuid);
      return answer;
    };

    test('from the top image down', async () => {
      const { machine, bitmap } = await three();
      expect(await validAfter(machine)).toBe(true);
      await bitmap('--remove', machine.base); // as if it had been made after `middle`
      expect(await validAfter(machine)).toBe(true);
      await bitmap('--remove', machine.file('top'));
      expect(await validAfter(machine)).toBe(false);
    });

    test('without a gap', async () => {
      const { machine, bitmap } = await three();
      await bitmap('--remove', machine.file('middle'));
      expect(await validAfter(machine)).toBe(false);
    });

    test('while each records', async () => {
      const { machine, bitmap } = await three();
      await bitmap('--disable', machine.file('middle'));
      expect(await validAfter(machine)).toBe(false);
    });
  });

  test('A9: a checkpoint cannot have the name of a bitmap that is in the image', async () => {
    const machine = await rows.machine();
    await machine.checkpoint('c');
    await hypervisor.deleteCheckpoint(machine.uuid, 'c', { metadataOnly: true });
    await expect(machine.checkpoint('c')).rejects.toMatchObject(refusal(1));
    expect(await hypervisor.listCheckpoints(machine.uuid)).toEqual([]);
    // Nor one that libvirt knows.
    await machine.checkpoint('d');
    await expect(
      hypervisor.createCheckpoint(machine.uuid, checkpointXml('d'), 0),
    ).rejects.toMatchObject(refusal(9));
  });
});
