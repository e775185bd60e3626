import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hypervisor, HypervisorEvent } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import type { Processes } from '#engine/world/processes.ts';
import { realWorld } from '#engine/world/world.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
const world = realWorld();
const concurrentCalls = 200;

describe.skipIf(reason !== null)(`a connection to libvirt (${reason ?? 'real'})`, () => {
  let daemon: PrivateLibvirtd;
  let uuid: string;
  const opened: Hypervisor[] = [];
  const open = async (options = {}) => {
    const hypervisor = await openLibvirt(daemon.uri, world, options);
    opened.push(hypervisor);
    return hypervisor;
  };
  const seen = (hypervisor: Hypervisor) => {
    const events: HypervisorEvent[] = [];
    hypervisor.on((event) => events.push(event));
    return events;
  };

  beforeAll(async () => {
    daemon = await startPrivateLibvirtd();
    const disks = [{ format: 'qcow2', sizeBytes: 1024 * 1024 }] as const;
    ({ uuid } = await daemon.defineTestMachine({ name: 'one', disks, start: true }));
  });
  afterAll(async () => {
    for (const hypervisor of opened) await hypervisor.close();
    await daemon.stop();
  });

  it('agrees with virsh', async () => {
    const hypervisor = await open();
    const info = await hypervisor.info();
    const version = await daemon.virsh('version', '--daemon');
    expect(version).toContain(`Running against daemon: ${info.libvirtVersion}`);
    expect(version).toContain(`Running hypervisor: QEMU ${info.hypervisorVersion}`);
    expect((await daemon.virsh('hostname')).trim()).toBe(info.hostname);
    const [ours, theirs] = await Promise.all([
      hypervisor.definition(uuid, 'inactive'),
      daemon.virsh('dumpxml', uuid, '--inactive', '--security-info'),
    ]);
    expect(ours.trim()).toBe(theirs.trim());
  });

  it(`answers ${concurrentCalls} calls made at once, each with its own answer`, async () => {
    const hypervisor = await open();
    const answers = await Promise.all(
      Array.from({ length: concurrentCalls }, (_, turn) =>
        turn % 2 === 0 ? hypervisor.state(uuid) : hypervisor.definition(uuid, 'live'),
      ),
    );
    for (const [turn, answer] of answers.entries()) {
      if (turn % 2 === 0) expect(answer).toEqual({ state: 'running', reason: 1 });
      else expect(answer).toContain(uuid);
    }
  });

  it('comes back after kill -9 of the daemon, says so, and hears what happens next', async () => {
    const hypervisor = await open();
    const events = seen(hypervisor);
    const inFlight = Promise.allSettled(
      Array.from({ length: 20 }, () => hypervisor.definition(uuid, 'live')),
    );
    await daemon.kill();
    for (const outcome of await inFlight) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({ code: 'libvirt-connection-lost' });
      }
    }
    await expect
      .poll(() => events)
      .toContainEqual(expect.objectContaining({ kind: 'connection', state: 'lost' }));
    await expect(hypervisor.state(uuid)).rejects.toMatchObject({
      code: 'libvirt-connection-lost',
    });
    await daemon.restart();
    await expect
      .poll(() => events, { timeout: 15_000 })
      .toContainEqual({ kind: 'connection', state: 'restored' });
    expect((await hypervisor.state(uuid)).state).toBe('running'); // the machine lived on
    await daemon.virsh('suspend', uuid);
    await expect
      .poll(() => events, { timeout: 1000 })
      .toContainEqual(expect.objectContaining({ kind: 'lifecycle', uuid, event: 'suspended' }));
    await daemon.virsh('resume', uuid);
    const connection = events.filter((event) => event.kind === 'connection');
    expect(connection.map(({ state }) => state)).toEqual(['lost', 'restored']);
  });

  it('stays away when it was told not to come back', async () => {
    const hypervisor = await open({ reconnect: false });
    const events = seen(hypervisor);
    await daemon.kill();
    await daemon.restart();
    await expect.poll(() => events.length).toBe(1);
    await expect(hypervisor.state(uuid)).rejects.toMatchObject({
      code: 'libvirt-connection-lost',
    });
  });

  it('stops trying when it is closed', async () => {
    const hypervisor = await open();
    const events = seen(hypervisor);
    await daemon.kill();
    await expect.poll(() => events.length).toBe(1);
    await hypervisor.close();
    await daemon.restart();
    await world.clock.sleep(500);
    expect(events.map((event) => event.kind === 'connection' && event.state)).toEqual(['lost']);
  });

  it('tells a socket nobody listens on from a path without one', async () => {
    const none = `qemu:///session?socket=${daemon.folder}/none`;
    await expect(openLibvirt(none, world)).rejects.toMatchObject({ code: 'libvirt-not-running' });
    await daemon.kill();
    await expect(openLibvirt(daemon.uri, world)).rejects.toMatchObject({
      code: 'libvirt-not-running',
      data: { advice: expect.any(String) as string },
    });
    await daemon.restart();
  });

  it.skipIf(world.processes.uid !== 0)('tells that it may not (needs root to try)', async () => {
    const closed = join(daemon.folder, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o700); // of root, where the other user may not look
    const script = `
      import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
      import { realWorld } from '#engine/world/world.ts';
      try { await openLibvirt(process.argv[1], realWorld()); }
      catch (thrown) { console.log(JSON.stringify(thrown)); }`;
    const root = join(import.meta.dirname, '..', '..');
    const { stdout, stderr } = await world.processes.run(
      process.execPath,
      ['--input-type=module', '-e', script, `qemu:///session?socket=${closed}/libvirt-sock`],
      { as: { uid: daemon.user.uid, gid: daemon.user.gid }, folder: root },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'libvirt-permission',
      data: { advice: `sudo usermod -aG libvirt ${daemon.user.name}` },
    });
  });

  it('is faster than a virsh for each call', async () => {
    const hypervisor = await open();
    const calls = 1000;
    await hypervisor.state(uuid);
    const rate = async (count: number, one: () => Promise<unknown>) => {
      const begin = performance.now();
      for (let i = 0; i < count; i += 1) await one();
      return Math.round((count / (performance.now() - begin)) * 1000);
    };
    const ours = await rate(calls, () => hypervisor.state(uuid));
    const virsh = await rate(10, () => daemon.virsh('domstate', uuid));
    console.info(`calls a second, one after the other: ${ours} over RPC, ${virsh} with virsh`);
    expect(ours).toBeGreaterThan(virsh);
  });
});

