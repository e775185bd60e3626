/** The others, each set up as its own documentation says, with compression and encryption on. */
import { rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender, Place, Work } from './contender.ts';
import type { Command } from './measure.ts';

const password = 'correct horse battery staple';
type Do = (command: Command) => Promise<unknown>;

export function restic(place: Place, run: Do, check: (image: string) => Promise<void>): Contender {
  const folder = join(place.folder, 'restic');
  const repository = join(folder, 'repository');
  const target = join(folder, 'restored');
  const env = { RESTIC_PASSWORD: password, RESTIC_REPOSITORY: repository, HOME: folder };
  const restic = (...args: readonly string[]): Command => ({
    program: 'restic',
    args: ['--quiet', '--cache-dir', join(folder, 'cache'), ...args],
    env,
  });
  return {
    name: 'restic',
    reads: 'raw file',
    repository,
    prepare: async () => {
      await place.makeFolder(folder);
      await run(restic('init', '--repository-version', '2'));
    },
    command: async (work) => {
      if (work === 'restore') return restic('restore', 'latest', '--target', target);
      await touch(place.rawDisk, work);
      return restic('backup', place.rawDisk);
    },
    after: async (work) => {
      if (work !== 'restore') return;
      await check(join(target, place.rawDisk));
      await rm(target, { recursive: true });
    },
  };
}

export function borg(place: Place, run: Do, check: (image: string) => Promise<void>): Contender {
  const folder = join(place.folder, 'borg');
  const repository = join(folder, 'repository');
  const target = join(folder, 'restored');
  const env = { BORG_PASSPHRASE: password, BORG_BASE_DIR: folder, BORG_REPO: repository };
  const borg = (...args: readonly string[]): Command => ({ program: 'borg', args, env });
  return {
    name: 'borg',
    reads: 'raw file',
    repository,
    prepare: async () => {
      await place.makeFolder(target);
      await run(borg('init', '--encryption', 'repokey'));
    },
    command: async (work) => {
      if (work === 'restore') {
        return { ...borg('extract', '--sparse', '::changed'), folder: target };
      }
      await touch(place.rawDisk, work);
      return borg('create', '--compression', 'zstd,1', `::${work}`, place.rawDisk);
    },
    after: async (work) => {
      if (work !== 'restore') return;
      await check(join(target, place.rawDisk));
      await rm(target, { recursive: true });
    },
  };
}

/** The image of a running machine has a new time whenever anything in it was written. */
async function touch(path: string, work: Work): Promise<void> {
  const time = { first: 1, unchanged: 2, changed: 3, restore: 4 }[work] * 1_000_000;
  await utimes(path, time, time);
}

export function virtnbdbackup(
  place: Place,
  machine: string,
  check: (image: string) => Promise<void>,
): Contender {
  const folder = join(place.folder, 'virtnbd');
  const repository = join(folder, 'repository');
  const target = join(folder, 'restored');
  const socket = join(folder, 's');
  const env = { HOME: folder, USER: 'bench' };
  return {
    name: 'virtnbdbackup',
    reads: 'running machine',
    repository,
    prepare: async () => {
      await place.makeFolder(target);
      await place.makeFolder(join(folder, 'scratch'));
    },
    command: async (work) => {
      if (work === 'restore') {
        const args = ['-a', 'restore', '-n', '-i', repository, '-o', target, '-U', place.uri];
        return { program: 'virtnbdrestore', args: [...args, '-f', socket], env };
      }
      const level = work === 'first' ? 'full' : 'inc';
      const where = ['-o', repository, '-S', join(folder, 'scratch'), '-f', socket];
      const args = ['-U', place.uri, '-d', machine, '-l', level, '-n', ...where];
      return { program: 'virtnbdbackup', args, env };
    },
    after: async (work) => {
      if (work !== 'restore') return;
      await check(join(target, 'vda.qcow2')); // named like the machine's image
      await rm(target, { recursive: true });
    },
  };
}

/** Reads everything over NBD and keeps nothing: no backup can be faster. */
export function nbdcopy(place: Place, socketPath: string): Contender {
  const uri = `nbd+unix:///?socket=${socketPath}`;
  const target = join(place.folder, 'nbdcopy.raw');
  return {
    name: 'nbdcopy',
    reads: 'NBD',
    repository: null,
    prepare: () => Promise.resolve(),
    command: async (work) => {
      if (work === 'first') return { program: 'nbdcopy', args: [uri, 'null:'] };
      if (work !== 'restore') return null;
      return { program: 'nbdcopy', args: [uri, target] };
    },
    after: () => rm(target, { force: true }),
  };
}

/** Copies the image to a raw file: no restore can be much faster. */
export function qemuImg(place: Place): Contender {
  const target = join(place.folder, 'convert.raw');
  return {
    name: 'qemu-img',
    reads: 'qcow2 file',
    repository: null,
    prepare: () => Promise.resolve(),
    command: async (work) => {
      if (work !== 'restore') return null;
      const args = ['convert', '-U', '-f', 'qcow2', '-O', 'raw', place.qcow2Image, target];
      return { program: 'qemu-img', args };
    },
    after: () => rm(target, { force: true }),
  };
}
