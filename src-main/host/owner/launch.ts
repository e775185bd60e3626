/** How this copy of Waymark is started: what a service and an autostart entry are made of. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Launch {
  /** Runs the `waymark` command; its arguments come after. */
  readonly command: readonly string[];
  /** Starts the desktop application without a window; null where there is none. */
  readonly desktop: readonly string[] | null;
}

export interface LaunchFacts {
  /** process.execPath: Node, or Electron, also where it runs as Node. */
  readonly program: string;
  readonly electron: boolean;
  /** Electron's folder of resources; null outside Electron. */
  readonly resources: string | null;
  /** This very file, as it is in the sources or in a bundle. */
  readonly here: string;
  readonly exists: (path: string) => boolean;
}

/** @param dataFolder the folder that what is started later works on, too. */
export function launchOf(facts: LaunchFacts, dataFolder: string): Launch {
  const background = ['--background', `--data=${dataFolder}`];
  const installed = facts.resources === null ? null : join(facts.resources, 'waymark');
  if (installed !== null && facts.exists(installed)) {
    const program = join(dirname(facts.resources ?? ''), 'waymark-desktop');
    return { command: [installed], desktop: [program, ...background] };
  }
  const root = rootOf(facts);
  const electron = join(root, 'node_modules/electron/dist/electron');
  const main = join(root, 'dist/main/main.js');
  const hasDesktop = facts.exists(electron) && facts.exists(main);
  return {
    command: [...nodeOf(facts, root), entryOf(facts, root)],
    desktop: hasDesktop ? [electron, main, ...background] : null,
  };
}

/** The folder with node_modules: above the sources, or above the bundles. */
function rootOf({ here, exists }: LaunchFacts): string {
  let folder = dirname(here);
  while (!exists(join(folder, 'package.json')) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return folder;
}

/** Sources under node_modules cannot be run, but the tree's own can. */
function entryOf({ here, exists }: LaunchFacts, root: string): string {
  const source = join(root, 'src-main/host/node/main.ts');
  const bundle = join(root, 'dist/node/main.js');
  return here.endsWith('.ts') || !exists(bundle) ? source : bundle;
}

function nodeOf({ program, electron, exists }: LaunchFacts, root: string): readonly string[] {
  if (!electron) return [program];
  const own = join(root, 'node_modules/.bin/node');
  return exists(own) ? [own] : ['/usr/bin/env', 'ELECTRON_RUN_AS_NODE=1', program];
}

/** This process's own. */
export function ownLaunch(dataFolder: string): Launch {
  const { execPath, versions } = process;
  const electron = 'electron' in versions;
  const resources = (process as { readonly resourcesPath?: string }).resourcesPath;
  return launchOf(
    {
      program: execPath,
      electron,
      resources: electron ? (resources ?? null) : null,
      here: fileURLToPath(import.meta.url),
      exists: existsSync,
    },
    dataFolder,
  );
}
