/**
 * What every Hypervisor does, libvirt's and the fake alike: the fake is only to be trusted because
 * it passes what libvirt passes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domainBackupXml } from '#engine/hypervisor/backup-xml.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { snapshotSuite } from './hypervisor-moments.ts';
import { watch } from './watch-events.ts';

export interface SuiteHost {
  readonly hypervisor: Hypervisor;
  /** A stopped machine: vda qcow2 of 16 MiB, vdb raw of 1 MiB, sda an empty CD-ROM drive. */
  define(name: string): Promise<string>;
  /** Suspends it past the hypervisor under test, as another program would. */
  suspendOutside(uuid: string): Promise<void>;
  /** Stops it with its memory kept by libvirt, past the hypervisor under test. */
  saveOutside(uuid: string): Promise<void>;
  /** Where scratch files, sockets and images may be. */
  readonly folder: string;
  /** An active pool of kind dir, and where it is. */
  readonly pool: { readonly name: string; readonly path: string };
  stop(): Promise<void>;
}

const nobody = '00000000-1111-4222-8333-444444444444';
const mebibyte = 1024 * 1024;

const libvirtError = (code: number) =>
  expect.objectContaining({
    code: 'libvirt-error',
    data: expect.objectContaining({ code, level: 2 }) as unknown,
  }) as Error;

