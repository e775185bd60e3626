import { AppError } from '#contract/errors.ts';

/** A libvirt URI this version can reach: QEMU on this computer, over a unix socket. */
export interface LibvirtUri {
  readonly uri: string;
  readonly daemon: 'system' | 'session';
  /** What the daemon is asked to open. */
  readonly name: string;
  /** From `?socket=`; null for libvirt's usual places. */
  readonly socketPath: string | null;
}

export const maxSocketPathBytes = 107; // sockaddr_un holds 108 with the final NUL

const pattern = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i;

/** @throws `invalid-input`, `unsupported` or `socket-path-too-long`, each saying which part. */
export function parseLibvirtUri(uri: string): LibvirtUri {
  const [, scheme = '', host = '', path = '', query = ''] = pattern.exec(uri) ?? [];
  if (scheme === '') {
    throw new AppError('invalid-input', `This is not a libvirt address: ${uri}`, {
      advice: 'Use qemu:///system or qemu:///session.',
    });
  }
  const [driver, transport = 'unix'] = scheme.toLowerCase().split('+');
  if (driver !== 'qemu') throw unsupported(uri, `It names the hypervisor ${driver ?? ''}.`);
  if (transport !== 'unix') throw unsupported(uri, `It names the transport ${transport}.`);
  if (host !== '') throw unsupported(uri, `It names the host ${host}.`);
  if (path !== '/system' && path !== '/session') {
    throw new AppError('invalid-input', `A QEMU address ends in /system or /session: ${uri}`, {
      advice: 'Use qemu:///system or qemu:///session.',
    });
  }
  const socketPath = parameter(query, 'socket', uri);
  if (socketPath !== null) checkSocketPath(socketPath);
  const daemon = path === '/system' ? 'system' : 'session';
  return { uri, daemon, name: `qemu://${path}`, socketPath };
}

/** @throws `socket-path-too-long`, or `invalid-input` for a path that is not absolute. */
export function checkSocketPath(path: string): void {
  if (!path.startsWith('/')) {
    throw new AppError('invalid-input', `A socket path must be absolute: ${path}`, { path });
  }
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return;
  throw new AppError(
    'socket-path-too-long',
    `A socket path may have ${maxSocketPathBytes} bytes, this one is longer: ${path}`,
    { path, maxBytes: maxSocketPathBytes, advice: 'Use a folder with a shorter path.' },
  );
}

function unsupported(uri: string, why: string): AppError {
  return new AppError('unsupported', `Waymark reaches libvirt on this computer only. ${why}`, {
    uri,
    advice: 'Run Waymark on the host itself.',
  });
}

/** Not URLSearchParams: it would read a plus sign in a path as a space. */
function parameter(query: string, wanted: string, uri: string): string | null {
  for (const pair of query.split(/[&;]/)) {
    const [name = '', ...rest] = pair.split('=');
    if (name !== wanted) continue;
    try {
      const value = decodeURIComponent(rest.join('='));
      return value === '' ? null : value;
    } catch {
      throw new AppError('invalid-input', `This address has a broken escape: ${uri}`, {});
    }
  }
  return null;
}
