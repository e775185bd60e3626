/**
 * The practice host and machine for real, as root: a private libvirtd with dropped privileges,
 * found again after Waymark or the daemon died, and gone without a trace after `remove`.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { ensureDaemon, stopDaemon } from '#engine/practice/daemon.ts';
import { diskPath } from '#engine/practice/machine.ts';
import { daemonPlace, pidPath, type DaemonPlace } from '#engine/practice/place.ts';
import { createPractice, type Practice } from '#engine/practice/practice.ts';
import { realWorld } from '#engine/world/world.ts';
import { countsTo, logOfImage } from './practice-screen.ts';

const world = realWorld();
const isRoot = world.processes.uid === 0;

function practiceAt(folder: string): Practice {
  return createPractice(world, {
    folder: join(folder, 'data'),
    runtimeFolder: join(folder, 'run'),
    hypervisor: (uri) => openLibvirt(uri, world, { reconnect: false }),
  });
}

function daemonPidOf(place: DaemonPlace): number {
  return Number(readFileSync(pidPath(place, 'libvirtd'), 'utf8'));
}

/** Process ids whose command line names something in this place. */
function processesOf(place: DaemonPlace): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words =
          readFileSync(`/proc/${pid}/cmdline`, 'utf8') +
          readFileSync(`/proc/${pid}/environ`, 'utf8');
        return words.includes(place.runtime) || words.includes(place.home);
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}

function qemuPid(place: DaemonPlace): number {
  const pid = processesOf(place).find((candidate) =>
    readFileSync(`/proc/${candidate}/comm`, 'utf8').startsWith('qemu-system'),
  );
  if (pid === undefined) throw new Error('QEMU is not running');
  return pid;
}

async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const limit = world.clock.monotonic() + 30_000;
  while (!(await look())) {
    if (world.clock.monotonic() > limit) throw new Error(`${what}: not within 30 s`);
    await world.clock.sleep(50);
  }
}

