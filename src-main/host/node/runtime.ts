/** Whether the desktop application can run here, and what starts it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasDisplay } from './browser.ts';
import type { Environment } from '../owner/folders.ts';

/** The package's root: the folder with node_modules and dist. */
export function packageRoot(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../..' : '../..';
  return fileURLToPath(new URL(up, import.meta.url));
}

/** Electron's own program and our bundle for it; null when one is missing. */
export function electronProgram(
  root = packageRoot(),
): { readonly path: string; readonly main: string } | null {
  const path = join(root, 'node_modules/electron/dist/electron');
  const main = join(root, 'dist/main/main.js');
  return existsSync(path) && existsSync(main) ? { path, main } : null;
}

/** Why the desktop application cannot run here, in words; null when it can. */
export function electronObstacle(
  environment: Environment,
  uid: number,
  program = electronProgram(),
): string | null {
  if (program === null) return 'the Electron runtime is not installed';
  if (!hasDisplay(environment)) return 'there is no display';
  if (uid === 0) return 'as root, Electron would run without its sandbox';
  return null;
}
