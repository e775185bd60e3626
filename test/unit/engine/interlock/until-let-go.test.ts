import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openCatalog } from '#engine/catalog/catalog.ts';
import { execute, type StepParts } from '#engine/interlock/execute.ts';
import { patienceMs, untilLetGo } from '#engine/interlock/until-let-go.ts';
import { lockName } from '#engine/nbd/image-failure.ts';
import { realFiles } from '#engine/world/files.ts';
import { changeRun } from '../../../fakes/change.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { fakeWorld, temporaryFolder, type FakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const xmlOf = (image: string) => `<domain type='qemu'><name>web</name><uuid>${uuid}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='${image}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;

let folder: string;
let image: string;
let libvirt: FakeHypervisor;
let locked: boolean;
let world: FakeWorld;
let parts: StepParts;

beforeEach(async () => {
  folder = temporaryFolder();
  image = join(folder, 'a.qcow2');
  writeFileSync(image, '');
  locked = true;
  const { dev, ino } = statSync(image);
  const line = `1: OFDLCK ADVISORY  READ -1 ${lockName(dev, ino)} 100 101\n`;
  world = fakeWorld({
    files: {
      ...realFiles,
      read: (path, most) =>
        path === '/proc/locks'
          ? Promise.resolve(Buffer.from(locked ? line : ''))
          : realFiles.read(path, most),
    },
  });
  libvirt = fakeHypervisor();
  await libvirt.define(xmlOf(image));
  const catalog = await openCatalog(world, folder);
  const { parts: made } = changeRun(world, catalog, libvirt, join(folder, 'changes'), uuid);
  parts = { ...made.execute, begun: [] };
  return () => {
    catalog.close();
  };
});

/** Time goes on until nobody waits. */
async function pass(work: Promise<void>): Promise<void> {
  let over = false;
  const ended = () => (over = true);
  work.then(ended, ended);
  for (let turn = 0; !over && turn < 1000; turn += 1) await world.clock.advance(50);
  return work;
}

describe('images of a machine that is off', () => {
  test('are waited for while an ending reader has them open', async () => {
    world.clock.timer(300, () => (locked = false));
    await pass(untilLetGo(parts));
    expect(world.clock.monotonic()).toBeGreaterThanOrEqual(300);
  });

  test('that stay open are told of, and nothing is done', async () => {
    const start = vi.spyOn(libvirt, 'start');
    await expect(pass(execute(parts, { do: 'start', paused: false }))).rejects.toMatchObject({
      code: 'machine-busy',
      data: { path: image, unharmed: 'web is off, and nothing was done to its images.' },
    });
    expect(start).not.toHaveBeenCalled();
    expect(world.clock.monotonic()).toBeGreaterThan(patienceMs);
  });

  test.each([
    {
      do: 'create-snapshot',
      name: 's',
      xml: '<domainsnapshot/>',
      flags: 0,
      makes: [],
      freeze: false,
    },
    { do: 'revert-snapshot', name: 's', flags: 0 },
    { do: 'restore-memory', file: '/m', images: [], paused: false },
  ] as const)('$do does not begin while they are open', async (action) => {
    await expect(pass(execute(parts, action))).rejects.toMatchObject({ code: 'machine-busy' });
  });

  test('are its own while it runs, and a missing one is for libvirt to speak of', async () => {
    await libvirt.start(uuid, { paused: false });
    await untilLetGo(parts);
    await libvirt.destroy(uuid);
    await libvirt.define(xmlOf(join(folder, 'gone.qcow2')));
    await untilLetGo(parts);
  });
});
