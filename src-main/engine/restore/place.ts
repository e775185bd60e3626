/**
 * Where the files of a restored machine go on each kind of host, and whether QEMU can reach them.
 */
import { dirname } from 'node:path';
import type { World } from '#engine/world/world.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** libvirt's usual place on a system host. */
export const systemImagesFolder = '/var/lib/libvirt/images';

/** A machine's name as a folder name: what a file system or a shell could trip over becomes "-". */
export function folderName(machineName: string): string {
  const safe = machineName.replaceAll(/[\p{Cc}/\\]/gu, '-').replace(/^\.+/, '');
  return safe.length === 0 ? 'machine' : safe.slice(0, 80);
}

/**
 * Whether this user may enter every folder on the way to `path` and use what is in it. Folders
 * that do not exist yet are ours to make and count as reachable. Access lists beyond the mode
 * bits are not seen, so `false` may be wrong where an administrator set some.
 */
export async function reachableBy(
  world: World,
  identity: Identity,
  path: string,
): Promise<boolean> {
  if (identity.uid === 0) return true;
  for (let folder = path; ; folder = dirname(folder)) {
    const stat = await world.files.stat(await resolved(world, folder));
    if (stat?.kind === 'folder' && !mayEnter(identity, stat)) return false;
    if (folder === dirname(folder)) return true;
  }
}

async function resolved(world: World, path: string): Promise<string> {
  return (await world.files.stat(path)) === null ? path : world.files.realPath(path);
}

function mayEnter(
  identity: Identity,
  stat: { readonly uid: number; readonly gid: number; readonly mode: number },
): boolean {
  const ownerBit = 0o100;
  const groupBit = 0o010;
  const otherBit = 0o001;
  if (stat.uid === identity.uid) return (stat.mode & ownerBit) !== 0;
  if (stat.gid === identity.gid) return (stat.mode & groupBit) !== 0;
  return (stat.mode & otherBit) !== 0;
}
