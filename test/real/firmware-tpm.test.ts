/** A UEFI machine with a TPM: its variables and TPM state are part of the point and come back. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestoreTarget } from '#contract/inputs.ts';
import { realWorld } from '#engine/world/world.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const code = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const variables = '/usr/share/OVMF/OVMF_VARS_4M.fd';
const absent = [code, variables, '/usr/bin/swtpm'].filter((path) => !existsSync(path));
const reason = whyNoLibvirtd() ?? (absent.length > 0 ? `not there: ${absent.join(', ')}` : null);
if (reason !== null) console.log(`skipped: firmware and TPM: ${reason}`);
const world = realWorld();
const uuid = 'a0c0ffee-0000-4000-8000-00000000cafe';

describe.skipIf(reason !== null)('firmware variables and TPM state', () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine({ configFolder: join(libvirtd.folder, 'c') });
  });
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });

  test('are stored, and the variables come back byte for byte', async () => {
    const nvram = join(libvirtd.images, 'uefi_VARS.fd');
    const disk = join(libvirtd.images, 'uefi.qcow2');
    await libvirtd.runAs('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '8M']);
    const xml = `<domain type='qemu'><name>uefi</name><uuid>${uuid}</uuid>
      <memory unit='MiB'>128</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='q35'>hvm</type>
        <loader readonly='yes' type='pflash'>${code}</loader>
        <nvram template='${variables}'>${nvram}</nvram></os>
      <features><acpi/></features>
      <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
        <source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
        <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>`;
    const file = join(libvirtd.folder, 'uefi.xml');
    await world.files.writeDurable(file, Buffer.from(xml), 0o644);
    await libvirtd.virsh('define', file);
    await libvirtd.virsh('start', 'uefi');
    const id = await engine.addHost(libvirtd.uri, uuid);
    const repository = await engine.createRepository('uefi', 'secret');
    const running = await engine.backup(id, repository.id);
    expect(running.firmware.kind).toBe('included');
    expect(running.tpm).toMatchObject({ kind: 'included' });
    await libvirtd.virsh('destroy', 'uefi');
    const stopped = await engine.backup(id, repository.id);
    const to: RestoreTarget = {
      kind: 'new-machine',
      host: (await engine.host(libvirtd.uri)).id,
      name: 'uefi copy',
      folder: libvirtd.images,
      network: 'disconnected',
      start: false,
    };
    const { handlers } = engine.engine;
    const plan = await handlers['restore.plan']({ point: stopped.id, to });
    expect(plan.checks.find(({ id: check }) => check === 'parts')?.detail).toContain('TPM state');
    await engine.finished(
      await handlers['restore.start']({ point: stopped.id, to, accepted: ['parts'] }),
    );
    const copy = await libvirtd.virsh('dumpxml', 'uefi copy');
    const path = /<nvram[^>]*>([^<]+)</.exec(copy)?.[1] ?? '';
    expect(path).not.toBe(nvram);
    expect(Buffer.compare(readFileSync(path), readFileSync(nvram))).toBe(0);
    expect(copy).toContain('<tpm');
    await libvirtd.virsh('start', 'uefi copy');
    await libvirtd.virsh('destroy', 'uefi copy');
  });
});
