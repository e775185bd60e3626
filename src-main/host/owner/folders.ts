/** Where this user's data and sockets are, and that nobody else may look into them. */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { AppError } from '#contract/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const privateMode = 0o700;

function absolute(path: string | undefined): string | null {
  // The XDG specification: a relative path in these variables is to be ignored.
  return path !== undefined && isAbsolute(path) ? path : null;
}

/** `--data`, else `$XDG_DATA_HOME/waymark`, else `~/.local/share/waymark`. */
export function dataFolder(given: string | undefined, env: Environment): string {
  if (given !== undefined) return resolve(given);
  const home = absolute(env['XDG_DATA_HOME']) ?? join(homedir(), '.local/share');
  return join(home, 'waymark');
}

export function configFolder(env: Environment): string {
  return absolute(env['XDG_CONFIG_HOME']) ?? join(homedir(), '.config');
}

/**
 * A private folder with a short path for sockets: below `$XDG_RUNTIME_DIR`, else below /run for
 * root, else below the temporary folder. It is this user's with mode 0700, or the call fails: a
 * name in a shared folder may have been taken by somebody else.
 */
export function runtimeFolder(env: Environment, uid: number): string {
  const runtime = absolute(env['XDG_RUNTIME_DIR']);
  const shared = uid === 0 ? '/run/waymark' : join(tmpdir(), `waymark-${uid}`);
  const folder = runtime === null ? shared : join(runtime, 'waymark');
  mkdirSync(folder, { recursive: true, mode: privateMode });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new AppError('permission-denied', `${folder} belongs to somebody else.`, {
      path: folder,
      unharmed: 'Nothing was started.',
      advice: 'Set XDG_RUNTIME_DIR to a folder of your own.',
    });
  }
  if ((found.mode & 0o077) !== 0) chmodSync(folder, privateMode);
  return folder;
}

/** Bytes of a unix socket path that both Node and libvirt accept. */
export const maxSocketPathBytes = 100;

/** Where a folder's engine listens: in it, or in the runtime folder if that path is too long. */
export function socketPath(data: string, runtime: string): string {
  const near = join(data, 'engine.sock');
  if (Buffer.byteLength(near) <= maxSocketPathBytes) return near;
  const hash = createHash('sha256').update(data).digest('hex').slice(0, 16);
  const far = join(runtime, `engine-${hash}.sock`);
  if (Buffer.byteLength(far) <= maxSocketPathBytes) return far;
  throw new AppError('socket-path-too-long', `The path ${far} is too long for a socket.`, {
    path: far,
    maxBytes: maxSocketPathBytes,
    advice: 'Set XDG_RUNTIME_DIR to a folder with a shorter path.',
  });
}

/** Names in the data folder the socket that is elsewhere. */
export function pointerPath(data: string): string {
  return join(data, 'engine.sock.path');
}
