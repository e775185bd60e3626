/** Jobs, freezes and checkpoints a backup meets: its own, left over or somebody else's. */
import { beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { frozen } from '#engine/backup/freeze.ts';
import { gather } from '#engine/backup/gather.ts';
import { workFolderPath } from '#engine/backup/host-access.ts';
import { beginPullJob, endOurJob, jobOwner } from '#engine/backup/pull-job.ts';
import { recoverBackup, type CutOff } from '#engine/backup/recover.ts';
import { openPaused } from '#engine/backup/routes.ts';
import type { BackupJournal } from '#engine/backup/run.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import { describeOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import type { PointManifest } from '#engine/store/manifest.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { manifest } from '../../../fakes/store-fixture.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const domain = (id: string) => `<domain type='qemu' id='${id}'><name>web</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='/i/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;
const owner = { installation: 'home', repository: 'attic' };
const none = { begun: () => undefined, over: () => undefined };
const locked = () => Promise.reject(new AppError('repository-locked', 'Locked.'));

describe('what is left on a machine', () => {
  let world: FakeWorld;
  let libvirt: FakeHypervisor;
  let folder: string;

  beforeEach(async () => {
    world = fakeWorld();
    folder = temporaryFolder();
    libvirt = fakeHypervisor();
    await libvirt.define(domain('3'));
    await libvirt.start(uuid);
  });

  const begin = (at: string, name = 'waymark-a') =>
    beginPullJob(
      world,
      libvirt,
      {
        path: at,
        socketPath: `${at}/nbd`,
        scratchPath: (target) => `${at}/${target}`,
        identity: { uid: 0, gid: 0 },
        remove: () => Promise.resolve(),
      },
      {
        uuid,
        disks: [{ target: 'vda', since: null, track: true }],
        otherTargets: [],
        checkpoint: { name, description: describeOwner(owner) },
        freeze: none,
      },
    );
  const machine = () => libvirt.machines.get(uuid)!;
  const mark = (name: string, of = owner) =>
    libvirt.createCheckpoint(
      uuid,
      domainCheckpointXml({
        name,
        description: describeOwner(of),
        disks: [{ target: 'vda', checkpoint: true }],
      }),
      0,
    );
  const names = () => machine().checkpoints.map(({ name }) => name);

  function recover(change: Partial<CutOff> = {}, about: Partial<BackupJournal> = {}) {
    const journal = {
      host: 'host',
      uuid,
      repository: 'attic',
      point: 'A',
      checkpoint: 'waymark-a',
      workFolder: folder,
      route: 'running',
      ...about,
    };
    const committed = () => Promise.resolve(false);
    const known = { frozen: false, run: undefined, installation: 'home', committed, ...change };
    return recoverBackup(world, libvirt, journal, known);
  }

  test('the job of another program is not ended, ours is', async () => {
    await begin('/run/other');
    expect(await jobOwner(libvirt, uuid, folder)).toBe('foreign');
    await endOurJob(libvirt, uuid, folder);
    expect(machine().job).not.toBeNull();
    expect(await jobOwner(libvirt, uuid, '/run/oth')).toBe('foreign');
    await endOurJob(libvirt, uuid, '/run/other');
    expect(machine().job).toBeNull();
  });

  test('ending that fails is said, unless the job went meanwhile', async () => {
    await begin(folder);
    const refused = new AppError('libvirt-error', 'No.', { code: 1 });
    libvirt.failNext('abortJob', refused);
    await expect(endOurJob(libvirt, uuid, folder)).rejects.toBe(refused);
  });

  test('a locked repository does not keep the job that could fill the disk', async () => {
    await begin(folder);
    await expect(recover({ committed: locked })).rejects.toMatchObject({
      code: 'repository-locked',
    });
    expect(machine().job).toBeNull();
    expect(names()).toEqual(['waymark-a']); // decided once the repository tells
    await recover();
    expect(names()).toEqual([]);
  });

  test('a guest that may be frozen is thawed, whatever else cannot be done', async () => {
    machine().agent = true;
    await expect(recover({ frozen: true, committed: locked })).rejects.toThrow();
    expect(libvirt.calls).toContainEqual(['thaw', uuid]);
  });

  test('late recovery of a finished backup spares the checkpoint of a newer one', async () => {
    await mark('waymark-a');
    await mark('waymark-b');
    await recover({ committed: () => Promise.resolve(true) });
    expect(names()).toEqual(['waymark-a', 'waymark-b']);
  });

  test('a machine that was started anew and paused since is not destroyed', async () => {
    await libvirt.suspend(uuid);
    await recover({ run: '2' }, { route: 'paused-start', checkpoint: null });
    expect(machine().state).toBe('paused');
    await recover({ run: '3' }, { route: 'paused-start', checkpoint: null });
    expect(machine().state).toBe('off');
  });

  test('a machine somebody else started paused meanwhile is not destroyed', async () => {
    await libvirt.suspend(uuid);
    const work = {
      path: folder,
      socketPath: `${folder}/nbd`,
      scratchPath: (target: string) => `${folder}/${target}`,
      identity: { uid: 0, gid: 0 },
      remove: () => Promise.resolve(),
    };
    const spec = { uuid, disks: [], otherTargets: [], checkpoint: null, freeze: none };
    const hooks = { onStarted: () => undefined, onKept: () => undefined };
    await expect(openPaused(world, libvirt, work, spec, hooks)).rejects.toThrow('running');
    expect(machine().state).toBe('paused');
  });

  test('a freeze is noted before it and over only when the guest was thawed', async () => {
    machine().agent = true;
    const said: string[] = [];
    const marks = { begun: () => said.push('begun'), over: () => said.push('over') };
    libvirt.failNext('thaw', new AppError('libvirt-connection-lost', 'Lost.'));
    await frozen(world, libvirt, uuid, marks, () => Promise.resolve());
    expect(said).toEqual(['begun']);
    await frozen(world, libvirt, uuid, marks, () => Promise.resolve());
    expect(said).toEqual(['begun', 'begun', 'over']);
    const full = () => {
      throw new AppError('no-space', 'Full.');
    };
    const before = libvirt.calls.filter(([name]) => name === 'freeze').length;
    await expect(
      frozen(world, libvirt, uuid, { begun: full, over: full }, () => Promise.resolve()),
    ).rejects.toThrow('Full');
    expect(libvirt.calls.filter(([name]) => name === 'freeze')).toHaveLength(before);
  });

  test('engines that share a scratch folder have work folders of their own', () => {
    const folders = {
      ownScratchFolder: '/own',
      rootScratchFolder: '/shared',
      sharedScratchFolder: '/shared',
    };
    const other = { uid: world.processes.uid + 1, gid: 1 };
    const path = (installation: string) =>
      workFolderPath(world, folders, other, { uuid, installation });
    expect(path('01AAAAAAAAAAAAAAAAAAAAAAAA')).not.toBe(path('01AAAAAAAAAAAAAAAAAAAAAAAB'));
  });

  describe('the reference', () => {
    const point = (id: string, checkpoint: string | null): PointManifest => ({
      ...manifest(id, []),
      machine: { uuid, name: 'web' },
      checkpoint,
    });
    const store = (...points: readonly PointManifest[]) =>
      ({
        id: 'attic',
        listPoints: () => Promise.resolve(points.map(({ id }) => ({ id, machineUuid: uuid }))),
        readPoint: (id: string) => Promise.resolve(points.find((one) => one.id === id)!),
      }) as unknown as StoreRepository;
    const reference = async (...points: readonly PointManifest[]) =>
      (await gather({ world, hypervisor: libvirt, store: store(...points), uuid })).reference;

    test('is the newest point whose own checkpoint is still there', async () => {
      await mark('waymark-a');
      expect(await reference(point('A', 'waymark-a'), point('B', 'waymark-b'))).toMatchObject({
        manifest: { id: 'A' },
        health: 'healthy',
      });
    });

    test('is missing when only another repository marks with that name', async () => {
      await mark('waymark-a', { ...owner, repository: 'cellar' });
      expect(await reference(point('A', 'waymark-a'))).toMatchObject({ health: 'missing' });
    });

    test('is missing when a manifest names the checkpoint of another point', async () => {
      await mark('waymark-a');
      expect(await reference(point('B', 'waymark-a'))).toMatchObject({ health: 'missing' });
    });
  });
});