describe.skipIf(reason !== null)(`the session daemon (${reason ?? 'real'})`, () => {
  it('is started by itself when nothing answers, and stays one daemon', async () => {
    // Borrowed for its folders and its user; its daemon is killed first.
    const borrowed = await startPrivateLibvirtd();
    await borrowed.kill();
    const pids: number[] = [];
    const asUser = world.processes.uid === 0 ? { as: borrowed.user } : {};
    const processes: Processes = {
      ...world.processes,
      uid: borrowed.user.uid,
      start: async (program, args, options) => {
        const child = await world.processes.start(program, args, {
          ...options,
          ...asUser,
          env: borrowed.environment,
        });
        pids.push(child.pid);
        return child;
      },
    };
    const user = {
      name: borrowed.user.name,
      home: borrowed.folder,
      runtimeFolder: borrowed.environment['XDG_RUNTIME_DIR']!,
      cacheFolder: borrowed.environment['XDG_CACHE_HOME']!,
    };
    try {
      const first = await openLibvirt('qemu:///session', { ...world, processes }, { user });
      const second = await openLibvirt('qemu:///session', { ...world, processes }, { user });
      expect(await first.info()).toMatchObject({ kind: 'session', readOnly: false });
      expect(await second.listMachines()).toEqual([]);
      await first.close();
      await second.close();
      expect(pids).toHaveLength(1);
    } finally {
      for (const pid of pids) world.processes.kill(pid, 'SIGTERM');
      await expect.poll(() => pids.some((pid) => world.processes.alive(pid))).toBe(false);
      await borrowed.stop();
    }
  });
});
