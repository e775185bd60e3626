/**
 * A libvirt daemon of Waymark's own, for one unprivileged user on folders of its own. It needs no
 * systemd and no root, knows nothing of a system daemon beside it, outlives Waymark while a machine
 * runs, is found again by its socket, and ends by itself when nobody uses it.
 */
import { join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import type { FileStat } from '#engine/world/files.ts';
import type { World } from '#engine/world/world.ts';
import { pidPath, uriOf, type DaemonPlace } from './place.ts';

/** The one daemon for all drivers first; newer systems have one for QEMU alone. */
const programs = ['libvirtd', 'virtqemud'] as const;
const startTimeoutMs = 20_000;
const stopTimeoutMs = 10_000;
const pollMs = 100;
/** Without this, virtlogd is started for QEMU's messages: a second daemon to outlive the first. */
const qemuConfig = 'stdio_handler = "file"\n';
const readableByAll = 0o644;
const maxSmallFileBytes = 64 * 1024;
const maxLogBytes = 4 * 1024 * 1024;
const logTailCharacters = 600;

/** Whether something that speaks libvirt answers at a URI. */
export type Probe = (uri: string) => Promise<boolean>;

export interface RunningDaemon {
  readonly uri: string;
  readonly program: string;
}

/** The running daemon of this place, or null. Starts nothing. */
export async function findDaemon(
  world: World,
  place: DaemonPlace,
  probe: Probe,
): Promise<RunningDaemon | null> {
  for (const program of programs) {
    const pid = await daemonPid(world, place, program);
    const uri = uriOf(place, program);
    if (pid !== null && (await probe(uri))) return { uri, program };
  }
  return null;
}

/** Finds the daemon or starts it. A socket or pid file that a dead daemon left does no harm. */
export async function ensureDaemon(
  world: World,
  place: DaemonPlace,
  probe: Probe,
): Promise<RunningDaemon> {
  const running = await findDaemon(world, place, probe);
  if (running !== null) return running;
  await makeFolders(world, place);
  for (const program of programs) {
    try {
      return await startDaemon(world, place, program, probe);
    } catch (thrown) {
      if (!hasCode(thrown, 'tool-missing')) throw thrown;
    }
  }
  throw notInstalled();
}

export function notInstalled(): AppError {
  return new AppError('libvirt-not-installed', 'The libvirt daemon is not installed.', {
    unharmed: 'Nothing was created.',
    advice: 'sudo apt install qemu-system-x86 qemu-utils libvirt-daemon-system',
  });
}

async function startDaemon(
  world: World,
  place: DaemonPlace,
  program: string,
  probe: Probe,
): Promise<RunningDaemon> {
  const uri = uriOf(place, program);
  const child = await world.processes.start(program, ['--timeout', String(place.idleSeconds)], {
    detached: true,
    folder: place.home,
    env: place.environment,
    ...runAs(world, place),
  });
  const ending = { seen: false };
  void child.exited.then(() => {
    ending.seen = true;
  });
  const limit = world.clock.monotonic() + startTimeoutMs;
  while (world.clock.monotonic() < limit) {
    if (await probe(uri)) {
      world.log.info('The practice host was started', { program, pid: child.pid, uri });
      return { uri, program };
    }
    if (ending.seen) break;
    await world.clock.sleep(pollMs);
  }
  child.kill('SIGTERM');
  throw new AppError('libvirt-not-running', 'The practice host could not be started.', {
    program,
    log: await logTail(world, place, program),
    unharmed: 'Nothing else was touched.',
    advice: `Look into ${logPath(place, program)}.`,
  });
}

/** Asks the daemon to end and waits for it; machines live on. False when none is running. */
export async function stopDaemon(world: World, place: DaemonPlace): Promise<boolean> {
  for (const program of programs) {
    const pid = await daemonPid(world, place, program);
    if (pid === null) continue;
    world.processes.kill(pid, 'SIGTERM');
    const limit = world.clock.monotonic() + stopTimeoutMs;
    while (world.processes.alive(pid) && world.clock.monotonic() < limit) {
      await world.clock.sleep(pollMs);
    }
    if ((await daemonPid(world, place, program)) === pid) world.processes.kill(pid, 'SIGKILL');
    return true;
  }
  return false;
}

/**
 * The daemon's process id. A pid file may outlive its process, and the number may by now belong to
 * somebody else: only a process of the right name and user counts.
 */
async function daemonPid(
  world: World,
  place: DaemonPlace,
  program: string,
): Promise<number | null> {
  const text = await readSmall(world, pidPath(place, program));
  const pid = Number(text?.trim());
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  const stat = await world.files.stat(`/proc/${pid}`);
  if (stat?.uid !== place.owner.uid) return null;
  const name = await readSmall(world, `/proc/${pid}/comm`);
  return name?.trim() === program ? pid : null;
}

/** Null when there is nothing, or nothing any more: a process may end between two looks at it. */
async function readSmall(world: World, path: string): Promise<string | null> {
  try {
    return (await world.files.read(path, maxSmallFileBytes)).toString();
  } catch (thrown) {
    if (hasCode(thrown, 'path-not-found', 'path-invalid', 'file-failed')) return null;
    throw thrown;
  }
}

function runAs(world: World, { owner }: DaemonPlace) {
  return world.processes.uid === owner.uid ? {} : { as: { uid: owner.uid, gid: owner.gid } };
}

/** Makes what is missing, each folder with mode 0700 and the daemon's owner. */
async function makeFolders(world: World, place: DaemonPlace): Promise<void> {
  const inHome = ['config', 'config/libvirt', 'cache', 'data', 'state', 'images'].map((name) =>
    join(place.home, name),
  );
  for (const folder of [place.runtime, place.home, ...inHome]) {
    await world.files.makeFolder(folder);
    await own(world, place, folder);
  }
  const qemuConfigPath = join(place.home, 'config/libvirt/qemu.conf');
  await world.files.writeDurable(qemuConfigPath, Buffer.from(qemuConfig), readableByAll);
  const link = await world.files.stat(place.configLink);
  if (link === null) {
    await world.processes.run('ln', ['-s', '--', join(place.home, 'config'), place.configLink], {
      ...runAs(world, place),
    });
  }
}

/**
 * Gives a folder to the daemon's user. One that somebody else made beforehand (the runtime folder
 * may lie where anybody can write) is refused.
 */
async function own(world: World, { owner }: DaemonPlace, folder: string): Promise<void> {
  const stat: FileStat | null = await world.files.stat(folder);
  const ours = [world.processes.uid, owner.uid];
  if (stat?.kind !== 'folder' || !ours.includes(stat.uid)) {
    throw new AppError('permission-denied', `${folder} belongs to somebody else.`, {
      path: folder,
      unharmed: 'Nothing was changed.',
      advice: `Remove ${folder} and try again.`,
    });
  }
  if (stat.mode !== 0o700) await world.files.chmod(folder, 0o700);
  if (stat.uid !== owner.uid) await world.files.chown(folder, owner.uid, owner.gid);
}

function logPath(place: DaemonPlace, program: string): string {
  return join(place.home, 'cache/libvirt', `${program}.log`);
}

async function logTail(world: World, place: DaemonPlace, program: string): Promise<string> {
  try {
    const log = await world.files.read(logPath(place, program), maxLogBytes);
    return log.toString().slice(-logTailCharacters);
  } catch (thrown) {
    return thrown instanceof AppError ? thrown.message : String(thrown);
  }
}
