/** What is known of the practice machine while nothing of it runs: one small file. */
import { AppError, hasCode } from '#contract/errors.ts';
import type { Files } from '#engine/world/files.ts';

/** libvirt's session of this user, or a daemon of our own. */
export type HostChoice = 'session' | 'private';

export interface Remembered {
  readonly host: HostChoice;
  /** Null when the machine was removed but its host was kept for others. */
  readonly uuid: string | null;
}

const maxBytes = 4096;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Null when nothing was ever made. Throws `file-failed` on a file that Waymark did not write. */
export async function readRemembered(files: Files, path: string): Promise<Remembered | null> {
  let text: string;
  try {
    text = (await files.read(path, maxBytes)).toString();
  } catch (thrown) {
    if (hasCode(thrown, 'path-not-found')) return null;
    throw thrown;
  }
  const remembered = parseRemembered(text);
  if (remembered !== null) return remembered;
  throw new AppError('file-failed', `${path} cannot be understood.`, {
    path,
    unharmed: 'The practice machine itself was not touched.',
    advice: `Remove ${path}, then create the practice machine again.`,
  });
}

export function parseRemembered(text: string): Remembered | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return null;
    throw thrown;
  }
  if (typeof json !== 'object' || json === null) return null;
  const { host, uuid } = json as Record<string, unknown>;
  if (host !== 'session' && host !== 'private') return null;
  if (uuid === null) return { host, uuid };
  return typeof uuid === 'string' && uuidPattern.test(uuid) ? { host, uuid } : null;
}

export function formatRemembered(remembered: Remembered): Buffer {
  return Buffer.from(JSON.stringify(remembered));
}
