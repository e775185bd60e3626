/** A desktop file that starts Waymark when this user logs in to a desktop. */
import { join } from 'node:path';
import type { Background } from '#contract/news.ts';
import type { Files } from '#engine/world/files.ts';
import { autostartText, isSwitchedOff } from './unit-file.ts';

export interface Autostart {
  state(): Promise<Background['autostart']>;
  install(): Promise<void>;
  /** Not there is fine. */
  remove(): Promise<void>;
}

const maxFileBytes = 64 * 1024;

/** @param command what is started, with its arguments. */
export function createAutostart(
  files: Files,
  configFolder: string,
  command: readonly string[],
): Autostart {
  const folder = join(configFolder, 'autostart');
  const path = join(folder, 'waymark.desktop');
  return {
    state: async () => {
      if ((await files.stat(path)) === null) return { installed: false, path };
      const text = (await files.read(path, maxFileBytes)).toString();
      return { installed: !isSwitchedOff(text), path };
    },
    install: async () => {
      await files.makeFolder(folder);
      await files.writeDurable(path, Buffer.from(autostartText(command)));
    },
    remove: () => files.remove(path),
  };
}
