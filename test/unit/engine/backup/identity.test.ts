import { expect, test } from 'vitest';
import { storeIdentity } from '#engine/backup/identity.ts';
import type { RestoreRooms } from '#engine/restore/restore.ts';
import { prepareMachine } from '#engine/restore/new-machine.ts';
import type { StoreWriter } from '#engine/store/repository.ts';
import { fakeHypervisor } from '../../../fakes/hypervisor.ts';
import { manifest } from '../../../fakes/store-fixture.ts';
import { fakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const disk = (target: string) => `<disk type='file' device='disk'>
  <driver name='qemu' type='qcow2'/><source file='/i/${target}'/>
  <target dev='${target}' bus='virtio'/></disk>`;
const domain = (...targets: readonly string[]) => `<domain type='qemu'><name>web</name>
  <uuid>${uuid}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os>
  <devices>${targets.map(disk).join('')}</devices></domain>`;

async function storedDefinition(live: string, inactive: string): Promise<string> {
  const libvirt = fakeHypervisor();
  await libvirt.define(live);
  await libvirt.start(uuid);
  Object.assign(libvirt, {
    definition: (_uuid: string, which: string) =>
      Promise.resolve(which === 'live' ? live : inactive),
  });
  let stored = '';
  const writer = {
    putBlob: (bytes: Buffer) => {
      stored = bytes.toString();
      return Promise.resolve({ id: '', sizeBytes: bytes.length });
    },
  } as unknown as StoreWriter;
  const record = await libvirt.getMachine(uuid);
  await storeIdentity(fakeWorld(), libvirt, record, [], writer);
  return stored;
}

test('the stored definition is kept, unless a disk was plugged in only for this run', async () => {
  const one = domain('vda');
  const two = domain('vda', 'vdb');
  expect(await storedDefinition(one, two)).toBe(two);
  expect(await storedDefinition(two, one)).toBe(two);
});

test('a disk that the definition does not name is said to stay out', async () => {
  const libvirt = fakeHypervisor();
  const point = manifest('01A', [
    { id: '', sizeBytes: 1024 },
    { id: '', sizeBytes: 1024 },
  ]);
  const xml = Buffer.from(domain('vda'));
  const rooms = {
    world: fakeWorld(),
    manifest: { ...point, definition: { id: '', sizeBytes: xml.length } },
    store: { readBlob: () => Promise.resolve(xml) },
    host: { hypervisor: libvirt, stagingFolder: null, defaultFolder: '/images' },
  } as unknown as RestoreRooms;
  const { changes } = await prepareMachine(rooms, {
    kind: 'new-machine',
    host: 'host' as never,
    name: 'again',
    folder: null,
    network: 'disconnected',
    start: false,
  });
  const out = changes.filter(({ kind, what }) => kind === 'kept-out' && what.startsWith('disk'));
  expect(out.map(({ what }) => what)).toEqual(['disk vdb: /images/again/vdb.qcow2']);
});
