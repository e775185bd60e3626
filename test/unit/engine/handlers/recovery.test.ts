/** What is undone after a crash, when, and what must wait. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import type { Rooms } from '#engine/engine.ts';
import { createChangeLog } from '#engine/interlock/change-log.ts';
import { createRecovery, retryMs, type Recovery } from '#engine/handlers/recovery.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { hostRecord, repositoryRecord, webUuid as uuid } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const xml = `<domain type='qemu'><name>web</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='/i/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;

let world: FakeWorld;
let catalog: Catalog;
let libvirt: FakeHypervisor;
let recovery: Recovery;
let locked: boolean;
let folder: string;
const host = hostRecord();

beforeEach(async () => {
  world = fakeWorld();
  folder = temporaryFolder();
  catalog = await openCatalog(world, temporaryFolder());
  catalog.hosts.insert(host);
  catalog.repositories.insert(repositoryRecord());
  libvirt = fakeHypervisor();
  await libvirt.define(xml);
  await libvirt.start(uuid);
  locked = true;
  const unlocked = { listPoints: () => Promise.resolve([]) };
  recovery = createRecovery({
    world,
    catalog,
    jobs: { list: () => [] },
    changeLog: createChangeLog(world, catalog.journals, temporaryFolder()),
    shelf: {
      open: () =>
        locked
          ? Promise.reject(new AppError('repository-locked', 'Locked.'))
          : Promise.resolve(unlocked),
    },
    fleet: { host: () => ({ state: { kind: 'connected' } }) },
    connect: () => Promise.resolve({ ...libvirt, close: () => Promise.resolve() }),
  } as unknown as Rooms);
});
afterEach(async () => {
  await recovery.stop();
  catalog.close();
});

async function cutOff(): Promise<void> {
  const backup = `<domainbackup mode='pull'><server transport='unix' socket='${folder}/nbd'/>
    <disks><disk name='vda' backup='yes'/></disks></domainbackup>`;
  await libvirt.beginBackup(uuid, backup, null);
  catalog.journals.beginJournal('backup', {
    host: host.id,
    uuid,
    repository: 'repo-attic',
    point: '01A',
    checkpoint: 'waymark-01a',
    workFolder: folder,
    route: 'running',
  });
}
const job = () => libvirt.machines.get(uuid)!.job;
const open = () => catalog.journals.openJournals().length;

test('the job ends although the repository is locked; the rest is tried again', async () => {
  await cutOff();
  await recovery.begin();
  recovery.hostConnected(host);
  await recovery.settled();
  expect(job()).toBeNull();
  expect(open()).toBe(1);
  locked = false;
  await world.clock.advance(retryMs);
  await recovery.settled();
  expect(open()).toBe(0);
});

test('what is left on a machine is undone before it is worked on, and not meanwhile', async () => {
  locked = false;
  await cutOff();
  await recovery.begin();
  const leave = await recovery.enter(host, uuid);
  expect(job()).toBeNull();
  expect(open()).toBe(0);

  await cutOff(); // of the job that runs now
  recovery.hostConnected(host);
  await recovery.settled();
  expect(job()).not.toBeNull();
  expect(await world.files.stat(folder)).toBeNull(); // removed by the first recovery

  leave(); // it ended without closing its journal
  await world.clock.advance(retryMs);
  await recovery.settled();
  expect(job()).toBeNull();
  expect(open()).toBe(0);
});

test('a repository that was removed here does not keep a journal open for ever', async () => {
  await cutOff();
  catalog.repositories.remove(repositoryRecord().id);
  await recovery.begin();
  recovery.hostConnected(host);
  await recovery.settled();
  expect(open()).toBe(0);
});
