/**
 * The practice host of an ordinary user, in a process of that user with a home and runtime folder
 * of its own: libvirt's session where it answers, a private daemon where it cannot. And root's
 * beside a running system libvirtd, which must not notice.
 */
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as v from 'valibot';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { findUser } from '#engine/practice/place.ts';
import { createPractice } from '#engine/practice/practice.ts';
import { realWorld } from '#engine/world/world.ts';
import { startSystemLibvirtd, whyNoSystemLibvirtd } from './system-libvirtd.ts';

const world = realWorld();
const root = join(import.meta.dirname, '../..');
const driver = join(import.meta.dirname, 'practice-driver.ts');
const isRoot = world.processes.uid === 0;

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Who the driver runs as: this user, or for root the user nobody. */
function ordinaryUser(): User {
  const { uid, gid } = world.processes;
  if (!isRoot) return { uid, gid };
  const nobody = findUser(readFileSync('/etc/passwd', 'utf8'), ['nobody']);
  if (nobody === null) throw new Error('There is no user nobody');
  return nobody;
}

interface Home {
  readonly folder: string;
  readonly runtime: string;
  run(command: string, ...more: readonly string[]): Promise<unknown>;
}

/** A home and a runtime folder for the user; daemons started in them end with the test. */
function homeOf(user: User, env: Readonly<Record<string, string>> = {}): Home {
  const folder = mkdtempSync(join(tmpdir(), 'wm-user-'));
  const runtime = join(folder, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  for (const path of [folder, runtime]) chownSync(path, user.uid, user.gid);
  onTestFinished(async () => {
    for (const place of [runtime, join(runtime, 'waymark/practice')]) {
      for (const daemon of ['libvirtd', 'virtlogd']) await end(join(place, 'libvirt'), daemon);
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    runtime,
    run: async (command, ...more) => {
      const { stdout, stderr } = await world.processes.run(
        process.execPath,
        [driver, join(folder, 'data'), join(runtime, 'waymark'), command, ...more],
        {
          folder: root,
          env: { HOME: folder, USER: 'nobody', XDG_RUNTIME_DIR: runtime, ...env },
          ...(isRoot ? { as: user } : {}),
        },
      );
      const line = stdout.trim();
      if (line === '') throw new Error(stderr);
      return JSON.parse(line) as unknown;
    },
  };
}

/** Ends a daemon by its pid file and waits for it. */
async function end(folder: string, daemon: string): Promise<void> {
  const path = join(folder, `${daemon}.pid`);
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, 'utf8'));
  const comm = `/proc/${pid}/comm`;
  if (!existsSync(comm) || readFileSync(comm, 'utf8').trim() !== daemon) return;
  world.processes.kill(pid, 'SIGTERM');
  const limit = world.clock.monotonic() + 10_000;
  while (world.processes.alive(pid) && world.clock.monotonic() < limit) {
    await world.clock.sleep(50);
  }
}

/** Why another user cannot run the driver from here, or null. */
async function whyNotAs(user: User): Promise<string | null> {
  if (!isRoot) return null;
  const { code } = await world.processes.run('/usr/bin/test', ['-r', driver], { as: user });
  return code === 0 ? null : `the user nobody cannot read ${root}`;
}

const created = v.object({ uuid: v.string() });

test('an ordinary user gets the session, started on demand', async (context) => {
  const user = ordinaryUser();
  const reason = await whyNotAs(user);
  if (reason !== null) return context.skip(reason);
  const home = homeOf(user);
  expect(await home.run('status')).toEqual({ kind: 'absent' });
  const { uuid } = v.parse(created, await home.run('create'));
  expect(await home.run('screen', uuid)).toMatchObject({
    uri: 'qemu:///session',
    kind: 'session',
    generation: 1,
    log: 'LOG OK 0 records',
  });
  expect(await home.run('images')).toMatchObject({
    folder: join(home.folder, 'data'),
    uid: user.uid,
  });
  expect(await home.run('create')).toEqual({ uuid });
  expect(await home.run('remove')).toEqual({ hostKept: false });
  expect(await home.run('status')).toEqual({ kind: 'absent' });
  expect(existsSync(join(home.folder, 'data/waymark-practice.qcow2'))).toBe(false);
});

test('where no session can be had, the user gets a private daemon', async (context) => {
  const user = ordinaryUser();
  const reason = await whyNotAs(user);
  if (reason !== null) return context.skip(reason);
  // A runtime folder that cannot be used is how a session fails in containers and over su.
  const home = homeOf(user, { XDG_RUNTIME_DIR: '/proc/nowhere' });
  const { uuid } = v.parse(created, await home.run('create'));
  expect(await home.run('screen', uuid)).toMatchObject({ kind: 'session', generation: 1 });
  const place = join(home.runtime, 'waymark/practice');
  expect(existsSync(join(place, 'libvirt/libvirtd.pid'))).toBe(true);
  expect(await home.run('remove')).toEqual({ hostKept: false });
  expect(existsSync(place)).toBe(false);
});

test('beside a system libvirtd both go their own ways', async (context) => {
  if (!isRoot) return context.skip('only root has a private host beside the system daemon');
  await startSystemDaemon();
  const system = await openLibvirt('qemu:///system', world);
  const folder = mkdtempSync(join(tmpdir(), 'wm-beside-'));
  const practice = createPractice(world, {
    folder: join(folder, 'data'),
    runtimeFolder: join(folder, 'run'),
    hypervisor: (uri) => openLibvirt(uri, world, { reconnect: false }),
  });
  try {
    const { uuid } = await practice.create();
    const { uri } = await practice.ensureHost();
    const host = await openLibvirt(uri, world);
    expect((await host.listMachines()).map((machine) => machine.uuid)).toEqual([uuid]);
    await host.close();
    const uuids = (await system.listMachines()).map((machine) => machine.uuid);
    expect(uuids).not.toContain(uuid);
    expect(await practice.remove()).toEqual({ hostKept: false });
    expect((await system.info()).kind).toBe('system-root');
  } finally {
    await practice.remove();
    await system.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Uses the system daemon that runs, or starts one for this test and ends it by its pid. */
async function startSystemDaemon(): Promise<void> {
  if (whyNoSystemLibvirtd() !== null) return; // one runs
  const daemon = await startSystemLibvirtd();
  onTestFinished(() => daemon.stop());
}
