/**
 * The installation id is written into every checkpoint; without it Waymark would take its own marks
 * for somebody else's and never remove them. So it is kept beside the catalog too, and a lost
 * catalog finds it again.
 */
import { join } from 'node:path';
import type { World } from '#engine/world/world.ts';
import { installationKey, type Settings } from './settings.ts';

export const installationFileName = 'installation-id';
const maxFileBytes = 256;

/** Makes the file and the setting agree; the file wins. */
export async function rememberInstallation(
  world: World,
  folder: string,
  settings: Settings,
): Promise<void> {
  const path = join(folder, installationFileName);
  const known = (await world.files.stat(path)) === null ? '' : await readId(world, path);
  if (/^[0-9A-Za-z-]{8,64}$/.test(known)) settings.set(installationKey, known);
  else await world.files.writeDurable(path, Buffer.from(`${settings.installation()}\n`));
}

async function readId(world: World, path: string): Promise<string> {
  return (await world.files.read(path, maxFileBytes)).toString('utf8').trim();
}
