/** A pretend libvirt and a pretend user 1000 for the practice room: no daemon, no qemu-img. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#contract/errors.ts';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import type { Hypervisor, MachineRecord } from '#engine/hypervisor/hypervisor.ts';
import { createPractice, type Practice } from '#engine/practice/practice.ts';
import { realFiles } from '#engine/world/files.ts';
import type { World } from '#engine/world/world.ts';
import { fakeWorld, temporaryFolder } from './world.ts';

export interface Pretend {
  readonly practice: Practice;
  readonly folder: string;
  readonly machines: Map<string, MachineRecord>;
  /** Every call that changes something, in order. */
  readonly calls: string[];
  /** Connections opened and not closed. */
  open(): number;
}

export interface PretendOptions {
  /** Whether libvirt's own session answers. */
  readonly session?: boolean;
  /** Programs that are not installed. */
  readonly missing?: readonly string[];
  /** Calls that fail, by their first word. */
  readonly failing?: readonly string[];
}

const uid = 1000;

export function pretend(options: PretendOptions = {}): Pretend {
  const folder = temporaryFolder();
  const machines = new Map<string, MachineRecord>();
  const calls: string[] = [];
  const failing = new Set(options.failing ?? []);
  let daemonRuns = false;
  let open = 0;

  const call = (what: string) => {
    calls.push(what);
    if (failing.delete(what.split(' ')[0] ?? ''))
      throw new AppError('libvirt-error', 'As ordered.');
  };
  const setState = (uuid: string, state: MachineRecord['state']) => {
    const machine = machines.get(uuid);
    if (machine === undefined) throw new AppError('machine-not-found', 'None.');
    machines.set(uuid, { ...machine, state });
  };
  const host: Pick<
    Hypervisor,
    'listMachines' | 'define' | 'undefine' | 'start' | 'resume' | 'destroy' | 'close'
  > = {
    listMachines: async () => [...machines.values()],
    define: async (xml) => {
      call('define');
      const definition = parseDomain(xml);
      const { uuid, name } = definition;
      const state = 'off';
      machines.set(uuid, {
        uuid,
        name,
        definition,
        state,
        persistent: true,
        hasManagedSave: false,
      });
      return uuid;
    },
    undefine: async (uuid, how) => {
      call(`undefine ${JSON.stringify(how)}`);
      machines.delete(uuid);
    },
    start: async (uuid) => {
      call('start');
      setState(uuid, 'running');
    },
    resume: async (uuid) => {
      call('resume');
      setState(uuid, 'running');
    },
    destroy: async (uuid) => {
      call('destroy');
      setState(uuid, 'off');
    },
    close: async () => {
      open -= 1;
    },
  };
  const hypervisor = async (uri: string) => {
    const answers = uri === 'qemu:///session' ? options.session !== false : daemonRuns;
    if (!answers) {
      calls.push(`ask ${uri}`);
      throw new AppError('libvirt-not-running', 'Nobody answers.');
    }
    open += 1;
    return host as Hypervisor;
  };
  const runtimeFolder = '/run/pretend';
  const practice = createPractice(
    pretendWorld(options, folder, runtimeFolder, calls, () => {
      daemonRuns = true;
    }),
    { folder, runtimeFolder, hypervisor },
  );
  return { practice, folder, machines, calls, open: () => open };
}

function pretendWorld(
  options: PretendOptions,
  folder: string,
  runtimeFolder: string,
  calls: string[],
  daemonStarted: () => void,
): World {
  const world = fakeWorld();
  const at = (path: string) => path.replace(runtimeFolder, join(folder, 'runtime'));
  return {
    ...world,
    files: {
      ...realFiles,
      makeFolder: (path, mode) => realFiles.makeFolder(at(path), mode),
      removeTree: (path) => realFiles.removeTree(at(path)),
      read: (path, max) => realFiles.read(at(path), max),
      stat: async (path) => {
        const stat = await realFiles.stat(at(path));
        return stat === null ? null : { ...stat, uid, gid: uid };
      },
      may: async (path, what) =>
        what === 'enter'
          ? options.missing?.includes(path.split('/').at(-1) ?? '') !== true
          : realFiles.may(at(path), what),
    },
    processes: {
      ...world.processes,
      uid,
      gid: uid,
      run: async (program, args) => {
        calls.push(`${program} ${args[0] ?? ''}`);
        if (args[0] === 'convert') await writeFile(args.at(-1) ?? '', 'disk');
        return { code: 0, stdout: '', stderr: '' };
      },
      start: async (program, args) => {
        calls.push(`${program} ${args.join(' ')}`);
        daemonStarted();
        return { pid: 4, exited: new Promise(() => {}), stderr: () => '', kill: () => {} };
      },
    },
  };
}
