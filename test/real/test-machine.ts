/** A tiny machine for tests: no operating system, 32 MiB, emulated, cheap to run. */
import { join } from 'node:path';
import { element } from '#engine/hypervisor/xml.ts';
import type { TestMachine } from './private-libvirtd.ts';

export interface TestDisk {
  readonly format: 'qcow2' | 'raw';
  readonly sizeBytes: number;
  /** Default vda, vdb, … (or sda, … when the bus is not virtio). */
  readonly target?: string;
  readonly bus?: 'virtio' | 'sata';
  readonly device?: 'disk' | 'cdrom';
  /** An image that exists already; null for an empty drive. */
  readonly path?: string | null;
  readonly readOnly?: boolean;
  readonly shareable?: boolean;
  /** For `qemu-img create -o`, such as "compat=0.10" or "cluster_size=4096". */
  readonly createOptions?: string;
}

export interface TestMachineSpec {
  readonly name: string;
  readonly disks: readonly TestDisk[];
  readonly uuid?: string;
  readonly start?: boolean | 'paused';
  readonly description?: string;
  /** A channel for a guest agent that never answers. */
  readonly agentChannel?: boolean;
  /** XML added to <devices>. */
  readonly devices?: string;
}

const memoryKiB = 32 * 1024;

export function testDomainXml(
  spec: TestMachineSpec,
  uuid: string,
  folder: string,
): { readonly xml: string; readonly disks: TestMachine['disks'] } {
  const counts = { virtio: 0, sata: 0 };
  const disks = spec.disks.map((disk) => {
    const bus = disk.bus ?? (disk.device === 'cdrom' ? 'sata' : 'virtio');
    const index = counts[bus]++;
    const target =
      disk.target ?? `${bus === 'virtio' ? 'vd' : 'sd'}${String.fromCharCode(97 + index)}`;
    const path = disk.path === undefined ? join(folder, `${target}.${disk.format}`) : disk.path;
    const alias = bus === 'virtio' ? `virtio-disk${index}` : `sata0-0-${index}`;
    return { target, path, format: disk.format, alias, bus, spec: disk };
  });
  const devices = [
    ...disks.map((disk) =>
      element('disk', { type: 'file', device: disk.spec.device ?? 'disk' }, [
        element('driver', { name: 'qemu', type: disk.format }),
        ...(disk.path === null ? [] : [element('source', { file: disk.path })]),
        element('target', { dev: disk.target, bus: disk.bus }),
        ...(disk.spec.readOnly === true ? ['<readonly/>'] : []),
        ...(disk.spec.shareable === true ? ['<shareable/>'] : []),
      ]),
    ),
    '<controller type="usb" model="none"/>',
    '<memballoon model="none"/>',
    ...(spec.agentChannel === true
      ? ['<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>']
      : []),
    spec.devices ?? '',
  ];
  const xml = element('domain', { type: 'qemu' }, [
    element('name', {}, spec.name),
    element('uuid', {}, uuid),
    ...(spec.description === undefined ? [] : [element('description', {}, spec.description)]),
    element('memory', { unit: 'KiB' }, String(memoryKiB)),
    element('vcpu', {}, '1'),
    '<os><type arch="x86_64" machine="pc">hvm</type><boot dev="hd"/></os>',
    '<features><acpi/></features>',
    '<on_reboot>destroy</on_reboot>',
    element('devices', {}, devices),
  ]);
  return { xml, disks };
}
