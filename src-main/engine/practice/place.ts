/**
 * Where the practice host lives: which user runs it, which folders it gets, which sockets. Root may
 * not run machines as root, and QEMU's user cannot enter root's home, so root's practice host has
 * folders of its own that belong to that user.
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';

/** Longest path of a socket that libvirtd and Node both take, in bytes (sun_path has 108). */
const maxSocketPathBytes = 100;
/** The same for sockets that QEMU opens below the daemon's configuration folder. */
const maxMonitorPathBytes = 107;
/** What libvirt may add for a machine's monitor: a number of five digits, a name of twenty. */
const longestMonitorTail = 'libvirt/qemu/lib/domain-99999-aaaaaaaaaaaaaaaaaaaa/monitor.sock';
/** Users to run the daemon as when we are root, the best first. */
const unprivilegedUsers = ['libvirt-qemu', 'nobody'];
const maxPasswdBytes = 4 * 1024 * 1024;

const idleSeconds = 120;

export const sessionUri = 'qemu:///session';

export interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A daemon of our own: its user, its folders and what it must be told. */
export interface DaemonPlace {
  readonly owner: Owner;
  /** Definitions, logs and images; survives a restart of the computer. */
  readonly home: string;
  /** Sockets and process ids; private to the owner. */
  readonly runtime: string;
  readonly images: string;
  /**
   * A short way to `home`/config. QEMU's sockets lie below the configuration folder, and their
   * whole path must be short however deep the data folder is.
   */
  readonly configLink: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Without a client and without a running machine the daemon ends by itself after this long. */
  readonly idleSeconds: number;
}

/** The place of the daemon that Waymark starts itself, computed only: nothing is made. */
export async function daemonPlace(
  world: World,
  folder: string,
  runtimeFolder: string,
): Promise<DaemonPlace> {
  if (world.processes.uid !== 0) {
    const { uid, gid } = world.processes;
    return build({ name: String(uid), uid, gid }, folder, join(runtimeFolder, 'practice'));
  }
  const owner = await unprivilegedUser(world);
  // The same data folder always finds the same host; two data folders never share one.
  const name = `waymark-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
  const base = (await world.files.may('/run', 'write')) ? '/run' : dirname(runtimeFolder);
  return build(owner, join('/var/lib', name), join(base, name));
}

function build(owner: Owner, home: string, runtime: string): DaemonPlace {
  const configLink = join(runtime, 'c');
  const place = {
    owner,
    home,
    runtime,
    configLink,
    images: join(home, 'images'),
    idleSeconds,
    environment: {
      HOME: home,
      USER: owner.name,
      LOGNAME: owner.name,
      XDG_RUNTIME_DIR: runtime,
      XDG_CONFIG_HOME: configLink,
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_DATA_HOME: join(home, 'data'),
      XDG_STATE_HOME: join(home, 'state'),
    },
  };
  requireShort(socketPath(place, 'virtqemud'), maxSocketPathBytes);
  requireShort(join(configLink, longestMonitorTail), maxMonitorPathBytes);
  return place;
}

/** Where a session daemon of this name listens. */
export function socketPath(place: { readonly runtime: string }, program: string): string {
  return join(
    place.runtime,
    'libvirt',
    program === 'libvirtd' ? 'libvirt-sock' : `${program}-sock`,
  );
}

export function pidPath(place: { readonly runtime: string }, program: string): string {
  return join(place.runtime, 'libvirt', `${program}.pid`);
}

export function uriOf(place: { readonly runtime: string }, program: string): string {
  return `${sessionUri}?socket=${encodeURI(socketPath(place, program))}`;
}

function requireShort(path: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxBytes) return;
  throw new AppError(
    'socket-path-too-long',
    `The practice host's socket path would be ${bytes} bytes long; ${maxBytes} is the most.`,
    {
      path,
      bytes,
      maxBytes,
      unharmed: 'Nothing was created.',
      advice: 'Set XDG_RUNTIME_DIR to a folder with a short path.',
    },
  );
}

async function unprivilegedUser(world: World): Promise<Owner> {
  const passwd = (await world.files.read('/etc/passwd', maxPasswdBytes)).toString();
  const owner = findUser(passwd, unprivilegedUsers);
  if (owner !== null) return owner;
  throw new AppError(
    'unsupported',
    'As root, the practice host needs an ordinary user to run as, and there is none.',
    { users: unprivilegedUsers, advice: 'Install libvirt, which adds the user libvirt-qemu.' },
  );
}

/** The first of `names` that /etc/passwd knows. */
export function findUser(passwd: string, names: readonly string[]): Owner | null {
  const users = passwd.split('\n').map((line) => line.split(':'));
  for (const name of names) {
    const [, , uid, gid] = users.find(([user]) => user === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}
