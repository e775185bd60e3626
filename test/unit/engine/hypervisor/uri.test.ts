import { describe, expect, it } from 'vitest';
import { maxSocketPathBytes, parseLibvirtUri } from '#engine/hypervisor/uri.ts';

describe('a libvirt address', () => {
  it.each([
    ['qemu:///system', 'system', 'qemu:///system', null],
    ['qemu:///session', 'session', 'qemu:///session', null],
    ['QEMU+unix:///system?socket=/run/x', 'system', 'qemu:///system', '/run/x'],
    ['qemu:///session?a=b&socket=/srv/a%20b+c', 'session', 'qemu:///session', '/srv/a b+c'],
    ['qemu:///session?socket=', 'session', 'qemu:///session', null],
  ])('reads %s', (uri, daemon, name, socketPath) => {
    expect(parseLibvirtUri(uri)).toEqual({ uri, daemon, name, socketPath });
  });

  it.each([
    ['qemu+ssh://root@host/system', 'unsupported'],
    ['qemu://host/system', 'unsupported'],
    ['xen:///system', 'unsupported'],
    ['qemu:///other', 'invalid-input'],
    ['qemu:///session?socket=relative', 'invalid-input'],
    ['qemu:///session?socket=%zz', 'invalid-input'],
    ['/run/libvirt', 'invalid-input'],
    ['', 'invalid-input'],
  ])('refuses %s', (uri, code) => {
    expect(() => parseLibvirtUri(uri)).toThrow(expect.objectContaining({ code }));
  });

  it('takes a socket path at the limit of the kernel and refuses one past it', () => {
    const path = `/${'x'.repeat(maxSocketPathBytes - 1)}`;
    expect(parseLibvirtUri(`qemu:///session?socket=${path}`).socketPath).toBe(path);
    expect(() => parseLibvirtUri(`qemu:///session?socket=${path}x`)).toThrow(
      expect.objectContaining({ code: 'socket-path-too-long' }),
    );
    const letters = `/${'é'.repeat(maxSocketPathBytes / 2)}é`; // bytes count, not letters
    expect(() => parseLibvirtUri(`qemu:///session?socket=${letters}`)).toThrow();
  });
});
