/** What every Hypervisor does with snapshots, saved memory and block jobs. */
import { describe, expect, it } from 'vitest';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import {
  snapshotCreateFlag,
  snapshotDeleteFlag,
  snapshotRevertFlag,
} from '#engine/hypervisor/snapshot-flags.ts';
import { element } from '#engine/hypervisor/xml.ts';

/** What this part needs of the suite around it. */
export interface Moments {
  readonly hypervisor: () => Hypervisor;
  readonly folder: () => string;
  /** vda qcow2, vdb raw, sda an empty drive. */
  readonly machine: (how?: 'off' | 'running' | 'paused') => Promise<string>;
  readonly checkpoint: (name: string) => string;
  readonly backup: (uuid: string) => string;
  readonly watch: (hypervisor: Hypervisor) => {
    readonly until: (
      what: (event: HypervisorEvent) => boolean,
      limitMs?: number,
    ) => Promise<HypervisorEvent>;
    readonly stop: () => void;
  };
  readonly saveOutside: (uuid: string) => Promise<void>;
  readonly libvirtError: (code: number) => Error;
}

const jobLimitMs = 20_000;

/** Inside the images when there is no overlay. */
function snapshot(name: string, overlay: string | null, memoryFile: string | null = null): string {
  const external = { name: 'vda', snapshot: 'external' };
  const disks =
    overlay === null
      ? [element('disk', { name: 'vda', snapshot: 'internal' })]
      : [
          element('disk', external, [element('source', { file: overlay })]),
          element('disk', { name: 'vdb', snapshot: 'no' }),
        ];
  return element('domainsnapshot', {}, [
    element('name', {}, name),
    element('description', {}, `about <${name}>`),
    ...(memoryFile === null ? [] : [element('memory', { snapshot: 'external', file: memoryFile })]),
    element('disks', {}, disks),
  ]);
}

