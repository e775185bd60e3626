/** The practice machine itself: its disk, made from the boot image, and its definition. */
import { join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { element } from '#engine/hypervisor/xml.ts';
import type { World } from '#engine/world/world.ts';

export const machineName = 'waymark-practice';
const diskTarget = 'vda';
const diskSize = '64M';
const clusterSize = '64k';
const memoryMiB = 32;
const maxBootImageBytes = 64 * 1024;

export function diskPath(images: string): string {
  return join(images, `${machineName}.qcow2`);
}

/**
 * Makes the practice disk: the boot image on a qcow2 of 64 MiB. Replaces a disk that an interrupted
 * creation left; the caller has made sure that no machine uses it.
 */
export async function makeDisk(
  world: World,
  resources: string,
  images: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<string> {
  const path = diskPath(images);
  const partial = `${path}.partial`;
  const boot = join(images, `${machineName}.boot`);
  try {
    // qemu-img gets a copy: the resources may be inside an archive or a home it cannot read.
    const image = await world.files.read(join(resources, 'boot.img'), maxBootImageBytes);
    await world.files.writeDurable(boot, image);
    const options = `cluster_size=${clusterSize},compat=1.1`;
    const convert = ['convert', '-f', 'raw', '-O', 'qcow2', '-o', options, '--', boot, partial];
    await qemuImg(world, convert);
    await qemuImg(world, ['resize', '-q', '-f', 'qcow2', '--', partial, diskSize]);
    if (world.processes.uid !== owner.uid) {
      await world.files.chown(partial, owner.uid, owner.gid);
    }
    await world.files.rename(partial, path);
    return path;
  } finally {
    await world.files.remove(boot);
    await world.files.remove(partial);
  }
}

async function qemuImg(world: World, args: readonly string[]): Promise<void> {
  const { code, stderr } = await world.processes.run('qemu-img', args);
  if (code === 0) return;
  throw new AppError('file-failed', 'qemu-img could not make the practice disk.', {
    tool: 'qemu-img',
    exitCode: code,
    output: stderr.trim(),
  });
}

/**
 * The machine's definition. Without KVM on purpose: it must run inside containers and other
 * machines. Each write is flushed, so that kill -9 of QEMU loses no count that was shown.
 */
export function machineXml(uuid: string, disk: string): string {
  return element('domain', { type: 'qemu' }, [
    element('name', {}, machineName),
    element('uuid', {}, uuid),
    element('title', {}, 'Practice machine'),
    element('description', {}, "Waymark's machine to try backup, revert and restore on."),
    element('memory', { unit: 'MiB' }, String(memoryMiB)),
    element('vcpu', {}, '1'),
    element('os', {}, [
      element('type', { arch: 'x86_64', machine: 'pc' }, 'hvm'),
      element('boot', { dev: 'hd' }),
    ]),
    element('features', {}, [element('acpi')]),
    element('on_poweroff', {}, 'destroy'),
    element('on_reboot', {}, 'restart'),
    element('on_crash', {}, 'destroy'),
    element('devices', {}, [
      element('disk', { type: 'file', device: 'disk' }, [
        element('driver', { name: 'qemu', type: 'qcow2', cache: 'writethrough' }),
        element('source', { file: disk }),
        element('target', { dev: diskTarget, bus: 'virtio' }),
      ]),
      element('controller', { type: 'usb', model: 'none' }),
      element('serial', { type: 'pty' }),
      element('video', {}, [element('model', { type: 'vga', vram: '16384' })]),
      element('memballoon', { model: 'none' }),
    ]),
  ]);
}