export function hypervisorSuite(name: string, setUp: () => Promise<SuiteHost>): void {
  describe(`a hypervisor: ${name}`, () => {
    let host: SuiteHost;
    let hypervisor: Hypervisor;
    let count = 0;
    beforeAll(async () => {
      host = await setUp();
      hypervisor = host.hypervisor;
    });
    afterAll(() => host.stop());

    const machine = async (how: 'off' | 'running' | 'paused' = 'off') => {
      count += 1;
      const uuid = await host.define(`suite ${count} é`);
      if (how !== 'off') await hypervisor.start(uuid, { paused: how === 'paused' });
      return uuid;
    };
    const checkpoint = (checkpointName: string) =>
      domainCheckpointXml({
        name: checkpointName,
        description: 'of the <suite>',
        disks: [
          { target: 'vda', checkpoint: true },
          { target: 'vdb', checkpoint: false },
          { target: 'sda', checkpoint: false },
        ],
      });
    const backup = (uuid: string) =>
      domainBackupXml({
        socketPath: `${host.folder}/${uuid.slice(0, 8)}.sock`,
        disks: [
          { target: 'vda', backup: true, scratchPath: `${host.folder}/${uuid}.scratch` },
          { target: 'vdb', backup: false },
          { target: 'sda', backup: false },
        ],
      });

    describe('machines', () => {
      it('says what it is', async () => {
        expect(await hypervisor.info()).toMatchObject({
          libvirtVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
          hypervisorVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
          readOnly: false,
          kind: 'session',
        });
      });

      it('lists and shows what was defined', async () => {
        const uuid = await machine();
        const record = await hypervisor.getMachine(uuid);
        expect(record).toMatchObject({
          uuid,
          name: `suite ${count} é`,
          state: 'off',
          persistent: true,
          hasManagedSave: false,
        });
        expect(
          record.definition.disks.map(({ target, format, device, sourceKind }) =>
            [target, format, device, sourceKind].join(' '),
          ),
        ).toEqual(['vda qcow2 disk file', 'vdb raw disk file', 'sda raw cdrom none']);
        expect(await hypervisor.listMachines()).toContainEqual(record);
        expect(await hypervisor.hasManagedSave(uuid)).toBe(false);
        expect(await hypervisor.agentConnected(uuid)).toBe(false);
      });

      it('defines, redefines and undefines by XML', async () => {
        const uuid = await machine();
        const xml = await hypervisor.definition(uuid, 'inactive');
        const described = xml.replace('</name>', '</name><description>new</description>');
        expect(await hypervisor.define(described)).toBe(uuid);
        expect((await hypervisor.getMachine(uuid)).definition.description).toBe('new');
        await hypervisor.undefine(uuid);
        expect((await hypervisor.listMachines()).map((one) => one.uuid)).not.toContain(uuid);
      });

      it('starts, suspends, resumes and destroys, and tells each by an event', async () => {
        const uuid = await machine();
        const { until, stop } = watch(hypervisor);
        const told = (event: string) =>
          until((one) => one.kind === 'lifecycle' && one.uuid === uuid && one.event === event);
        const states: string[] = [];
        const note = async () => states.push((await hypervisor.state(uuid)).state);
        await hypervisor.start(uuid);
        await note();
        await told('started');
        await hypervisor.suspend(uuid);
        await note();
        await told('suspended');
        await hypervisor.resume(uuid);
        await note();
        await told('resumed');
        await hypervisor.destroy(uuid);
        await note();
        await told('stopped');
        stop();
        expect(states).toEqual(['running', 'paused', 'running', 'off']);
      });

      it('starts paused without a step of the guest', async () => {
        const uuid = await machine('paused');
        expect((await hypervisor.state(uuid)).state).toBe('paused');
        await hypervisor.destroy(uuid);
      });

      it('hears within a second what another program did', async () => {
        const uuid = await machine('running');
        const { until, stop } = watch(hypervisor);
        await host.suspendOutside(uuid);
        await until(
          (one) => one.kind === 'lifecycle' && one.uuid === uuid && one.event === 'suspended',
        );
        stop();
        await hypervisor.destroy(uuid);
      });

      it('tells a listener nothing after it was stopped', async () => {
        const uuid = await machine();
        const { seen, stop } = watch(hypervisor);
        const other = watch(hypervisor);
        stop();
        await hypervisor.start(uuid);
        await other.until((one) => one.kind === 'lifecycle' && one.event === 'started');
        other.stop();
        expect(seen).toEqual([]);
        await hypervisor.destroy(uuid);
      });

      it('knows no machine that is not there', async () => {
        const missing = expect.objectContaining({
          code: 'machine-not-found',
          data: expect.objectContaining({ code: 42 }) as unknown,
        }) as Error;
        await expect(hypervisor.getMachine(nobody)).rejects.toThrow(missing);
        await expect(hypervisor.state(nobody)).rejects.toThrow(missing);
        await expect(hypervisor.start(nobody)).rejects.toThrow(missing);
        await expect(hypervisor.listCheckpoints(nobody)).rejects.toThrow(missing);
        await expect(hypervisor.abortJob(nobody)).rejects.toThrow(missing);
        await expect(hypervisor.definition(nobody, 'live')).rejects.toThrow(missing);
      });

      it('refuses what a machine’s state does not allow, with libvirt’s number', async () => {
        const uuid = await machine();
        await expect(hypervisor.destroy(uuid)).rejects.toThrow(libvirtError(55));
        await expect(hypervisor.suspend(uuid)).rejects.toThrow(libvirtError(55));
        await hypervisor.start(uuid);
        await expect(hypervisor.start(uuid)).rejects.toThrow(libvirtError(55));
        await expect(hypervisor.resume(uuid)).rejects.toThrow(libvirtError(55));
        await hypervisor.destroy(uuid);
      });

      it('refuses a definition that is not one', async () => {
        await expect(hypervisor.define('<domain type="qemu"/>')).rejects.toMatchObject({
          code: 'libvirt-error',
        });
      });

      it('has no picture of a stopped machine', async () => {
        expect(await hypervisor.screenshot(await machine())).toBeNull();
      });

      it('says how large a disk is', async () => {
        const uuid = await machine('running');
        expect((await hypervisor.blockInfo(uuid, 'vda')).capacityBytes).toBe(16 * mebibyte);
        expect((await hypervisor.blockInfo(uuid, 'vdb')).capacityBytes).toBe(mebibyte);
        await hypervisor.destroy(uuid);
      });

      it('says what the guest read and wrote, and nothing of a stopped machine', async () => {
        const uuid = await machine('running');
        const read = async () => (await hypervisor.guestBytes(uuid)).readBytes;
        await expect.poll(read, { timeout: 20_000 }).toBeGreaterThan(0); // it looks for a system
        expect((await hypervisor.guestBytes(uuid)).writtenBytes).toBe(0);
        await hypervisor.destroy(uuid);
        await expect(hypervisor.guestBytes(uuid)).rejects.toThrow(libvirtError(55));
      });

      it('cannot freeze without a guest agent', async () => {
        const uuid = await machine('running');
        await expect(hypervisor.freeze(uuid)).rejects.toMatchObject({
          code: 'libvirt-error',
          data: { code: expect.any(Number) as number },
        });
        await hypervisor.destroy(uuid);
      });
    });

    describe('checkpoints and backup jobs', () => {
      it('begins a backup with a checkpoint, shows it, and ends it', async () => {
        const uuid = await machine('running');
        expect(await hypervisor.jobStats(uuid)).toMatchObject({ active: false, type: 'none' });
        const { until, stop } = watch(hypervisor);
        await hypervisor.beginBackup(uuid, backup(uuid), checkpoint('waymark-A'));
        expect(await hypervisor.jobStats(uuid)).toMatchObject({
          active: true,
          operation: 'backup',
          tempTotalBytes: 16 * mebibyte,
        });
        expect(await hypervisor.backupXml(uuid)).toContain(`${uuid}.scratch`);
        await hypervisor.abortJob(uuid);
        const ended = await until((one) => one.kind === 'job-completed' && one.uuid === uuid);
        expect(ended).toMatchObject({ stats: { active: false, operation: 'backup' } });
        stop();
        await expect(hypervisor.backupXml(uuid)).rejects.toThrow(libvirtError(104));
        await expect(hypervisor.abortJob(uuid)).rejects.toThrow(libvirtError(55));
        const [made] = await hypervisor.listCheckpoints(uuid);
        expect(made).toMatchObject({
          name: 'waymark-A',
          parent: null,
          description: 'of the <suite>',
          disks: [{ target: 'vda', bitmap: 'waymark-A' }],
        });
        expect(Math.abs(made!.time - Date.now())).toBeLessThan(60_000);
        await hypervisor.destroy(uuid);
      });

      it('makes checkpoints in a chain, validates and deletes them in any order', async () => {
        const uuid = await machine('running');
        const names = async () =>
          (await hypervisor.listCheckpoints(uuid)).map((one) => [one.name, one.parent]);
        for (const one of ['a', 'b', 'c']) {
          await hypervisor.createCheckpoint(uuid, checkpoint(`waymark-${one}`), 0);
        }
        expect(await names()).toEqual([
          ['waymark-a', null],
          ['waymark-b', 'waymark-a'],
          ['waymark-c', 'waymark-b'],
        ]);
        expect(await hypervisor.validateCheckpoint(uuid, 'waymark-b')).toBe(true);
        const xml = await hypervisor.checkpointXml(uuid, 'waymark-b');
        expect(await hypervisor.validateCheckpoint(uuid, 'waymark-b', xml)).toBe(true);
        await hypervisor.deleteCheckpoint(uuid, 'waymark-b');
        expect(await names()).toEqual([
          ['waymark-a', null],
          ['waymark-c', 'waymark-a'],
        ]);
        expect(await hypervisor.validateCheckpoint(uuid, 'waymark-b')).toBe(false);
        await expect(hypervisor.deleteCheckpoint(uuid, 'waymark-b')).rejects.toThrow(
          libvirtError(103),
        );
        await expect(hypervisor.checkpointXml(uuid, 'waymark-b')).rejects.toThrow(
          libvirtError(103),
        );
        await hypervisor.deleteCheckpoint(uuid, 'waymark-a');
        await hypervisor.deleteCheckpoint(uuid, 'waymark-c');
        expect(await names()).toEqual([]);
        await hypervisor.destroy(uuid);
      });

      it('refuses both on a stopped machine', async () => {
        const uuid = await machine();
        await expect(hypervisor.createCheckpoint(uuid, checkpoint('x'), 0)).rejects.toThrow(
          libvirtError(84),
        );
        await expect(hypervisor.beginBackup(uuid, backup(uuid), null)).rejects.toThrow(
          libvirtError(84),
        );
      });

      it('ends the job when the machine is switched off', async () => {
        const uuid = await machine('running');
        await hypervisor.beginBackup(uuid, backup(uuid), null);
        await hypervisor.destroy(uuid);
        expect(await hypervisor.jobStats(uuid).catch(() => null)).not.toMatchObject({
          active: true,
        });
        expect((await hypervisor.state(uuid)).state).toBe('off');
      });

      it('forgets checkpoints of a machine only when told', async () => {
        const uuid = await machine('running');
        await hypervisor.createCheckpoint(uuid, checkpoint('waymark-k'), 0);
        await hypervisor.destroy(uuid);
        await expect(hypervisor.undefine(uuid)).rejects.toThrow(libvirtError(55));
        await hypervisor.deleteCheckpoint(uuid, 'waymark-k', { metadataOnly: true });
        await hypervisor.undefine(uuid, { checkpointsMetadata: true });
        await expect(hypervisor.state(uuid)).rejects.toMatchObject({ code: 'machine-not-found' });
      });
    });

    snapshotSuite({
      hypervisor: () => hypervisor,
      folder: () => host.folder,
      machine,
      checkpoint,
      backup,
      watch,
      saveOutside: (uuid) => host.saveOutside(uuid),
      libvirtError,
    });

    describe('volumes', () => {
      const volume = (volumeName: string, bytes: number) =>
        `<volume><name>${volumeName}</name><capacity unit='bytes'>${bytes}</capacity>` +
        `<target><format type='raw'/></target></volume>`;
      async function* pieces(bytes: Buffer, size: number) {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      const pattern = Buffer.alloc(3 * mebibyte, 'waymark');
      pattern.fill(0, mebibyte / 2, 2 * mebibyte + 77);

      it('lists pools', async () => {
        expect(await hypervisor.listPools()).toContainEqual(
          expect.objectContaining({ ...host.pool, active: true, type: 'dir' }),
        );
      });

      it.each([
        ['whole', {}],
        ['sparse', { sparse: true }],
      ])('takes what it is given, %s, and gives it back', async (kind, options) => {
        const path = await hypervisor.createVolume(
          host.pool.name,
          volume(`${kind}.img`, pattern.length),
        );
        expect(path).toBe(`${host.pool.path}/${kind}.img`);
        expect(await hypervisor.volumeForPath(path)).toEqual({
          name: `${kind}.img`,
          capacityBytes: pattern.length,
        });
        await hypervisor.uploadVolume(path, pieces(pattern, 300_000), options);
        expect((await hypervisor.downloadVolume(path, pattern.length)).equals(pattern)).toBe(true);
        await expect(hypervisor.downloadVolume(path, pattern.length - 1)).rejects.toMatchObject({
          code: 'path-invalid',
        });
        await hypervisor.deleteVolume(path);
        expect(await hypervisor.volumeForPath(path)).toBeNull();
      });

      it('passes on a source that fails, and still answers', async () => {
        const path = await hypervisor.createVolume(host.pool.name, volume('half.img', 1000));
        async function* failing() {
          yield Buffer.alloc(10);
          throw new Error('source broke');
        }
        await expect(hypervisor.uploadVolume(path, failing())).rejects.toThrow('source broke');
        expect(await hypervisor.volumeForPath(path)).not.toBeNull();
        await hypervisor.deleteVolume(path);
      });

      it('knows no volume that no pool holds', async () => {
        const path = `${host.folder}/none.img`;
        expect(await hypervisor.volumeForPath(path)).toBeNull();
        await expect(hypervisor.deleteVolume(path)).rejects.toMatchObject({
          code: 'path-not-found',
        });
        await expect(hypervisor.createVolume('no such pool', volume('x', 1))).rejects.toThrow(
          libvirtError(49),
        );
      });
    });

    it('answers nothing after close, which may be called twice', async () => {
      await hypervisor.close();
      await hypervisor.close();
      await expect(hypervisor.listMachines()).rejects.toMatchObject({
        code: 'libvirt-connection-lost',
      });
    });
  });
}
