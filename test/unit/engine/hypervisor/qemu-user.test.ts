import { expect, test } from 'vitest';
import { qemuUserOf } from '#engine/hypervisor/qemu-user.ts';

const host = (inner: string) => `<capabilities><host>${inner}</host></capabilities>`;
const dac = (label: string) =>
  `<secmodel><model>dac</model><baselabel type='kvm'>${label}</baselabel></secmodel>`;

test('the user is that of the dac model, not of another', () => {
  const apparmor = `<secmodel><model>apparmor</model></secmodel>`;
  expect(qemuUserOf(host(apparmor + dac('+64055:+107')))).toEqual({ uid: 64055, gid: 107 });
});

test('none where libvirt does not say, or says names', () => {
  expect(qemuUserOf(host(''))).toBeNull();
  expect(qemuUserOf(host(dac('qemu:qemu')))).toBeNull();
});
