/** The practice host: which one it is here, how it is reached, started, ended and cleared away. */
import { join } from 'node:path';
import { AppError, hasCode } from '#contract/errors.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { World } from '#engine/world/world.ts';
import { ensureDaemon, findDaemon, notInstalled, stopDaemon } from './daemon.ts';
import { daemonPlace, sessionUri, type DaemonPlace } from './place.ts';
import type { HostChoice } from './remembered.ts';

/** What the practice host cannot do without; of each row one is enough. */
const neededTools = [['libvirtd', 'virtqemud'], ['qemu-img'], ['qemu-system-x86_64']];
const toolFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export interface HostOptions {
  readonly folder: string;
  readonly runtimeFolder: string;
  readonly hypervisor: (uri: string) => Promise<Hypervisor>;
}

export interface ImagesFolder {
  readonly folder: string;
  /** Who must own what is put there. */
  readonly uid: number;
  readonly gid: number;
}

export interface PracticeHost {
  /** Its URI; the daemon is running afterwards. */
  ensure(): Promise<{ readonly uri: string; readonly choice: HostChoice }>;
  /** One connection for one piece of work; the daemon is started first. */
  use<T>(action: (host: Hypervisor) => Promise<T>): Promise<T>;
  images(): Promise<ImagesFolder>;
  /** Ends a private daemon on which no machine runs. True when none is running afterwards. */
  stop(): Promise<boolean>;
  /** Ends the private daemon and removes all it kept, except images somebody put there. */
  discard(): Promise<void>;
}

/** `known` says which host was chosen when the machine was made, or null before that. */
export function createHost(
  world: World,
  options: HostOptions,
  known: () => Promise<HostChoice | null>,
): PracticeHost {
  const place = () => daemonPlace(world, options.folder, options.runtimeFolder);
  const answers = (uri: string) => probe(options.hypervisor, uri);

  // Asked once: a session that cannot be had takes seconds to say so.
  let decided: HostChoice | null = null;
  const choose = async (): Promise<HostChoice> => {
    const choice = (await known()) ?? decided;
    if (choice !== null) return choice;
    const session = world.processes.uid !== 0 && (await answers(sessionUri));
    decided = session ? 'session' : 'private';
    return decided;
  };

  const ensure = async () => {
    await requireTools(world);
    const choice = await choose();
    if (choice === 'session') return { uri: sessionUri, choice };
    const { uri } = await ensureDaemon(world, await place(), answers);
    return { uri, choice };
  };

  const use = async <T>(uri: string, action: (host: Hypervisor) => Promise<T>) => {
    const host = await options.hypervisor(uri);
    try {
      return await action(host);
    } finally {
      await host.close();
    }
  };

  return {
    ensure,
    use: async (action) => use((await ensure()).uri, action),
    images: async () => {
      const { uid, gid } = world.processes;
      if ((await choose()) === 'session') return { folder: options.folder, uid, gid };
      const { images, owner } = await place();
      return { folder: images, uid: owner.uid, gid: owner.gid };
    },
    stop: async () => {
      if ((await choose()) === 'session') return true;
      const where = await place();
      const daemon = await findDaemon(world, where, answers);
      if (daemon !== null) {
        const machines = await use(daemon.uri, (host) => host.listMachines());
        if (machines.some(({ state }) => state !== 'off')) return false;
      }
      await stopDaemon(world, where);
      return true;
    },
    discard: async () => {
      const where = await place();
      await stopDaemon(world, where);
      await clear(world, where);
    },
  };
}

/** Whether libvirt answers at a URI. Anything but libvirt's own ways of saying no throws. */
async function probe(
  hypervisor: (uri: string) => Promise<Hypervisor>,
  uri: string,
): Promise<boolean> {
  try {
    const host = await hypervisor(uri);
    await host.close();
    return true;
  } catch (thrown) {
    const no = hasCode(
      thrown,
      'libvirt-not-running',
      'libvirt-not-installed',
      'libvirt-permission',
      'libvirt-connection-lost',
      'libvirt-error',
      'libvirt-timeout',
      'host-unreachable',
    );
    if (no) return false;
    throw thrown;
  }
}

/** Throws `libvirt-not-installed` or `tool-missing`. */
export async function requireTools(world: World): Promise<void> {
  for (const anyOf of neededTools) {
    const paths = toolFolders.flatMap((folder) => anyOf.map((tool) => join(folder, tool)));
    const found = await Promise.all(paths.map((path) => world.files.may(path, 'enter')));
    if (found.includes(true)) continue;
    const tool = anyOf[0] ?? '';
    if (tool === 'libvirtd') throw notInstalled();
    throw new AppError('tool-missing', `The program ${tool} is not installed.`, {
      tool,
      advice: 'sudo apt install qemu-system-x86 qemu-utils',
    });
  }
}

async function clear(world: World, { home, runtime, images }: DaemonPlace): Promise<void> {
  await world.files.removeTree(runtime);
  for (const name of ['config', 'cache', 'data', 'state']) {
    await world.files.removeTree(join(home, name));
  }
  for (const folder of [images, home]) {
    if ((await world.files.stat(folder)) === null) continue;
    if ((await world.files.list(folder)).length === 0) await world.files.removeTree(folder);
  }
}
