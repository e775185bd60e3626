/**
 * News on the desktop of whoever runs a service: by libnotify's notify-send, where it is installed.
 * In nobody's session, or on a computer without a desktop, nothing is shown and nothing said.
 */
import { execFile } from 'node:child_process';
import type { News } from '#contract/news.ts';

/** A notice is taken at once or never. */
const withinMs = 10_000;

/** The body of a notice may be read as markup: the specification of desktop notifications. */
function asText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function showNotice({ kind, title, body }: News): void {
  const urgency = kind === 'done' || kind === 'test' ? 'normal' : 'critical';
  const about = ['--app-name=Waymark', '--icon=waymark-desktop', `--urgency=${urgency}`];
  const child = execFile('notify-send', [...about, '--', title, asText(body)], {
    timeout: withinMs,
  });
  child.once('error', () => undefined); // it is not installed: there is no desktop to tell
}
