import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureDaemon, findDaemon, stopDaemon } from '#engine/practice/daemon.ts';
import { pidPath, type DaemonPlace } from '#engine/practice/place.ts';
import { realProcesses, type Processes } from '#engine/world/processes.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

const { uid, gid } = realProcesses;
const yes = async () => true;
const no = async () => false;

function placeIn(folder: string, owner = uid): DaemonPlace {
  const runtime = join(folder, 'run');
  return {
    owner: { name: 'somebody', uid: owner, gid },
    home: join(folder, 'home'),
    runtime,
    images: join(folder, 'home/images'),
    configLink: join(runtime, 'c'),
    environment: {},
    idleSeconds: 9,
  };
}

async function leavePid(place: DaemonPlace, pid: number | string): Promise<void> {
  await mkdir(join(place.runtime, 'libvirt'), { recursive: true });
  await writeFile(pidPath(place, 'libvirtd'), `${pid}\n`);
}

/** Real processes that may not be signalled, and programs that are listed instead of started. */
function watched(started: string[], missing: readonly string[] = []): Processes {
  return {
    ...realProcesses,
    kill: (pid) => {
      throw new Error(`${pid} was signalled`);
    },
    start: async (program, args, options) => {
      started.push([program, ...args].join(' '));
      if (missing.includes(program)) return realProcesses.start('/nowhere/at/all', [], options);
      return { pid: 4, exited: Promise.resolve(1), stderr: () => '', kill: () => {} };
    },
  };
}

test('no pid file, garbage in it and a dead number are no daemon', async () => {
  const place = placeIn(temporaryFolder());
  const world = fakeWorld({ processes: watched([]) });
  expect(await findDaemon(world, place, yes)).toBeNull();
  for (const pid of ['', 'x', '-1', '0', '1', 99_999_999]) {
    await leavePid(place, pid);
    expect(await findDaemon(world, place, yes)).toBeNull();
    expect(await stopDaemon(world, place)).toBe(false);
  }
});

test('a number that now belongs to another program is neither used nor signalled', async () => {
  const place = placeIn(temporaryFolder());
  await leavePid(place, process.pid);
  const world = fakeWorld({ processes: watched([]) });
  expect(await findDaemon(world, place, yes)).toBeNull();
  expect(await stopDaemon(world, place)).toBe(false);
});

test('a stale pid file does not keep a new daemon from starting', async () => {
  const place = placeIn(temporaryFolder());
  await leavePid(place, 99_999_999);
  const started: string[] = [];
  const world = fakeWorld({ processes: watched(started) });
  const { uri } = await ensureDaemon(world, place, yes);
  expect(uri).toContain(`socket=${place.runtime}/libvirt/libvirt-sock`);
  expect(started).toEqual(['libvirtd --timeout 9']);
  expect(await readFile(join(place.configLink, 'libvirt/qemu.conf'), 'utf8')).toContain('file');
});

test('where libvirtd is not installed, virtqemud is taken', async () => {
  const started: string[] = [];
  const world = fakeWorld({ processes: watched(started, ['libvirtd']) });
  const daemon = await ensureDaemon(world, placeIn(temporaryFolder()), yes);
  expect(daemon.program).toBe('virtqemud');
  expect(daemon.uri).toContain('virtqemud-sock');
  expect(started).toEqual(['libvirtd --timeout 9', 'virtqemud --timeout 9']);
});

test('where neither is installed the error says what to install', async () => {
  const world = fakeWorld({ processes: watched([], ['libvirtd', 'virtqemud']) });
  await expect(ensureDaemon(world, placeIn(temporaryFolder()), yes)).rejects.toMatchObject({
    code: 'libvirt-not-installed',
    data: { advice: expect.stringContaining('apt install') },
  });
});

test('a daemon that ends at once is reported with the end of its log', async () => {
  const place = placeIn(temporaryFolder());
  await mkdir(join(place.home, 'cache/libvirt'), { recursive: true });
  await writeFile(join(place.home, 'cache/libvirt/libvirtd.log'), 'error : no such thing\n');
  const world = fakeWorld({ processes: watched([]) });
  await expect(ensureDaemon(world, place, no)).rejects.toMatchObject({
    code: 'libvirt-not-running',
    data: { log: 'error : no such thing\n' },
  });
});

test('a folder that somebody else made beforehand is refused', async () => {
  const folder = temporaryFolder();
  const place = placeIn(folder, uid);
  await mkdir(place.runtime);
  const world = fakeWorld({ processes: { ...watched([]), uid: uid + 1 } });
  const theirs = { ...place, owner: { ...place.owner, uid: uid + 1 } };
  await expect(ensureDaemon(world, theirs, yes)).rejects.toMatchObject({
    code: 'permission-denied',
    data: { path: place.runtime },
  });
});
