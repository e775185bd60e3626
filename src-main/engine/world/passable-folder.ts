import { dirname } from 'node:path';
import type { Files } from './files.ts';

/** Others may pass through, and see nothing. */
const passable = 0o711;

/**
 * Makes a folder that a program of another user has to reach. Every folder made on the way lets it
 * pass, whatever our umask is; folders that were there keep their rights.
 */
export async function makePassableFolder(files: Files, path: string): Promise<void> {
  const made: string[] = [];
  for (let at = path; (await files.stat(at)) === null; at = dirname(at)) {
    made.push(at);
    if (at === dirname(at)) break;
  }
  await files.makeFolder(path);
  for (const folder of made) await files.chmod(folder, passable);
}
