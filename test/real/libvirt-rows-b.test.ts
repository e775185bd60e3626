/**
 * Rows B about internal snapshots and about snapshots of every kind, on the libvirt and QEMU
 * installed here; external ones have a file of their own.
 *
 * Not shown, because this computer cannot: B7 (broken in libvirt 11.2 and 11.3 only), B10 for LUN,
 * vhost-user and host devices (no such hardware), B11 (needs a guest that sleeps), B21 (VFIO).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import {
  snapshotCreateFlag,
  snapshotDeleteFlag,
  snapshotRevertFlag,
} from '#engine/hypervisor/snapshot-flags.ts';
import { realWorld } from '#engine/world/world.ts';
import {
  isThere,
  mebibyte,
  pullXml,
  refusal,
  snapshotXml,
  startRows,
  type RowMachine,
  type Rows,
} from './libvirt-rows.ts';
import { whyNoLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: rows B: ${reason}`);
const world = realWorld();
const firmware = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const variables = '/usr/share/OVMF/OVMF_VARS_4M.fd';
const { diskOnly, quiesce, live } = snapshotCreateFlag;
const qcow2 = { format: 'qcow2', sizeBytes: mebibyte } as const;
const raw = { format: 'raw', sizeBytes: mebibyte } as const;

describe.skipIf(reason !== null)('rows B: snapshots', () => {
  let rows: Rows;
  let hypervisor: Hypervisor;
  let waited: Promise<readonly { readonly thrown: unknown; readonly ms: number }[]>;
  beforeAll(async () => {
    rows = await startRows();
    hypervisor = rows.hypervisor;
    waited = besideBackup(); // libvirt waits 30 s by itself; the other tests need not
  });
  afterAll(async () => {
    await waited;
    await rows.stop();
  });

  /** Snapshot calls while a backup runs, each on a connection of its own. */
  const besideBackup = async () => {
    const machine = await rows.machine();
    await machine.internal('before');
    await hypervisor.beginBackup(machine.uuid, pullXml(machine), null);
    const calls = [
      (other: Hypervisor) => other.createSnapshot(machine.uuid, snapshotXml('in'), 0),
      (other: Hypervisor) => other.deleteSnapshot(machine.uuid, 'before', 0),
      (other: Hypervisor) => other.revertSnapshot(machine.uuid, 'before', 0),
      (other: Hypervisor) => other.listSnapshots(machine.uuid),
    ];
    return Promise.all(
      calls.map(async (call) => {
        const other = await openLibvirt(rows.daemon.uri, world);
        const begun = performance.now();
        const thrown: unknown = await call(other).then(
          () => null,
          (error: unknown) => error,
        );
        await other.close();
        return { thrown, ms: performance.now() - begun };
      }),
    );
  };
  const refused = async (asked: Promise<unknown>, code: number) => {
    await expect(asked).rejects.toMatchObject(refusal(code));
  };
  const names = async (machine: RowMachine) =>
    (await hypervisor.momentNames(machine.uuid)).snapshots;

  describe('B5: internal and external snapshots of one machine', () => {
    test('an external one above an internal one cannot be deleted', async () => {
      const machine = await rows.machine();
      await machine.internal('in');
      await machine.external('out');
      await refused(hypervisor.deleteSnapshot(machine.uuid, 'out', 0), 84);
      // Nor the internal one while the machine is on the overlay.
      await refused(hypervisor.deleteSnapshot(machine.uuid, 'in', 0), 84);
      expect(isThere(machine.file('out'))).toBe(true);
    });

    test('an internal one above an external one goes, running and stopped', async () => {
      const machine = await rows.machine();
      await machine.external('out');
      await machine.internal('in');
      await machine.internal('in2');
      await hypervisor.deleteSnapshot(machine.uuid, 'in', 0);
      await hypervisor.destroy(machine.uuid);
      await hypervisor.deleteSnapshot(machine.uuid, 'in2', 0);
      expect((await machine.parts(machine.file('out'))).snapshots).toEqual([]);
    });

    test('reverting below the external one leaves it in the list, off the disk', async () => {
      const machine = await rows.machine();
      await machine.write(1, 0);
      await machine.internal('in');
      await machine.external('out');
      await machine.write(2, 0);
      await hypervisor.revertSnapshot(machine.uuid, 'in', 0);
      expect(await machine.images()).toEqual([machine.base]);
      expect(await names(machine)).toEqual(['in', 'out']);
      await refused(hypervisor.deleteSnapshot(machine.uuid, 'out', 0), 8);
      expect(isThere(machine.base)).toBe(true);
    });
  });

  test.skipIf(!existsSync(firmware))(
    'B6: a machine with flash firmware has no internal snapshots, running or stopped',
    async () => {
      const uuid = world.ids.uuid();
      const path = (name: string) => join(rows.daemon.images, `uefi-${name}`);
      await rows.daemon.runAs('qemu-img', ['create', '-q', '-f', 'qcow2', path('disk'), '1M']);
      await hypervisor.define(`<domain type='qemu'><name>uefi</name><uuid>${uuid}</uuid>
        <memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type>
        <loader readonly='yes' type='pflash'>${firmware}</loader>
        <nvram template='${variables}'>${path('vars')}</nvram></os><features><acpi/></features>
        <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
        <source file='${path('disk')}'/><target dev='vda' bus='virtio'/></disk></devices>
        </domain>`);
      expect((await hypervisor.getMachine(uuid)).definition.firmware).toMatchObject({
        pflash: true,
        nvramFormat: 'raw',
      });
      await refused(hypervisor.createSnapshot(uuid, snapshotXml('in'), 0), 84);
      await hypervisor.start(uuid);
      await refused(hypervisor.createSnapshot(uuid, snapshotXml('in'), 0), 84);
      const out = snapshotXml('out', { vda: path('overlay') });
      await hypervisor.createSnapshot(uuid, out, diskOnly);
      await hypervisor.destroy(uuid);
    },
  );

  describe('B8: an internal snapshot', () => {
    test.each([true, false])('holds qcow2 disks only (running: %s)', async (start) => {
      const machine = await rows.machine({ disks: [qcow2, raw], start });
      await refused(machine.internal('in'), 67);
      expect((await machine.parts(machine.base)).snapshots).toEqual([]);
    });

    test.each([true, false])('leaves no disk out (running: %s)', async (start) => {
      const machine = await rows.machine({ disks: [qcow2, qcow2], start });
      const part = `<domainsnapshot><name>in</name><disks>
        <disk name='vda' snapshot='internal'/><disk name='vdb' snapshot='no'/></disks>
        </domainsnapshot>`;
      await refused(hypervisor.createSnapshot(machine.uuid, part, 0), 67);
    });

    test.each([true, false])('does not mix with external disks (running: %s)', async (start) => {
      const machine = await rows.machine({ disks: [qcow2, qcow2], start });
      const mixed = `<domainsnapshot><name>in</name><disks><disk name='vda' snapshot='internal'/>
        <disk name='vdb' snapshot='external'><source file='${machine.file('o')}'/></disk></disks>
        </domainsnapshot>`;
      await refused(hypervisor.createSnapshot(machine.uuid, mixed, 0), 67);
      expect(isThere(machine.file('o'))).toBe(false);
    });

    test('minds neither empty drives nor read-only disks', async () => {
      const drive = { format: 'raw', sizeBytes: 0, device: 'cdrom', path: null } as const;
      const machine = await rows.machine({ disks: [qcow2, drive, { ...raw, readOnly: true }] });
      await machine.internal('in');
      expect((await machine.parts(machine.base)).snapshots).toEqual(['in']);
      await hypervisor.destroy(machine.uuid);
    });
  });

  test('B9: a running machine has no internal snapshot of its disks alone', async () => {
    const machine = await rows.machine();
    const without = "<domainsnapshot><name>x</name><memory snapshot='no'/></domainsnapshot>";
    await refused(hypervisor.createSnapshot(machine.uuid, without, 0), 84);
    const inside = `<domainsnapshot><name>x</name><disks><disk name='vda' snapshot='internal'/>
      </disks></domainsnapshot>`;
    await refused(hypervisor.createSnapshot(machine.uuid, inside, diskOnly), 67);
    await refused(hypervisor.createSnapshot(machine.uuid, snapshotXml('x'), live), 84);
    expect(await names(machine)).toEqual([]);
  });

  test('B10: no external snapshot of a network disk while it is off', async () => {
    const network = `<disk type='network' device='disk'><driver name='qemu' type='raw'/>
      <source protocol='nbd' name='x'><host name='127.0.0.1' port='1'/></source>
      <target dev='vdz' bus='virtio'/></disk>`;
    const machine = await rows.machine({ start: false, devices: network });
    const both = snapshotXml('out', { vda: machine.file('o'), vdz: machine.file('z') });
    await refused(hypervisor.createSnapshot(machine.uuid, both, diskOnly), 1);
    expect(isThere(machine.file('o'))).toBe(false);
    const part = snapshotXml('out', { vda: machine.file('o'), vdz: null });
    await hypervisor.createSnapshot(machine.uuid, part, diskOnly);
  });

  test('B10: none of a transient disk', async () => {
    const machine = await rows.machine({ start: false });
    const xml = await hypervisor.definition(machine.uuid, 'inactive');
    await hypervisor.define(xml.replace("<target dev='vda'", "<transient/><target dev='vda'"));
    expect((await hypervisor.getMachine(machine.uuid)).definition.disks[0]?.transient).toBe(true);
    await hypervisor.start(machine.uuid);
    await refused(machine.external('out'), 84);
  });

  test('B12: freezing needs the disks alone and an agent that answers', async () => {
    const silent = await rows.machine({ agentChannel: true });
    const without = await rows.machine();
    const ask = (machine: RowMachine, flags: number) =>
      hypervisor.createSnapshot(
        machine.uuid,
        snapshotXml('out', { vda: machine.file('out') }),
        flags,
      );
    await refused(ask(silent, quiesce), 8);
    await refused(ask(silent, quiesce | diskOnly), 86);
    await refused(ask(without, quiesce | diskOnly), 74);
    await refused(hypervisor.freeze(silent.uuid), 86);
    await refused(hypervisor.freeze(without.uuid), 74);
    expect([await names(silent), isThere(silent.file('out'))]).toEqual([[], false]);
  });

  test('B13: a revert is always another QEMU, and the definition goes back too', async () => {
    const machine = await rows.machine();
    await machine.internal('live');
    expect(machine.told()).toEqual(expect.arrayContaining(['suspended 0', 'resumed 0']) as unknown);
    const before = machine.processId();
    const xml = await hypervisor.definition(machine.uuid, 'inactive');
    await hypervisor.define(xml.replace(/(<memory [^>]*>)\d+/, '$165536'));
    machine.told();
    await hypervisor.revertSnapshot(machine.uuid, 'live', 0);
    expect(machine.told()).toEqual(['stopped 6', 'started 3', 'resumed 2', 'defined 3']);
    expect(machine.processId()).not.toBe(before);
    const { memoryBytes } = (await hypervisor.getMachine(machine.uuid)).definition;
    expect(memoryBytes).toBe(32 * mebibyte);
  });

  test('B13: to stopped, running and paused, from each', async () => {
    const machine = await rows.machine({ start: false });
    await machine.internal('off');
    await hypervisor.start(machine.uuid);
    await machine.internal('live');
    const { running, paused } = snapshotRevertFlag;
    const ends: string[] = [];
    for (const [name, flags] of [
      ['off', 0],
      ['live', 0],
      ['live', paused],
      ['off', running],
      ['off', paused],
      ['live', running],
    ] as const) {
      await hypervisor.revertSnapshot(machine.uuid, name, flags);
      const { currentSnapshot } = await hypervisor.momentNames(machine.uuid);
      ends.push(`${await machine.state()} at ${currentSnapshot ?? 'none'}`);
    }
    expect(ends).toEqual([
      'off at off',
      'running at live',
      'paused at live',
      'running at off',
      'paused at off',
      'running at live',
    ]);
    await refused(hypervisor.revertSnapshot(machine.uuid, 'live', running | paused), 8);
  });

  describe('B14: with a managed save', () => {
    const saved = async () => {
      const machine = await rows.machine({ start: false });
      await machine.internal('off');
      await hypervisor.start(machine.uuid);
      await machine.internal('live');
      await rows.daemon.virsh('managedsave', machine.uuid);
      return machine;
    };

    test('a revert to a moment without memory wants force, which keeps the save', async () => {
      const machine = await saved();
      await refused(hypervisor.revertSnapshot(machine.uuid, 'off', 0), 77);
      await hypervisor.revertSnapshot(machine.uuid, 'off', snapshotRevertFlag.force);
      expect(await hypervisor.hasManagedSave(machine.uuid)).toBe(true); // the next start uses it
      await hypervisor.removeManagedSave(machine.uuid);
    });

    test('a revert to one with memory wants none, and keeps the save as well', async () => {
      const machine = await saved();
      await hypervisor.revertSnapshot(machine.uuid, 'live', 0);
      expect(await hypervisor.hasManagedSave(machine.uuid)).toBe(true);
    });

    test('an external snapshot is taken, and the save resumes below it', async () => {
      const machine = await rows.machine();
      await rows.daemon.virsh('managedsave', machine.uuid);
      await machine.external('out');
      expect(await machine.images()).toContain(machine.file('out'));
      await hypervisor.start(machine.uuid);
      expect(await machine.images()).toEqual([machine.base]); // which the snapshot froze
    });
  });

  test('B15: 200 images in a chain are the most', async () => {
    const machine = await rows.machine({ start: false });
    const links = Array.from({ length: 200 }, (_, index) => machine.file(`link-${index}`));
    const script = links
      .map((path, index) => {
        const below = links[index - 1] ?? machine.base;
        return `qemu-img create -q -u -f qcow2 -F qcow2 -b ${below} ${path} 1M`;
      })
      .join('\n');
    await rows.daemon.runAs('sh', ['-ec', script]);
    await machine.use(links[199] ?? '');
    await refused(hypervisor.start(machine.uuid), 1);
    await machine.use(links[198] ?? '');
    await hypervisor.start(machine.uuid);
    expect(await machine.images()).toHaveLength(200);
    await refused(machine.external('one-more'), 84);
    expect(isThere(machine.file('one-more'))).toBe(false);
  });

  test('B17: a machine with snapshots is undefined only when told to forget them', async () => {
    const machine = await rows.machine({ start: false });
    await machine.internal('in');
    await refused(hypervisor.undefine(machine.uuid), 55);
    await hypervisor.undefine(machine.uuid, { snapshotsMetadata: true });
    expect((await machine.parts(machine.base)).snapshots).toEqual(['in']);
  });

  test('B18: a machine that is not kept takes its snapshots’ records with it', async () => {
    const machine = await rows.machine();
    await machine.internal('in');
    const record = await hypervisor.snapshotXml(machine.uuid, 'in');
    const xml = await hypervisor.definition(machine.uuid, 'inactive');
    await hypervisor.undefine(machine.uuid, { snapshotsMetadata: true });
    expect((await hypervisor.getMachine(machine.uuid)).persistent).toBe(false);
    await hypervisor.destroy(machine.uuid);
    await hypervisor.define(xml);
    expect(await names(machine)).toEqual([]);
    expect((await machine.parts(machine.base)).snapshots).toEqual(['in']);
    await hypervisor.createSnapshot(machine.uuid, record, snapshotCreateFlag.redefine);
    await hypervisor.revertSnapshot(machine.uuid, 'in', 0);
    expect(await machine.state()).toBe('running');
  });

  test('names: what libvirt takes, and where it fails too late', async () => {
    const machine = await rows.machine();
    for (const name of ['a b', 'a&b<c', 'größe', 'n'.repeat(247)]) await machine.internal(name);
    await refused(machine.internal('a b'), 9);
    await refused(machine.internal('a/b'), 35);
    await refused(machine.internal('.a'), 35);
    await refused(machine.internal('n'.repeat(248)), 1);
    const taken = await machine.parts(machine.base);
    expect(taken.snapshots).toContain('n'.repeat(248)); // without a record
    expect(await hypervisor.momentNames(machine.uuid)).toMatchObject({
      snapshots: ['a b', 'a&b<c', 'größe', 'n'.repeat(247)],
      currentSnapshot: null,
    });
    const { metadataOnly } = snapshotDeleteFlag;
    await hypervisor.deleteSnapshot(machine.uuid, 'größe', metadataOnly);
    expect((await machine.parts(machine.base)).snapshots).toContain('größe');
  });

  test('D2: beside a backup taking and deleting wait 30 s, revert does not', async () => {
    const [taking, deleting, reverting, looking] = await waited;
    for (const one of [taking, deleting]) {
      expect(one?.thrown).toMatchObject({ code: 'machine-busy', ...refusal(68) });
      expect(one?.ms).toBeGreaterThan(25_000);
    }
    expect(reverting?.thrown).toMatchObject(refusal(55));
    expect(looking?.thrown).toBeNull();
    for (const one of [reverting, looking]) expect(one?.ms).toBeLessThan(10_000);
  });
});
