import { beforeEach, expect, test } from 'vitest';
import type { JobStats } from '#engine/hypervisor/hypervisor.ts';
import { hasLostJob } from '#engine/hypervisor/lost-job.ts';
import { fakeHypervisor, type FakeHypervisor } from '../../../fakes/hypervisor.ts';
import { fakeWorld } from '../../../fakes/world.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const lost: JobStats = { active: true, type: 'unbounded', operation: 'unknown' };
const none: JobStats = { active: false, type: 'none', operation: 'unknown' };

let libvirt: FakeHypervisor;

beforeEach(async () => {
  libvirt = fakeHypervisor();
  await libvirt.define(`<domain type='qemu'><name>web</name><uuid>${uuid}</uuid>
    <memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os>
    <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
    <source file='/i/a.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>`);
  await libvirt.start(uuid);
});

/** What libvirt says of the machine's job, one answer after the other, the last for good. */
async function lostWith(...told: readonly JobStats[]): Promise<boolean> {
  const world = fakeWorld();
  let asked = 0;
  libvirt.jobStats = () => Promise.resolve(told[Math.min(asked++, told.length - 1)] ?? none);
  const answer = hasLostJob(world, libvirt, uuid, ['vda']);
  for (let turn = 0; turn < 12; turn += 1) await world.clock.advance(500);
  return answer;
}

test('a job without numbers that works on no disk was lost', async () => {
  expect(await lostWith(lost)).toBe(true);
});

test('one that ends, or that libvirt has numbers of, was not', async () => {
  expect(await lostWith(none)).toBe(false);
  expect(await lostWith(lost, none)).toBe(false);
  expect(await lostWith(lost, lost, lost, lost, none)).toBe(false);
  expect(await lostWith({ ...lost, operation: 'backup' })).toBe(false);
});

test('a deletion that works on a disk was not', async () => {
  libvirt.blockJob = () => Promise.resolve({ type: 'commit', cur: 0, end: 1 });
  expect(await lostWith(lost)).toBe(false);
});
