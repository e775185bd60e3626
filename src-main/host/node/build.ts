/**
 * In the source tree `start` builds the interface when it is missing or older than its sources, so
 * that `npm start` is all a fresh clone needs. Installed copies carry it built.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '#contract/errors.ts';

const sourceFolders = ['src-renderer', 'src-main'];
const sourceFiles = ['vite.config.ts', 'package-lock.json'];

/** Whether the built page is there and newer than everything it is built from. */
export function isBuilt(root: string): boolean {
  const page = statSync(join(root, 'dist/renderer/index.html'), { throwIfNoEntry: false });
  if (page === undefined) return false;
  const inFolders = sourceFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(root, folder, name),
    ),
  );
  const files = [...inFolders, ...sourceFiles.map((name) => join(root, name))];
  return files.every((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined || !found.isFile() || found.mtimeMs <= page.mtimeMs;
  });
}

/** The source tree's builder; null in an installed copy, which has none and needs none. */
export function builderOf(root: string): string | null {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  return existsSync(vite) && existsSync(join(root, 'vite.config.ts')) ? vite : null;
}

/** Builds all entries; what the builder says goes to stderr. */
export function build(root: string, builder: string): Promise<void> {
  const args = [builder, 'build', '--app', '--logLevel', 'warn'];
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    // Of a production build, whatever the shell was set to.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else {
        const advice = 'Read what the builder said above; npm ci brings its packages.';
        const data = { advice, unharmed: 'Nothing was started.' };
        reject(new AppError('internal', 'The interface could not be built.', data));
      }
    });
  });
}
