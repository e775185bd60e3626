/** Which images the machines of a host use, whatever the names they reach them by. */
import { AppError } from '#contract/errors.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';
import type { Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import { imageInfo } from '#engine/nbd/image.ts';
import type { World } from '#engine/world/world.ts';
import { isActive, type MachineFacts } from './facts.ts';

/**
 * Every image of a disk. libvirt knows the chain of a running machine; what it says of a stopped
 * one's is old or nothing, so there the images are asked. Errors: those of images that cannot be
 * read, if `sure`; otherwise what libvirt says is all.
 */
export async function imagesOf(
  world: World,
  machine: MachineRecord,
  { source, chain, format }: DomainDisk,
  sure: boolean,
): Promise<readonly string[]> {
  const told = [source, ...(chain ?? []).map((below) => below.source)].filter(
    (path) => path !== null,
  );
  if (source?.startsWith('/') !== true || isActive(machine) || format === 'raw') return told;
  if ((await world.files.stat(source).catch(() => undefined)) === null) return told;
  try {
    const { backing } = await imageInfo(world, source, { share: true });
    return [...told, ...backing.map(({ path }) => path)];
  } catch (thrown) {
    if (sure || !(thrown instanceof AppError)) throw thrown;
    return told;
  }
}

/** The name of a file that all its names lead to; the name itself where that cannot be told. */
export async function realName(world: World, path: string): Promise<string> {
  if (!path.startsWith('/')) return path;
  try {
    return await world.files.realPath(path);
  } catch (thrown) {
    if (thrown instanceof AppError) return path;
    throw thrown;
  }
}

/** Which of these images other machines of the host stand on: clones, most likely. */
export async function sharedImages(
  world: World,
  hypervisor: Hypervisor,
  uuid: string,
  images: readonly string[],
): Promise<MachineFacts['shared']> {
  const byName = new Map<string, string>();
  for (const path of images) byName.set(await realName(world, path), path);
  const shared: { path: string; machine: string }[] = [];
  for (const machine of await hypervisor.listMachines()) {
    if (machine.uuid === uuid) continue;
    for (const disk of machine.definition.disks) {
      for (const image of await imagesOf(world, machine, disk, false)) {
        const path = byName.get(await realName(world, image));
        if (path !== undefined) shared.push({ path, machine: machine.name });
      }
    }
  }
  return shared;
}
