import { describe, expect, it } from 'vitest';
import { AppError } from '#contract/errors.ts';
import type { FileStat } from '#engine/world/files.ts';
import { realFiles } from '#engine/world/files.ts';
import { realProcesses, type Processes } from '#engine/world/processes.ts';
import { autostartLimitMs, candidateSockets, reach, type Place } from '#engine/hypervisor/reach.ts';
import type { Session } from '#engine/hypervisor/session.ts';
import { parseLibvirtUri } from '#engine/hypervisor/uri.ts';
import { fakeWorld } from '../../../fakes/world.ts';

interface Given {
  readonly uri?: string;
  readonly uid?: number;
  readonly present?: readonly string[];
  readonly release?: string;
  readonly autostart?: boolean;
  readonly start?: Processes['start'];
  readonly runtimeFolder?: string | null;
}

function place(given: Given): Place & { readonly world: ReturnType<typeof fakeWorld> } {
  const file = { kind: 'file', uid: 0 } as unknown as FileStat;
  return {
    address: parseLibvirtUri(given.uri ?? 'qemu:///system'),
    autostart: given.autostart ?? true,
    user: {
      name: 'anna',
      home: '/home/anna',
      runtimeFolder: given.runtimeFolder === undefined ? '/run/user/1000' : given.runtimeFolder,
      cacheFolder: '/home/anna/.cache',
    },
    world: fakeWorld({
      files: {
        ...realFiles,
        stat: async (path) => ((given.present ?? []).includes(path) ? file : null),
        read: async () => Buffer.from(given.release ?? 'ID=debian\n'),
      },
      processes: {
        ...realProcesses,
        uid: given.uid ?? 1000,
        start:
          given.start ??
          (async (program) => {
            throw new AppError('tool-missing', `no ${program}`, { tool: program });
          }),
      },
    }),
  };
}

const failing = (errno: string) => async () => {
  throw Object.assign(new Error(errno), { code: errno });
};
const session = {} as Session;
const thrownBy = (where: Place, errno: string) =>
  reach(where, failing(errno)).catch((thrown: unknown) => thrown);

describe('where the daemon is looked for', () => {
  it.each([
    [{}, ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock']],
    [
      { uri: 'qemu:///session' },
      ['/run/user/1000/libvirt/virtqemud-sock', '/run/user/1000/libvirt/libvirt-sock'],
    ],
    [
      { uri: 'qemu:///session', runtimeFolder: null },
      ['/home/anna/.cache/libvirt/virtqemud-sock', '/home/anna/.cache/libvirt/libvirt-sock'],
    ],
    [
      { uri: 'qemu:///session', uid: 0 },
      ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'],
    ],
    [{ uri: 'qemu:///session?socket=/x/y' }, ['/x/y']],
  ])('%j', (given, sockets) => {
    expect(candidateSockets(place(given))).toEqual(sockets);
  });
});

describe('why nothing answers', () => {
  it('is not installed: neither a program nor a folder for its sockets', async () => {
    expect(await thrownBy(place({}), 'ENOENT')).toMatchObject({
      code: 'libvirt-not-installed',
      data: { advice: 'sudo apt install libvirt-daemon-system qemu-system-x86 qemu-utils' },
    });
    expect(await thrownBy(place({ release: 'ID="fedora"' }), 'ENOENT')).toMatchObject({
      data: { advice: expect.stringMatching(/^sudo dnf install /) as string },
    });
  });

  it.each([
    [{ present: ['/usr/sbin/libvirtd'] }, 'ENOENT', 'sudo systemctl start libvirtd'],
    [{ present: ['/usr/sbin/virtqemud'] }, 'ENOENT', 'sudo systemctl start virtqemud.socket'],
    [{ present: ['/run/libvirt'] }, 'ECONNREFUSED', 'sudo systemctl start libvirtd'],
    [
      { uri: 'qemu:///session', autostart: false, present: ['/usr/sbin/libvirtd'] },
      'ENOENT',
      'libvirtd --daemon',
    ],
  ])('is not running: %j', async (given, errno, advice) => {
    expect(await thrownBy(place(given), errno)).toMatchObject({
      code: 'libvirt-not-running',
      data: { advice },
    });
  });

  it('is no permission, with the exact command', async () => {
    expect(await thrownBy(place({}), 'EACCES')).toMatchObject({
      code: 'libvirt-permission',
      data: { advice: 'sudo usermod -aG libvirt anna' },
    });
  });

  it('is something else', async () => {
    expect(await thrownBy(place({}), 'ETIMEDOUT')).toMatchObject({
      code: 'host-unreachable',
      data: { errno: 'ETIMEDOUT' },
    });
  });

  it('is a refusal on one socket rather than an absence on another', async () => {
    const thrown = await reach(place({}), (path) =>
      failing(path.includes('virtqemud') ? 'ENOENT' : 'EACCES')(),
    ).catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: 'libvirt-permission',
      data: { socketPath: '/run/libvirt/libvirt-sock' },
    });
  });

  it('is a path the kernel cannot take', async () => {
    const long = place({ uri: 'qemu:///session', runtimeFolder: `/${'r'.repeat(120)}` });
    expect(await thrownBy(long, 'ENOENT')).toMatchObject({ code: 'socket-path-too-long' });
  });
});

describe('the session daemon', () => {
  it('is started once, the modular one first, and connected when it answers', async () => {
    const started: string[] = [];
    let tries = 0;
    const where = place({
      uri: 'qemu:///session',
      start: async (program, args) => {
        started.push([program, ...args].join(' '));
        if (program === 'virtqemud') throw new AppError('tool-missing', 'none');
        return {} as never;
      },
    });
    const reached = reach(where, async (path) => {
      tries += 1;
      if (tries > 6 && path.endsWith('libvirt-sock')) return session;
      return failing('ENOENT')();
    });
    await where.world.clock.advance(1000);
    expect(await reached).toEqual({ session, socketPath: '/run/user/1000/libvirt/libvirt-sock' });
    expect(started).toEqual(['virtqemud --timeout=120', 'libvirtd --timeout=120']);
  });

  it('is given up on when it never answers', async () => {
    const where = place({
      uri: 'qemu:///session',
      present: ['/usr/sbin/libvirtd'],
      start: async () => ({}) as never,
    });
    const reached = thrownBy(where, 'ENOENT');
    await where.world.clock.advance(autostartLimitMs + 1000);
    expect(await reached).toMatchObject({ code: 'libvirt-not-running' });
  });

  it.each([
    ['of the system', { uri: 'qemu:///system' }],
    ['at a path somebody named', { uri: 'qemu:///session?socket=/x/y' }],
    ['of root, which is the system’s', { uri: 'qemu:///session', uid: 0 }],
    ['when not wanted', { uri: 'qemu:///session', autostart: false }],
  ])('is never started: %s', async (_, given) => {
    const start = () => {
      throw new Error('started');
    };
    expect(await thrownBy(place({ ...given, start }), 'ENOENT')).toBeInstanceOf(AppError);
  });
});
