import { describe, expect, test } from 'vitest';
import type { World } from '#engine/world/world.ts';
import { daemonPlace, findUser, pidPath, socketPath, uriOf } from '#engine/practice/place.ts';
import { fakeWorld } from '../../../fakes/world.ts';

const passwd = Buffer.from(
  'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' +
    'libvirt-qemu:x:64055:107::/var/lib/libvirt:/usr/sbin/nologin\n',
);

/** A world of this user in which /etc/passwd is as above and `writable` folders can be written. */
function worldOf(uid: number, writable: readonly string[] = ['/run']): World {
  const world = fakeWorld();
  return {
    ...world,
    files: {
      ...world.files,
      read: async () => passwd,
      may: async (path) => writable.includes(path),
    },
    processes: { ...world.processes, uid, gid: uid },
  };
}

describe('as root', () => {
  test('the host belongs to an unprivileged user and lies outside the data folder', async () => {
    const place = await daemonPlace(worldOf(0), '/root/.local/waymark/practice', '/run/waymark');
    expect(place.owner).toEqual({ name: 'libvirt-qemu', uid: 64055, gid: 107 });
    expect(place.home).toMatch(/^\/var\/lib\/waymark-[0-9a-f]{8}$/);
    expect(place.runtime).toMatch(/^\/run\/waymark-[0-9a-f]{8}$/);
    expect(place.environment).toMatchObject({ HOME: place.home, XDG_RUNTIME_DIR: place.runtime });
  });

  test('the same data folder finds the same host, another one does not', async () => {
    const first = await daemonPlace(worldOf(0), '/a/practice', '/run/w');
    expect(await daemonPlace(worldOf(0), '/a/practice', '/run/w')).toEqual(first);
    const other = await daemonPlace(worldOf(0), '/b/practice', '/run/w');
    expect(other.home).not.toBe(first.home);
    expect(other.runtime).not.toBe(first.runtime);
  });

  test('without a writable /run the sockets lie beside the runtime folder', async () => {
    const place = await daemonPlace(worldOf(0, []), '/a/practice', '/var/tmp/waymark');
    expect(place.runtime).toMatch(/^\/var\/tmp\/waymark-[0-9a-f]{8}$/);
  });
});

describe('as an ordinary user', () => {
  test('everything is theirs and inside their folders', async () => {
    const place = await daemonPlace(worldOf(1000), '/data/practice', '/run/user/1000/waymark');
    expect(place.owner.uid).toBe(1000);
    expect(place.home).toBe('/data/practice');
    expect(place.runtime).toBe('/run/user/1000/waymark/practice');
  });

  test('a deep data folder makes no socket path longer', async () => {
    const deep = `/${'deep/'.repeat(60)}practice`;
    const place = await daemonPlace(worldOf(1000), deep, '/run/user/1000/waymark');
    expect(socketPath(place, 'libvirtd').length).toBeLessThan(100);
    expect(place.configLink.startsWith(place.runtime)).toBe(true);
  });

  // 107 bytes for QEMU's monitor, of which libvirt takes 63 and "/practice/c/" 12.
  const longestRuntime = 107 - 63 - 12;
  test('the longest runtime folder is taken, one byte more is refused', async () => {
    const fits = `/${'r'.repeat(longestRuntime - 1)}`;
    await expect(daemonPlace(worldOf(1000), '/d', fits)).resolves.toBeDefined();
    await expect(daemonPlace(worldOf(1000), '/d', `${fits}r`)).rejects.toMatchObject({
      code: 'socket-path-too-long',
      data: { bytes: 108, maxBytes: 107 },
    });
  });
});

test('sockets, pid files and URIs carry the names libvirt gives them', () => {
  const place = { runtime: '/run/w x' };
  expect(socketPath(place, 'libvirtd')).toBe('/run/w x/libvirt/libvirt-sock');
  expect(socketPath(place, 'virtqemud')).toBe('/run/w x/libvirt/virtqemud-sock');
  expect(pidPath(place, 'libvirtd')).toBe('/run/w x/libvirt/libvirtd.pid');
  expect(uriOf(place, 'libvirtd')).toBe('qemu:///session?socket=/run/w%20x/libvirt/libvirt-sock');
});

test('the best unprivileged user is taken, and none is none', () => {
  expect(findUser(passwd.toString(), ['libvirt-qemu', 'nobody'])?.uid).toBe(64055);
  expect(findUser('nobody:x:65534:65534::/:/bin/false', ['libvirt-qemu', 'nobody'])?.uid).toBe(
    65534,
  );
  expect(findUser('root:x:0:0::/root:/bin/sh', ['libvirt-qemu', 'nobody'])).toBeNull();
});
