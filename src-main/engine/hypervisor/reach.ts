/**
 * Finds the daemon's socket, starts a session daemon as libvirt's own client does, and tells apart
 * why nothing answers, each with the command that fixes it.
 */
import { dirname, join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import { errnoOf } from '#engine/world/file-errors.ts';
import type { CurrentUser } from '#engine/world/user.ts';
import type { World } from '#engine/world/world.ts';
import type { Session } from './session.ts';
import { checkSocketPath, type LibvirtUri } from './uri.ts';

const systemSockets = ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'];
const daemonPrograms = ['virtqemud', 'libvirtd'] as const; // modular first, as libvirt does
const programFolders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/sbin'];
const idleExitSeconds = 120; // as libvirt's own client starts it
export const autostartLimitMs = 15_000;
const autostartPollMs = 50;
const maxReleaseBytes = 64 * 1024;

export interface Place {
  readonly address: LibvirtUri;
  readonly world: World;
  readonly user: CurrentUser;
  readonly autostart: boolean;
}

export type Connect = (socketPath: string) => Promise<Session>;

/** Where libvirt's own client would look, best first. */
export function candidateSockets({ address, world, user }: Place): readonly string[] {
  if (address.socketPath !== null) return [address.socketPath];
  // For root, libvirt serves qemu:///session from the system daemon.
  if (address.daemon === 'system' || world.processes.uid === 0) return systemSockets;
  const folder = join(user.runtimeFolder ?? user.cacheFolder, 'libvirt');
  return [join(folder, 'virtqemud-sock'), join(folder, 'libvirt-sock')];
}

export interface Reached {
  readonly session: Session;
  readonly socketPath: string;
}

/**
 * A connected session on the first candidate that answers.
 * @throws `libvirt-not-installed`, `libvirt-not-running`, `libvirt-permission`, `host-unreachable`,
 * `socket-path-too-long`; data.advice holds the command that fixes it.
 */
export async function reach(place: Place, connect: Connect): Promise<Reached> {
  const sockets = candidateSockets(place);
  for (const path of sockets) checkSocketPath(path);
  const first = await tryEach(sockets, connect);
  if ('session' in first) return first;
  if (!mayAutostart(place) || !first.absent) throw await explain(place, first);
  if (!(await startDaemon(place))) throw await explain(place, first);
  const deadline = place.world.clock.monotonic() + autostartLimitMs;
  for (;;) {
    const next = await tryEach(sockets, connect);
    if ('session' in next) return next;
    if (place.world.clock.monotonic() > deadline) throw await explain(place, next);
    await place.world.clock.sleep(autostartPollMs);
  }
}

function mayAutostart({ address, world, autostart }: Place): boolean {
  return (
    autostart &&
    address.daemon === 'session' &&
    address.socketPath === null &&
    world.processes.uid !== 0
  );
}

interface Unreached {
  readonly socketPath: string;
  readonly errno: string;
  /** No daemon listens on any of them. */
  readonly absent: boolean;
}

async function tryEach(sockets: readonly string[], connect: Connect): Promise<Reached | Unreached> {
  let failure: Unreached = { socketPath: sockets[0] ?? '', errno: 'ENOENT', absent: true };
  for (const socketPath of sockets) {
    try {
      return { session: await connect(socketPath), socketPath };
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      const errno = errnoOf(thrown);
      const absent = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(errno);
      // The most telling failure wins: a refusal says more than an absence.
      if (failure.absent) failure = { socketPath, errno, absent };
    }
  }
  return failure;
}

/** False when no daemon program is installed. */
async function startDaemon({ world }: Place): Promise<boolean> {
  for (const program of daemonPrograms) {
    try {
      await world.processes.start(program, [`--timeout=${idleExitSeconds}`], { detached: true });
      return true;
    } catch (thrown) {
      if (!hasCode(thrown, 'tool-missing')) throw thrown;
    }
  }
  return false;
}

async function explain(place: Place, failure: Unreached): Promise<AppError> {
  const { socketPath, errno } = failure;
  const data = { uri: place.address.uri, socketPath, errno };
  if (errno === 'EACCES' || errno === 'EPERM') return permissionError(place, socketPath);
  if (!failure.absent) {
    const message = `The libvirt socket ${socketPath} could not be used (${errno}).`;
    return new AppError('host-unreachable', message, {
      ...data,
      advice: `ls -l ${socketPath}`,
    });
  }
  const installed = await installedDaemons(place.world);
  if (installed.length === 0 && !(await exists(place.world, dirname(socketPath)))) {
    return new AppError('libvirt-not-installed', 'libvirt is not installed on this computer.', {
      ...data,
      advice: await installCommand(place.world),
    });
  }
  return new AppError('libvirt-not-running', `Nothing answers at ${socketPath}.`, {
    ...data,
    advice: startCommand(place, installed),
  });
}

/** This user may not use the daemon's socket (or polkit behind it said no). */
export function permissionError({ address, user }: Place, socketPath: string): AppError {
  return new AppError('libvirt-permission', `The user ${user.name} may not use libvirt here.`, {
    uri: address.uri,
    socketPath,
    advice: `sudo usermod -aG libvirt ${user.name}`,
    then: 'Log out and in again: groups are read at login.',
  });
}

function startCommand({ address, world }: Place, installed: readonly string[]): string {
  const program = installed[0] ?? 'libvirtd';
  if (address.daemon === 'session' && world.processes.uid !== 0) return `${program} --daemon`;
  const unit = program === 'virtqemud' ? 'virtqemud.socket' : 'libvirtd';
  return `sudo systemctl start ${unit}`;
}

async function installedDaemons(world: World): Promise<string[]> {
  const found: string[] = [];
  for (const program of daemonPrograms) {
    for (const folder of programFolders) {
      if (await exists(world, join(folder, program))) found.push(program);
    }
  }
  return found;
}

async function exists(world: World, path: string): Promise<boolean> {
  try {
    return (await world.files.stat(path)) !== null;
  } catch (thrown) {
    // A folder we may not enter is there.
    return hasCode(thrown, 'permission-denied');
  }
}

const installCommands: readonly (readonly [RegExp, string])[] = [
  [/debian|ubuntu/, 'sudo apt install libvirt-daemon-system qemu-system-x86 qemu-utils'],
  [/fedora|rhel|centos/, 'sudo dnf install libvirt-daemon-kvm qemu-img'],
  [/suse/, 'sudo zypper install libvirt-daemon-qemu qemu-tools'],
  [/arch/, 'sudo pacman -S libvirt qemu-base'],
];

/** The package manager is named by os-release(5). */
async function installCommand(world: World): Promise<string> {
  const fallback = 'Install the packages of libvirt and QEMU.';
  try {
    const text = (await world.files.read('/etc/os-release', maxReleaseBytes)).toString();
    const ids = text
      .split('\n')
      .filter((line) => /^ID(_LIKE)?=/.test(line))
      .join(' ');
    return installCommands.find(([pattern]) => pattern.test(ids))?.[1] ?? fallback;
  } catch (thrown) {
    if (thrown instanceof AppError) return fallback; // no such file: an unusual system
    throw thrown;
  }
}
