/**
 * Who may read what on this kind of host (engine.md): which user QEMU runs as, and a folder that
 * both that user and we can use for scratch files and the NBD socket.
 */
import { join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { dacIdentity } from '#engine/hypervisor/dac-label.ts';
import { makePassableFolder } from '#engine/world/passable-folder.ts';
import type { World } from '#engine/world/world.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Longest unix socket path that libvirt and Node both accept, in bytes. */
export const maxSocketPathBytes = 100;

export interface AccessFolders {
  /** Ours alone: used where QEMU runs as this user. */
  readonly ownScratchFolder: string;
  /** Reached by QEMU's user when we are root. */
  readonly rootScratchFolder: string;
  /** Shared with group libvirt-qemu when we are an ordinary user of a system host. */
  readonly sharedScratchFolder: string;
}

/** A folder made for one backup; `remove` takes everything in it away. */
export interface WorkFolder {
  readonly path: string;
  readonly socketPath: string;
  scratchPath(target: string): string;
  readonly identity: Identity;
  remove(): Promise<void>;
}

/**
 * The user QEMU runs as. A system host says so in the live definition (the dac label); a session
 * host runs QEMU as the user its daemon runs as, which owns the socket.
 */
export async function qemuIdentity(
  world: World,
  liveXml: string,
  socketPath: string | null,
): Promise<Identity> {
  const labelled = dacIdentity(liveXml);
  if (labelled !== null) return labelled;
  const socket = socketPath === null ? null : await world.files.stat(socketPath);
  if (socket !== null) return { uid: socket.uid, gid: socket.gid };
  return { uid: world.processes.uid, gid: world.processes.gid };
}

/** The path in a URI's `?socket=`, or null. */
export function socketOfUri(uri: string): string | null {
  const query = uri.indexOf('?');
  return query < 0 ? null : new URLSearchParams(uri.slice(query + 1)).get('socket');
}

/** The folder in which work folders of machines run by this user are made. */
export function scratchBase(world: World, folders: AccessFolders, identity: Identity): string {
  if (identity.uid === world.processes.uid) return folders.ownScratchFolder;
  return world.processes.uid === 0 ? folders.rootScratchFolder : folders.sharedScratchFolder;
}

/**
 * Where the work folder of one machine is. Its name is fixed per machine, so that what a crash left
 * is found again. Where engines with other data folders have theirs too, our installation ends it.
 */
export function workFolderPath(
  world: World,
  folders: AccessFolders,
  identity: Identity,
  owner: { readonly uuid: string; readonly installation: string },
): string {
  const base = scratchBase(world, folders, identity);
  const machine = owner.uuid.replaceAll('-', '').slice(0, 16);
  const own = base === folders.ownScratchFolder;
  return join(base, own ? machine : `${machine}-${owner.installation.slice(-8).toLowerCase()}`);
}

/**
 * Makes the work folder of one machine, empty. Throws `permission-denied` with the command that
 * mends it, or `socket-path-too-long`.
 */
export async function makeWorkFolder(
  world: World,
  folders: AccessFolders,
  identity: Identity,
  owner: { readonly uuid: string; readonly installation: string },
): Promise<WorkFolder> {
  const { files, processes } = world;
  const same = identity.uid === processes.uid;
  const root = processes.uid === 0;
  const base = scratchBase(world, folders, identity);
  const path = workFolderPath(world, folders, identity, owner);
  const socketPath = join(path, 'nbd');
  if (Buffer.byteLength(socketPath) > maxSocketPathBytes) {
    throw new AppError('socket-path-too-long', `The path ${socketPath} is too long for a socket.`, {
      path: socketPath,
      maxBytes: maxSocketPathBytes,
      unharmed: 'Nothing was started and nothing was changed.',
      advice: 'Use a data folder with a shorter path.',
    });
  }
  await (same ? files.makeFolder(base) : makePassableFolder(files, base));
  await refuseForeign(world, base);
  // QEMU's user passes through it; said again because our umask takes the bits away.
  if (!same) await files.chmod(base, 0o711);
  await files.removeTree(path);
  await files.makeFolder(path, 0o700);
  if (!same && root) await files.chown(path, identity.uid, identity.gid);
  if (!same && !root) await shareWithQemu(world, path, identity);
  return {
    path,
    socketPath,
    scratchPath: (target) => join(path, `${target}.scratch`),
    identity,
    remove: () => files.removeTree(path),
  };
}

/** In a folder that everybody may write to, somebody else could have made this name first. */
async function refuseForeign(world: World, base: string): Promise<void> {
  const stat = await world.files.stat(base);
  if (stat?.kind === 'folder' && stat.uid === world.processes.uid) return;
  throw new AppError('permission-denied', `${base} belongs to somebody else.`, {
    path: base,
    unharmed: 'Nothing was started and nothing was changed.',
    advice: `Ask its owner or an administrator to remove ${base}.`,
  });
}

async function shareWithQemu(world: World, path: string, identity: Identity): Promise<void> {
  try {
    await world.files.chown(path, world.processes.uid, identity.gid);
    await world.files.chmod(path, 0o2770);
  } catch (thrown) {
    await world.files.removeTree(path);
    throw new AppError(
      'permission-denied',
      'QEMU runs as libvirt-qemu here, and this user is not in that group, so Waymark ' +
        'cannot read what QEMU exports.',
      {
        path,
        unharmed: 'The machine and every earlier restore point are untouched.',
        advice: 'Run: sudo usermod -aG libvirt-qemu "$USER" — then log out and in, and try again.',
      },
      thrown,
    );
  }
}
