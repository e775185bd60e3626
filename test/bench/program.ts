/**
 * Our program as people have it: the bundle an installed copy runs, built from this tree first. The
 * TypeScript sources do the same and take longer to start.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** What Node runs for the command line. */
export const mainPath = join(root, 'dist/node/main.js');

/** Builds all bundles, the interface too; throws with the builder's words. */
export function buildProgram(): void {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  execFileSync(process.execPath, [vite, 'build', '--app'], { cwd: root, stdio: 'pipe' });
}
