/** The Chromium a person has installed; Playwright's own is not downloaded. */
import { existsSync } from 'node:fs';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
];

export function chromiumPath(): string {
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error('No Chromium is installed: apt install chromium.');
  return found;
}

/** Chromium refuses its sandbox to root. */
export function chromiumArguments(): string[] {
  return process.getuid?.() === 0 ? ['--no-sandbox'] : [];
}
