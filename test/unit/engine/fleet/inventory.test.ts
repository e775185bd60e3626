import { expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import { createInventory } from '#engine/fleet/inventory.ts';
import type { MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import { fakeHypervisor } from '../../../fakes/hypervisor.ts';

const uuidOf = (digit: number) => `${String(digit).repeat(8)}-1111-4111-8111-111111111111`;
const xml = (digit: number) => `<domain type='qemu'><name>m${digit}</name>
  <uuid>${uuidOf(digit)}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os></domain>`;

test('what an event brought while the list was read is not undone by the older list', async () => {
  const libvirt = fakeHypervisor();
  const inventory = createInventory({
    machineChanged: () => undefined,
    machineRemoved: () => undefined,
  });
  for (const digit of [1, 2]) await libvirt.define(xml(digit));
  await inventory.readAll(libvirt);
  const old = await libvirt.listMachines();
  let answer: (records: readonly MachineRecord[]) => void = () => undefined;
  const slow = {
    ...libvirt,
    listMachines: () => new Promise<readonly MachineRecord[]>((resolve) => (answer = resolve)),
  };
  const reading = inventory.readAll(slow);
  await libvirt.start(uuidOf(1)); // started, removed and defined while the list is on its way
  await libvirt.undefine(uuidOf(2));
  await libvirt.define(xml(3));
  for (const digit of [1, 2, 3]) await inventory.refresh(libvirt, uuidOf(digit));
  answer(old);
  await reading;
  const known = inventory.all().map(({ record }) => [record.name, record.state]);
  expect(known.sort()).toEqual([
    ['m1', 'running'],
    ['m3', 'off'],
  ]);
});

const disk = `<devices><disk type='file' device='disk'><source file='/var/lib/vda.qcow2'/>
  <target dev='vda' bus='virtio'/></disk></devices></domain>`;
const quiet = { machineChanged: () => undefined, machineRemoved: () => undefined };

test('a machine that must not be asked now keeps the sizes that were read before', async () => {
  const libvirt = fakeHypervisor();
  const inventory = createInventory(quiet);
  await libvirt.define(xml(1).replace('</domain>', disk));
  await inventory.readAll(libvirt);
  const sizes = inventory.get(uuidOf(1))?.sizes;
  expect(sizes?.get('vda')).toBeGreaterThan(0);
  const busy = {
    ...libvirt,
    blockInfo: () => Promise.reject(new AppError('machine-busy', 'Its memory is being kept.')),
  };
  await inventory.refresh(busy, uuidOf(1));
  expect(inventory.get(uuidOf(1))?.sizes).toEqual(sizes);
  await inventory.readAll(busy);
  expect(inventory.get(uuidOf(1))?.sizes).toEqual(sizes);
});

test('while a job of ours works on it, it is asked only for what is not known', async () => {
  const libvirt = fakeHypervisor();
  const asked: string[] = [];
  const watched = {
    ...libvirt,
    blockInfo: (uuid: string, path: string) => {
      asked.push(path);
      return libvirt.blockInfo(uuid, path);
    },
  };
  let working = true;
  const inventory = createInventory(quiet, () => working);
  await libvirt.define(xml(1).replace('</domain>', disk));
  await inventory.readAll(watched);
  expect(asked).toEqual(['vda']);
  await inventory.refresh(watched, uuidOf(1));
  expect(asked).toEqual(['vda']);
  working = false;
  await inventory.refresh(watched, uuidOf(1));
  expect(asked).toEqual(['vda', 'vda']);
});
