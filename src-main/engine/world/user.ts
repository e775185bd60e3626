import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';

/** Who runs this, and where libvirt's own client would look for this user's daemon. */
export interface CurrentUser {
  readonly name: string;
  readonly home: string;
  /** `$XDG_RUNTIME_DIR`, or null where there is no login session. */
  readonly runtimeFolder: string | null;
  /** `$XDG_CACHE_HOME`, or `~/.cache`. */
  readonly cacheFolder: string;
}

export function currentUser(): CurrentUser {
  const { username, homedir } = userInfo();
  const home = process.env['HOME'] ?? homedir;
  return {
    name: username,
    home,
    runtimeFolder: filled(process.env['XDG_RUNTIME_DIR']),
    cacheFolder: filled(process.env['XDG_CACHE_HOME']) ?? join(home, '.cache'),
  };
}

/** The name of this computer, to tell several apart. */
export function computerName(): string {
  return hostname();
}

function filled(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}
