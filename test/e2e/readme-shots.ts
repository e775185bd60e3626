/**
 * The pictures of the README, of the real product: the first screen, a practice machine with a few
 * points and a snapshot, the steps of a revert, a plan that ran, the review of a restore.
 * `node test/e2e/readme-shots.ts`. Needs `vite build --app`, libvirt, QEMU and an installed
 * Chromium; the practice machine is removed afterwards.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { chromiumArguments, chromiumPath } from './chromium.ts';

const main = join(import.meta.dirname, '../../src-main/host/node/main.ts');
const pictures = join(import.meta.dirname, '../../resources/screenshots');
const viewport = { width: 1280, height: 800 };
const maxBytes = 200_000;
const patienceMs = 120_000;
/** So that no two points carry the same minute, and the guest has written in between. */
const betweenBackupsMs = 61_000;
const backups = 3;

const folder = mkdtempSync(join(tmpdir(), 'wm-shots-'));
const data = ['--data', join(folder, 'data')];
const env = { ...process.env, XDG_RUNTIME_DIR: folder };

function waymark(...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [main, ...args, ...data], { env, stdio: 'ignore' });
  return new Promise((resolve, reject) =>
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`waymark ${args.join(' ')} ended with ${code}`)),
    ),
  );
}

const server = spawn(process.execPath, [main, 'serve', '--no-open', ...data], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const link = await new Promise<string>((resolve) => {
  let out = '';
  server.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    const found = /http:\S+/.exec(out);
    if (found !== null) resolve(found[0]);
  });
});
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: chromiumArguments(),
});

async function picture(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, viewport.height - 1);
  const path = join(pictures, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  const { size } = statSync(path);
  if (size > maxBytes) throw new Error(`${name}.png has ${size} bytes, more than ${maxBytes}.`);
  console.log(`${name}.png: ${size} bytes`);
}

async function withoutToasts(page: Page): Promise<void> {
  const close = page.locator('.toasts').getByRole('button', { name: 'Close' });
  while ((await close.count()) > 0) await close.first().click();
}

async function snapshot(name: string): Promise<void> {
  await waymark('snapshot', 'create', 'waymark-practice', name, '--memory');
}

/** A checkpoint of the last backup stands in the way, as it does for everybody who backs up. */
async function revertPictures(page: Page): Promise<void> {
  await page.getByRole('radio', { name: 'Tree' }).click();
  await page.getByRole('treeitem', { name: /before-upgrade/ }).click();
  await page.getByRole('button', { name: 'Revert to this…' }).click();
  await page.getByRole('button', { name: 'Revert to before-upgrade' }).waitFor();
  await picture(page, 'revert');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('radio', { name: 'Timeline' }).click();
}

async function planPicture(page: Page): Promise<void> {
  await page.getByRole('link', { name: /^Plans/ }).click();
  await page.getByRole('link', { name: 'nightly' }).click();
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
  await picture(page, 'plan');
  await page.getByRole('link', { name: /^Machines/ }).click();
  await page.getByRole('link', { name: 'waymark-practice' }).click();
  await page.getByRole('heading', { name: 'waymark-practice' }).waitFor();
}

async function takeAll(page: Page): Promise<void> {
  await page.goto(link);
  await page.getByRole('button', { name: 'Create a practice machine' }).waitFor();
  await picture(page, 'first-run');
  await page.getByRole('button', { name: 'Create a practice machine' }).click();
  await page.getByRole('heading', { name: 'waymark-practice' }).waitFor();
  await waymark('plan', 'create', 'nightly', '--to', 'Practice');
  for (let count = 0; count < backups; count += 1) {
    if (count > 0) await page.waitForTimeout(betweenBackupsMs);
    if (count === 1) await snapshot('before-upgrade');
    await waymark('plan', 'run', 'nightly');
  }
  await page.getByRole('button', { name: 'Verify newest' }).click();
  await page.getByText('Every block read back').first().waitFor();
  await withoutToasts(page);
  await picture(page, 'machine');
  await revertPictures(page);
  await planPicture(page);
  await page
    .getByRole('row', { name: /Restore/ })
    .first()
    .click();
  await page
    .getByRole('button', { name: 'Restore from here…' })
    .or(page.getByRole('link', { name: 'Restore from here…' }))
    .click();
  await page.getByRole('button', { name: 'Next: Review' }).click();
  await page.getByRole('button', { name: 'Restore as new machine' }).waitFor();
  await page.getByText('Ready', { exact: true }).waitFor();
  await picture(page, 'restore');
}

try {
  mkdirSync(pictures, { recursive: true });
  const page = await browser.newPage({ viewport, colorScheme: 'light', locale: 'en-GB' });
  page.setDefaultTimeout(patienceMs);
  await takeAll(page);
} finally {
  await browser.close();
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  await ended;
  await waymark('practice', 'remove', '--yes');
  rmSync(folder, { recursive: true, force: true });
}
