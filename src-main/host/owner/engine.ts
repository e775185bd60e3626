/** Starts the engine as this process's own, with its log in the data folder. */
import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AppInfo } from '#contract/app.ts';
import { lineLog, type Log } from '#engine/world/log.ts';
import { systemClock } from '#engine/world/clock.ts';
import { systemIds } from '#engine/world/ids.ts';
import { configFolder, runtimeFolder, type Environment } from './folders.ts';
import { ownLaunch } from './launch.ts';
import type { RunningEngine } from './session.ts';

/** One older log is kept beside it. */
const maxLogBytes = 4 * 1024 * 1024;

export const version = '0.1.0';

/** The log of a data folder: JSON lines, only for this user. */
export function openLog(dataFolder: string): Log {
  const path = join(dataFolder, 'waymark.log');
  let begun = false;
  const begin = () => {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) {
      renameSync(path, `${path}.1`);
    }
    begun = true;
  };
  const write = (line: string) => {
    try {
      if (!begun) begin();
      appendFileSync(path, line, { mode: 0o600 });
    } catch {
      // A full disk or a read-only folder: the log must not be what stops the program.
    }
  };
  const { ulid } = systemIds(systemClock);
  return lineLog(write, () => systemClock.now(), ulid);
}

/** What a bundle must be told of its surroundings; the sources find them themselves. */
function bundled(): { readonly workerUrl?: URL; readonly practiceResources?: string } {
  if (!import.meta.url.endsWith('.js')) return {};
  // Files inside an application archive are no files to a new thread or to QEMU.
  const here = fileURLToPath(import.meta.url).replace('/app.asar/', '/app.asar.unpacked/');
  // This code is in the entry or in a chunk below it, as the bundler likes.
  const folders = [join(here, '..'), join(here, '../..')];
  const worker = folders
    .map((folder) => join(folder, 'block-worker.js'))
    .find((path) => existsSync(path));
  const practice = [
    join((process as { resourcesPath?: string }).resourcesPath ?? '/nonexistent', 'practice'),
    ...folders.map((folder) => join(folder, '../../resources/practice')),
  ].find((path) => existsSync(path));
  return {
    ...(worker === undefined ? {} : { workerUrl: pathToFileURL(worker) }),
    ...(practice === undefined ? {} : { practiceResources: practice }),
  };
}

/** Creates, but does not start, the engine of a data folder. */
export async function createOwnEngine(
  dataFolder: string,
  front: AppInfo['front'],
  environment: Environment,
  log: Log,
): Promise<RunningEngine> {
  // Only when one is needed: help and usage errors answer without loading it.
  const { createEngine } = await import('#engine/engine.ts');
  const { realWorld } = await import('#engine/world/world.ts');
  const { uid, username } = userInfo();
  return createEngine(realWorld(log), {
    dataFolder,
    runtimeFolder: runtimeFolder(environment, uid),
    front,
    runsPlans: front !== 'command-line',
    version,
    user: username,
    configFolder: configFolder(environment),
    launch: ownLaunch(dataFolder),
    ...bundled(),
  });
}
