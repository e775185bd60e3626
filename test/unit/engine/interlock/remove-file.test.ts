/** The last look before a file goes: real images, pretend machines. */
import { execFileSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { removeFile } from '#engine/interlock/remove-file.ts';
import { realWorld } from '#engine/world/world.ts';
import { changeRun } from '../../../fakes/change.ts';
import { openCatalog } from '#engine/catalog/catalog.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

const uuid = (digit: number) => `${digit}`.repeat(8) + '-1111-4111-8111-111111111111';
const xmlOf = (digit: number, image: string) =>
  `<domain type='qemu'><name>m${digit}</name><uuid>${uuid(digit)}</uuid>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
  <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='${image}'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;

let folder: string;
let libvirt: FakeHypervisor;

beforeEach(() => {
  folder = temporaryFolder();
  libvirt = fakeHypervisor();
});

const at = (name: string) => join(folder, name);

function makeImage(name: string, base: string | null = null): string {
  const on = base === null ? [] : ['-b', base, '-F', 'qcow2'];
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...on, at(name), '1M']);
  return at(name);
}

async function remove(path: string, ifEmpty = false): Promise<void> {
  const catalog = await openCatalog(fakeWorld(), folder);
  const { parts } = changeRun(fakeWorld(), catalog, libvirt, at('plans'), uuid(1));
  try {
    await removeFile({ ...parts.execute, world: realWorld() }, path, ifEmpty);
  } finally {
    catalog.close();
  }
}

test('what a stopped clone of another machine stands on is kept', async () => {
  const base = makeImage('base.qcow2');
  await libvirt.define(xmlOf(2, makeImage('clone.qcow2', base)));
  await expect(remove(base)).rejects.toMatchObject({ code: 'refused' });
  expect(existsSync(base)).toBe(true);
});

test('a file that a machine uses by another name is kept', async () => {
  const base = makeImage('base.qcow2');
  symlinkSync(folder, `${folder}-alias`);
  await libvirt.define(xmlOf(1, `${folder}-alias/base.qcow2`));
  await expect(remove(base)).rejects.toMatchObject({ code: 'refused' });
});

test('a file that the machine itself runs on is kept until it is off', async () => {
  const image = makeImage('base.qcow2');
  await libvirt.define(xmlOf(1, image));
  await libvirt.start(uuid(1));
  await expect(remove(image)).rejects.toMatchObject({ code: 'machine-busy' });
  expect(existsSync(image)).toBe(true);
});

test('a link is no file to remove', async () => {
  const base = makeImage('base.qcow2');
  symlinkSync(base, at('link.qcow2'));
  await remove(at('link.qcow2'));
  expect(existsSync(at('link.qcow2'))).toBe(true);
});

test('an overlay that was written to meanwhile stays, an empty one goes', async () => {
  const base = makeImage('base.qcow2');
  const [written, zeroed, empty] = ['w', 'z', 'e'].map((name) => makeImage(`${name}.qcow2`, base));
  execFileSync('qemu-io', ['-c', 'write 0 64k', written!]);
  execFileSync('qemu-io', ['-c', 'write -z 0 64k', zeroed!]);
  for (const path of [written!, zeroed!, empty!]) await remove(path, true);
  expect([written!, zeroed!, empty!].map((path) => existsSync(path))).toEqual([true, true, false]);
});

test('what nothing needs goes; what is not there is fine', async () => {
  const old = makeImage('old.qcow2');
  await remove(old);
  expect(existsSync(old)).toBe(false);
  await remove(old);
});
