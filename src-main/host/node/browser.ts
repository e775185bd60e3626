/**
 * Opens the interface in an installed Chromium as an app window. The link holds the token, and a
 * link on a command line can be read by every user of this computer: so the browser is given a file
 * only this user can read, which leads on to the link.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Environment } from '../owner/folders.ts';

const browsers = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'brave-browser',
];

/** The first Chromium in the PATH, as a full path; null without one. */
export function findBrowser(environment: Environment): string | null {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of browsers) {
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not there; the next folder may have it.
      }
    }
  }
  return null;
}

export function hasDisplay(environment: Environment): boolean {
  return [environment['DISPLAY'], environment['WAYLAND_DISPLAY']].some(
    (value) => value !== undefined && value !== '',
  );
}

/** A page that leads on to `link`, in a new folder of mode 0700; returns its path. */
export function writeRedirect(runtimeFolder: string, link: string): string {
  const folder = mkdtempSync(join(runtimeFolder, 'open-'));
  const path = join(folder, 'waymark.html');
  const page =
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">' +
    `<title>Waymark</title><meta http-equiv="refresh" content="0;url=${link}">\n`;
  writeFileSync(path, page, { mode: 0o600, flag: 'wx' });
  return path;
}

/** Opens `link`; true when a browser was started. The redirect file goes when `end` is called. */
export function openWindow(
  browser: string,
  runtimeFolder: string,
  link: string,
): { readonly end: () => void } {
  const page = writeRedirect(runtimeFolder, link);
  const child = spawn(browser, [`--app=${pathToFileURL(page).href}`], {
    detached: true,
    stdio: 'ignore',
  });
  child.on('error', () => undefined); // it was there a moment ago; the link is printed anyway
  child.unref();
  return {
    end: () => {
      rmSync(join(page, '..'), { recursive: true, force: true });
    },
  };
}
