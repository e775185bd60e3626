import { dirname } from 'node:path';
import type { Files } from './files.ts';

/**
 * The nearest folder on the way up from `path` that exists: where space and rights can be asked.
 */
export async function nearestFolder(files: Files, path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((await files.stat(folder))?.kind === 'folder' || folder === dirname(folder)) return folder;
  }
}
