/**
 * Everything that must be there before anything is measured: a folder, the disk, a libvirtd of our
 * own with one running machine for each contender that reads a running machine.
 */
import { chown, mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startPrivateLibvirtd, type PrivateLibvirtd } from '../real/private-libvirtd.ts';
import { changeFile, monitorWrites, type Change } from './changes.ts';
import type { Place } from './contender.ts';
import { buildDisk, chooseFiles, type Content } from './disk.ts';
import { measure, type Command, type Measured, type Runner } from './measure.ts';
import type { BenchOptions } from './options.ts';

export interface Machine {
  readonly name: string;
  readonly uuid: string;
  readonly image: string;
}

export interface Stage extends Place {
  readonly content: Content;
  readonly daemon: PrivateLibvirtd;
  readonly runner: Runner;
  /** Runs as the daemon's user and measures. */
  run(command: Command): Promise<Measured>;
  /** A running machine whose only disk, vda, is a qcow2 copy of a raw file. */
  addMachine(name: string, rawDisk: string): Promise<Machine>;
  /** The same changes in the machines, through their own devices, and in the raw disk. */
  change(machines: readonly Machine[], changes: readonly Change[]): Promise<void>;
  /** Fails unless the image has the bytes of the raw disk as it is now. */
  check(image: string): Promise<void>;
  /** Called before everything is taken down, last added first. */
  onEnd(action: () => Promise<void>): void;
  end(keep: boolean): Promise<void>;
}

/** Room for: raw disk, two machines, four repositories, one restored disk. */
const copiesOfContent = 7;
const spareBytes = 3 * 1024 ** 3;
const deviceOfFirstDisk = '/machine/peripheral/virtio-disk0/virtio-backend';

export async function setStage(options: BenchOptions, say: (line: string) => void): Promise<Stage> {
  const { bavail, bsize } = await statfs(options.folder);
  const needed = options.contentBytes * copiesOfContent + spareBytes;
  if (bavail * bsize < needed) {
    const GB = 1e9;
    throw new Error(
      `${options.folder} has ${((bavail * bsize) / GB).toFixed(0)} GB free and the bench needs ` +
        `${(needed / GB).toFixed(0)} GB. Choose another with --folder, or less with --content.`,
    );
  }
  const folder = await mkdtemp(join(options.folder, 'waymark-bench-'));
  const daemon = await startPrivateLibvirtd();
  const { uid, gid } = daemon.user;
  await chown(folder, uid, gid);
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', ...daemon.environment };
  const runner: Runner = { uid, gid, folder, env };
  const run = (command: Command) => measure(command, runner);
  const rawDisk = join(folder, 'disk.raw');
  const endings: (() => Promise<void>)[] = [];
  const makeFolder = async (path: string) => {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    await chown(first, uid, gid);
    for (let below = path; below !== first; below = dirname(below)) await chown(below, uid, gid);
  };
  try {
    say('choosing files …');
    const content = await chooseFiles(options.contentBytes);
    say(`building the disk: ${content.files.length} files, ${content.totalBytes} bytes …`);
    await buildDisk(rawDisk, content, options.diskBytes);
    await chown(rawDisk, uid, gid);
    return {
      folder,
      rawDisk,
      qcow2Image: '',
      uri: daemon.uri,
      content,
      daemon,
      runner,
      run,
      makeFolder,
      addMachine: (name, disk) =>
        addMachine(join(folder, `${name}-images`), name, disk, {
          daemon,
          run,
          makeFolder,
        }),
      change: async (machines, changes) => {
        await changeFile(rawDisk, changes);
        for (const machine of machines) await changeMachine(folder, daemon, machine, changes);
      },
      check: async (image) => {
        const format = image.endsWith('.qcow2') ? 'qcow2' : 'raw';
        const args = ['compare', '-f', 'raw', '-F', format, rawDisk, image];
        await run({ program: 'qemu-img', args });
      },
      onEnd: (action) => endings.unshift(action),
      end: async (keep) => {
        for (const action of endings.splice(0)) await action();
        await end(folder, daemon, keep);
      },
    };
  } catch (thrown) {
    await end(folder, daemon, options.keep);
    throw thrown;
  }
}

async function end(folder: string, daemon: PrivateLibvirtd, keep: boolean): Promise<void> {
  await daemon.stop();
  if (!keep) await rm(folder, { recursive: true, force: true });
}

async function addMachine(
  images: string,
  name: string,
  rawDisk: string,
  { daemon, run, makeFolder }: Pick<Stage, 'daemon' | 'run' | 'makeFolder'>,
): Promise<Machine> {
  await makeFolder(images);
  const image = join(images, 'vda.qcow2');
  const args = ['convert', '-f', 'raw', '-O', 'qcow2', rawDisk, image];
  await run({ program: 'qemu-img', args });
  const disks = [{ format: 'qcow2' as const, sizeBytes: 0, path: image }];
  const { uuid } = await daemon.defineTestMachine({ name, disks, start: true });
  return { name, uuid, image };
}

/** Many writes a virsh: it takes several commands in one argument, but not a long one. */
const writesPerCall = 200;

async function changeMachine(
  folder: string,
  daemon: PrivateLibvirtd,
  machine: Machine,
  changes: readonly Change[],
): Promise<void> {
  const sources = join(folder, 'changes');
  const writes = await monitorWrites(sources, deviceOfFirstDisk, changes);
  const lines = writes.map((line) => `qemu-monitor-command ${machine.uuid} --hmp '${line}'`);
  for (let done = 0; done < lines.length; done += writesPerCall) {
    const words = await daemon.virsh(lines.slice(done, done + writesPerCall).join('; '));
    if (words.trim() !== '') throw new Error(`writing through ${machine.name}: ${words.trim()}`);
  }
  await rm(sources, { recursive: true });
}