describe('the private practice host', () => {
  let folder = '';
  let practice: Practice;
  let place: DaemonPlace;
  let uuid = '';

  const use = async <T>(action: (host: Hypervisor) => Promise<T>): Promise<T> => {
    const host = await openLibvirt((await practice.ensureHost()).uri, world);
    try {
      return await action(host);
    } finally {
      await host.close();
    }
  };

  beforeAll(async () => {
    if (!isRoot) return;
    folder = mkdtempSync(join(tmpdir(), 'waymark-practice-'));
    practice = practiceAt(folder);
    place = await daemonPlace(world, join(folder, 'data'), join(folder, 'run'));
  });

  afterAll(async () => {
    if (!isRoot) return;
    await practice.remove();
    for (const pid of processesOf(place)) world.processes.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  test('is created with one call and counts', async (context) => {
    if (!isRoot) context.skip('only root gets a private host where a session can be had');
    expect(await practice.status()).toEqual({ kind: 'absent' });
    ({ uuid } = await practice.create());
    expect(await practice.status()).toEqual({ kind: 'present', uuid });
    const screen = await use((host) => countsTo(host, uuid, 10));
    expect(screen).toMatchObject({ generation: 1, log: 'LOG OK 0 records' });
  });

  test('runs without privileges, and its files belong to that user', async (context) => {
    if (!isRoot) context.skip('not root');
    expect(place.owner.uid).not.toBe(0);
    for (const pid of [daemonPidOf(place), qemuPid(place)]) {
      expect(statSync(`/proc/${pid}`).uid).toBe(place.owner.uid);
    }
    expect(statSync(diskPath(place.images)).uid).toBe(place.owner.uid);
    for (const path of [place.home, place.runtime, place.images]) {
      expect(statSync(path)).toMatchObject({ uid: place.owner.uid });
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
  });

  test('gives a picture that changes while it counts', async (context) => {
    if (!isRoot) context.skip('not root');
    await use(async (host) => {
      const first = await host.screenshot(uuid);
      await world.clock.sleep(500);
      const second = await host.screenshot(uuid);
      expect(first?.mime).toMatch(/^image\//);
      expect(first?.bytes.equals(second?.bytes ?? Buffer.alloc(0))).toBe(false);
    });
  });

  test('is found again by the next Waymark; no second daemon is started', async (context) => {
    if (!isRoot) context.skip('not root');
    const before = daemonPidOf(place);
    const next = practiceAt(folder);
    expect(await next.create()).toEqual({ uuid });
    expect(daemonPidOf(place)).toBe(before);
  });

  test('its daemon may die: the machine counts on and a new daemon finds it', async (context) => {
    if (!isRoot) context.skip('not root');
    const qemu = qemuPid(place);
    const dead = daemonPidOf(place);
    const before = await use((host) => countsTo(host, uuid, 1));
    world.processes.kill(dead, 'SIGKILL');
    await until('the daemon ends', () => !world.processes.alive(dead));
    const after = await use((host) => countsTo(host, uuid, before.count + 10));
    expect(after.generation).toBe(1);
    expect(daemonPidOf(place)).not.toBe(dead);
    expect(qemuPid(place)).toBe(qemu);
  });

  test('kill -9 of QEMU loses no count that was shown', async (context) => {
    if (!isRoot) context.skip('not root');
    const shown = await use((host) => countsTo(host, uuid, 30));
    world.processes.kill(qemuPid(place), 'SIGKILL');
    await until('libvirt notices', () =>
      use(async (host) => (await host.state(uuid)).state !== 'running'),
    );
    const log = await logOfImage(diskPath(place.images));
    expect(log).toMatchObject({ generation: 1, brokenAt: null });
    expect(log.newest).toBeGreaterThanOrEqual(shown.count);
    await practice.start();
    const next = await use((host) => countsTo(host, uuid, log.newest + 1));
    expect(next).toMatchObject({ generation: 2, log: `LOG OK ${log.newest} records` });
  });

  test('the host does not stop under a running machine, and does after it', async (context) => {
    if (!isRoot) context.skip('not root');
    const pid = daemonPidOf(place);
    expect(await practice.stopHost()).toBe(false);
    expect(world.processes.alive(pid)).toBe(true);
    await practice.stop();
    expect(await practice.stopHost()).toBe(true);
    expect(world.processes.alive(pid)).toBe(false);
    expect(await practice.status()).toEqual({ kind: 'present', uuid });
    await practice.start();
    expect((await use((host) => countsTo(host, uuid, 1))).generation).toBe(3);
  });

  test('remove leaves no process and no file', async (context) => {
    if (!isRoot) context.skip('not root');
    expect(await practice.remove()).toEqual({ hostKept: false });
    await until('all processes end', () => processesOf(place).length === 0);
    expect(existsSync(place.home)).toBe(false);
    expect(existsSync(place.runtime)).toBe(false);
    expect(readdirSync(join(folder, 'data'))).toEqual([]);
    expect(await practice.status()).toEqual({ kind: 'absent' });
  });
});

test('a host that nobody uses ends by itself', async (context) => {
  if (!isRoot) context.skip('not root');
  const folder = mkdtempSync(join(tmpdir(), 'waymark-idle-'));
  const place = await daemonPlace(world, join(folder, 'data'), join(folder, 'run'));
  const answers = async (uri: string) => {
    const host = await openLibvirt(uri, world, { reconnect: false }).catch(() => null);
    await host?.close();
    return host !== null;
  };
  try {
    const { uri } = await ensureDaemon(world, { ...place, idleSeconds: 2 }, answers);
    const pid = daemonPidOf(place);
    await until('the daemon ends', () => !world.processes.alive(pid));
    expect(await answers(uri)).toBe(false);
  } finally {
    await stopDaemon(world, place);
    for (const path of [folder, place.home, place.runtime]) {
      await rm(path, { recursive: true, force: true });
    }
  }
});
