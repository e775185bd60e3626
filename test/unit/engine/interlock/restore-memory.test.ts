import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openCatalog } from '#engine/catalog/catalog.ts';
import { restoreMemory } from '#engine/interlock/restore-memory.ts';
import { realWorld } from '#engine/world/world.ts';
import { changeRun, type ChangeRun } from '../../../fakes/change.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';

let image: string;
let memory: string;
let libvirt: FakeHypervisor;
let run: ChangeRun;

const state = async () => (await libvirt.state(uuid)).state;
const restore = (of?: string) => {
  const images = [{ target: 'vda', path: image }];
  const which = of === undefined ? {} : { of };
  const action = { do: 'restore-memory' as const, ...which, file: memory, images, paused: false };
  return restoreMemory({ ...run.parts.execute, world: realWorld() }, action);
};

beforeEach(async () => {
  const folder = temporaryFolder();
  [image, memory] = [join(folder, 'a.qcow2'), join(folder, 'a.memory')];
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M']);
  libvirt = fakeHypervisor();
  await libvirt.define(`<domain type='qemu'><name>web</name><uuid>${uuid}</uuid>
    <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
    <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
    <source file='${image}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`);
  await libvirt.start(uuid);
  const overlay = join(folder, 'top.qcow2');
  const xml = `<domainsnapshot><name>s</name><memory snapshot='external' file='${memory}'/>
    <disks><disk name='vda' snapshot='external'><source file='${overlay}'/></disk></disks>
    </domainsnapshot>`;
  await libvirt.createSnapshot(uuid, xml, 0);
  await libvirt.destroy(uuid);
  const world = fakeWorld();
  const catalog = await openCatalog(world, folder);
  run = changeRun(world, catalog, libvirt, join(folder, 'changes'), uuid);
  return () => {
    catalog.close();
  };
});

describe('a machine goes on from its memory', () => {
  test('once, and a second time does nothing', async () => {
    await restore();
    expect(await libvirt.state(uuid)).toEqual({ state: 'running', reason: 3 });
    await restore();
    expect(run.notes).toEqual([]);
  });

  test('not when a person started it meanwhile: it runs on, and that is said', async () => {
    await libvirt.start(uuid);
    await restore();
    expect(await libvirt.state(uuid)).toEqual({ state: 'running', reason: 1 });
    expect(run.notes).toEqual([expect.stringContaining('It runs and was left as it is.')]);
  });

  test('not from files of a snapshot that was not wholly taken', async () => {
    writeFileSync(image, ''); // what a power cut leaves of a new overlay
    await restore('half');
    expect(await state()).toBe('off');
    expect(run.notes).toEqual([expect.stringContaining('before its memory was wholly kept')]);
  });

  test('not when it never stopped, which needs no word', async () => {
    await libvirt.start(uuid);
    await restore('half');
    expect(await state()).toBe('running');
    expect(run.notes).toEqual([]);
  });

  test('when its snapshot was taken', async () => {
    await restore('s');
    expect(await libvirt.state(uuid)).toEqual({ state: 'running', reason: 3 });
  });

  test('not when its disks were written to since: it stays off, and that is said', async () => {
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write 0 64k', image]);
    await restore();
    expect(await state()).toBe('off');
    expect(run.notes).toEqual([expect.stringContaining('It stays off.')]);
  });
});