export function snapshotSuite(given: Moments): void {
  const { machine, libvirtError } = given;
  const vda = async (uuid: string) => {
    const { definition } = await given.hypervisor().getMachine(uuid);
    return definition.disks.find(({ target }) => target === 'vda')!;
  };
  /** An internal snapshot must hold every disk, and only qcow2 can. */
  const qcow2Machine = async () => {
    const hypervisor = given.hypervisor();
    const uuid = await machine();
    const xml = await hypervisor.definition(uuid, 'inactive');
    const disks = xml.split(/(?=<disk )/);
    await hypervisor.define(disks.filter((part) => !/^<disk .*vdb/s.test(part)).join(''));
    return uuid;
  };
  describe('snapshots', () => {
    it('takes internal ones, tells them in order, reverts and deletes', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await qcow2Machine();
      const image = (await vda(uuid)).source;
      for (const name of ['first', 'second & last']) {
        await hypervisor.createSnapshot(uuid, snapshot(name, null), 0);
      }
      const records = await hypervisor.listSnapshots(uuid);
      expect(records.map(({ name, parent, current }) => [name, parent, current])).toEqual([
        ['first', null, false],
        ['second & last', 'first', true],
      ]);
      expect(records[0]).toMatchObject({
        description: 'about <first>',
        hasMetadata: true,
        machineState: 'off',
        memory: 'no',
        memoryFile: null,
        domain: { uuid, disks: [{ target: 'vda' }, { target: 'sda' }] },
      });
      expect(records[0]!.disks[0]).toMatchObject({
        target: 'vda',
        kind: 'internal',
        source: null,
        image: { sourceKind: 'file', source: image, format: 'qcow2' },
        deleting: false,
      });
      await hypervisor.revertSnapshot(uuid, 'first', 0);
      expect(await hypervisor.momentNames(uuid)).toEqual({
        snapshots: ['first', 'second & last'],
        currentSnapshot: 'first',
        checkpoints: [],
      });
      await hypervisor.deleteSnapshot(uuid, 'second & last', 0);
      expect((await hypervisor.momentNames(uuid)).snapshots).toEqual(['first']);
      const missing = libvirtError(72);
      await expect(hypervisor.deleteSnapshot(uuid, 'second & last', 0)).rejects.toThrow(missing);
      await expect(hypervisor.snapshotXml(uuid, 'second & last')).rejects.toThrow(missing);
      await expect(
        hypervisor.revertSnapshot(uuid, 'second & last', snapshotRevertFlag.paused),
      ).rejects.toThrow(missing);
    });

    it('has no current snapshot where there is none, and names checkpoints', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await machine('running');
      await hypervisor.createCheckpoint(uuid, given.checkpoint('waymark-m'), 0);
      expect(await hypervisor.momentNames(uuid)).toEqual({
        snapshots: [],
        currentSnapshot: null,
        checkpoints: ['waymark-m'],
      });
      await hypervisor.destroy(uuid);
    });

    it('forgets a record and takes it back', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await qcow2Machine();
      await hypervisor.createSnapshot(uuid, snapshot('kept', null), 0);
      const xml = await hypervisor.snapshotXml(uuid, 'kept');
      await hypervisor.deleteSnapshot(uuid, 'kept', snapshotDeleteFlag.metadataOnly);
      expect(await hypervisor.listSnapshots(uuid)).toEqual([]);
      const { redefine, current } = snapshotCreateFlag;
      await hypervisor.createSnapshot(uuid, xml, redefine | current);
      const [again] = await hypervisor.listSnapshots(uuid);
      expect(again).toMatchObject({ name: 'kept', current: true });
      expect(again!.disks[0]).toMatchObject({ target: 'vda', kind: 'internal' });
    });

    it('moves a running machine to an overlay and back by an active commit', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await machine('running');
      const image = (await vda(uuid)).source;
      const overlay = `${given.folder()}/${uuid}.overlay`;
      await hypervisor.createSnapshot(
        uuid,
        snapshot('outside', overlay),
        snapshotCreateFlag.diskOnly,
      );
      const [taken] = await hypervisor.listSnapshots(uuid);
      expect(taken).toMatchObject({ memory: 'no', machineState: 'running' });
      expect(taken!.disks.slice(0, 2)).toMatchObject([
        { kind: 'external', source: overlay, image: { source: image } },
        { target: 'vdb', kind: 'no' },
      ]);
      expect(await vda(uuid)).toMatchObject({
        source: overlay,
        chain: [{ sourceKind: 'file', source: image, format: 'qcow2' }],
      });
      expect(await hypervisor.blockJob(uuid, 'vda')).toBeNull();
      const { until, stop } = given.watch(hypervisor);
      const told = (status: string) =>
        until(
          (one) => one.kind === 'block-job' && one.uuid === uuid && one.status === status,
          jobLimitMs,
        );
      await hypervisor.blockCommit(uuid, 'vda', { base: image, top: null, active: true });
      expect(await told('ready')).toMatchObject({ disk: 'vda', type: 'active-commit' });
      expect(await hypervisor.blockJob(uuid, 'vda')).toMatchObject({ type: 'active-commit' });
      await hypervisor.abortBlockJob(uuid, 'vda', { pivot: true });
      await told('completed');
      stop();
      expect(await vda(uuid)).toMatchObject({ source: image, chain: [] });
      await expect(hypervisor.abortBlockJob(uuid, 'vda')).rejects.toThrow(libvirtError(8));
      await hypervisor.destroy(uuid);
    });

    it('empties an image in the middle of a chain, and pulls what is left', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await machine('running');
      const image = (await vda(uuid)).source;
      const overlay = (name: string) => `${given.folder()}/${uuid}.${name}`;
      for (const name of ['one', 'two']) {
        const xml = snapshot(name, overlay(name));
        await hypervisor.createSnapshot(uuid, xml, snapshotCreateFlag.diskOnly);
      }
      const chain = async () => (await vda(uuid)).chain?.map(({ source }) => source);
      expect(await chain()).toEqual([overlay('one'), image]);
      const { until, stop } = given.watch(hypervisor);
      const ended = (type: string) =>
        until(
          (one) => one.kind === 'block-job' && one.type === type && one.status === 'completed',
          jobLimitMs,
        );
      await hypervisor.blockCommit(uuid, 'vda', { base: image, top: overlay('one') });
      await ended('commit');
      expect(await chain()).toEqual([image]);
      await hypervisor.blockPull(uuid, 'vda', { base: null });
      await ended('pull');
      expect(await chain()).toEqual([]);
      stop();
      await hypervisor.destroy(uuid);
    });

    it('keeps memory in a file and starts the machine from it', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await machine('running');
      const file = `${given.folder()}/${uuid}.memory`;
      const xml = snapshot('whole', `${given.folder()}/${uuid}.whole`, file);
      await hypervisor.createSnapshot(uuid, xml, 0);
      expect((await hypervisor.listSnapshots(uuid))[0]).toMatchObject({
        memory: 'external',
        memoryFile: file,
        machineState: 'running',
      });
      await hypervisor.destroy(uuid);
      const saved = await hypervisor.savedDefinition(file);
      expect(saved).toContain(uuid);
      await hypervisor.restoreMemory(file, { xml: saved, paused: true });
      expect((await hypervisor.state(uuid)).state).toBe('paused');
      await hypervisor.resume(uuid);
      await hypervisor.destroy(uuid);
      await hypervisor.restoreMemory(file);
      expect(await hypervisor.state(uuid)).toEqual({ state: 'running', reason: 3 });
      await hypervisor.destroy(uuid);
      await hypervisor.start(uuid);
      expect(await hypervisor.state(uuid)).toEqual({ state: 'running', reason: 1 });
      await hypervisor.destroy(uuid);
      await expect(hypervisor.savedDefinition(`${file}.none`)).rejects.toThrow(libvirtError(38));
      await expect(hypervisor.restoreMemory(`${file}.none`)).rejects.toThrow(libvirtError(38));
    });

    it('removes a managed save', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await machine('running');
      await given.saveOutside(uuid);
      expect(await hypervisor.hasManagedSave(uuid)).toBe(true);
      await hypervisor.removeManagedSave(uuid);
      expect(await hypervisor.hasManagedSave(uuid)).toBe(false);
      await hypervisor.removeManagedSave(uuid); // none is as good as gone
    });
  });

  describe('what changed since a checkpoint', () => {
    it('is told of a running machine, and at once not while a job runs', async () => {
      const hypervisor = given.hypervisor();
      const uuid = await machine('running');
      await hypervisor.createCheckpoint(uuid, given.checkpoint('waymark-c'), 0);
      const changed = () => hypervisor.checkpointChangedBytes(uuid, 'waymark-c');
      expect(await changed()).toEqual([{ target: 'vda', bytes: 0 }]);
      await expect(hypervisor.checkpointChangedBytes(uuid, 'none')).rejects.toThrow(
        libvirtError(103),
      );
      await hypervisor.beginBackup(uuid, given.backup(uuid), null);
      const begun = performance.now();
      await expect(changed()).rejects.toMatchObject({ code: 'machine-busy' });
      expect(performance.now() - begun).toBeLessThan(2000);
      await hypervisor.abortJob(uuid);
      await hypervisor.destroy(uuid);
      await expect(changed()).rejects.toThrow(libvirtError(55));
    });
  });
}
