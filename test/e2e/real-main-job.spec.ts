/**
 * The main job as a person does it, with nothing pretended: real libvirt, QEMU and repository
 * behind the real loopback host. From a fresh start to a first backup in three clicks, then an
 * encrypted repository, a second backup that reads only what changed, and the older point as a
 * new machine.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';

const main = join(import.meta.dirname, '../../src-main/host/node/main.ts');
const missing = ['/usr/sbin/libvirtd', '/usr/bin/qemu-system-x86_64'].filter(
  (at) => !existsSync(at),
);
const limit = { timeout: 60_000 };

test.describe('the main job', () => {
  test.skip(missing.length > 0, `not installed: ${missing.join(', ')}`);
  test.setTimeout(240_000);
  test.use({ actionTimeout: 20_000 });
  let folder: string;
  let server: ChildProcess;
  let link: string;

  test.beforeEach(async () => {
    folder = mkdtempSync('/tmp/wm-p-');
    const args = [main, 'serve', '--no-open', '--data', join(folder, 'data')];
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    server = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    link = await new Promise<string>((resolve) => {
      let out = '';
      server.stdout?.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        const found = /http:\S+/.exec(out);
        if (found !== null) resolve(found[0]);
      });
    });
  });

  test.afterEach(async () => {
    const ended = new Promise((resolve) => server.on('exit', resolve));
    server.kill('SIGTERM');
    await ended;
    await run('practice', 'remove', '--yes');
    rmSync(folder, { recursive: true, force: true });
  });

  function run(...args: readonly string[]): Promise<number | null> {
    const all = [main, ...args, '--data', join(folder, 'data')];
    const child = spawn(process.execPath, all, {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdio: 'ignore',
    });
    return new Promise((resolve) => child.on('exit', resolve));
  }

  const named = (page: Page, name: string | RegExp) =>
    page.getByRole('button', { name }).or(page.getByRole('link', { name })).first();

  async function toMachine(page: Page): Promise<void> {
    await page.getByRole('link', { name: /^Machines/ }).click();
    await page.getByText('waymark-practice', { exact: true }).first().click();
    await page.getByRole('heading', { name: 'waymark-practice' }).waitFor();
  }

  test('create, back up, back up again, restore the older point', async ({ page }) => {
    const trouble: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') trouble.push(message.text());
    });
    await page.goto(link);
    await page.getByRole('button', { name: 'Create a practice machine' }).click(); // click 1
    await page.getByRole('heading', { name: 'waymark-practice' }).waitFor(limit);
    await named(page, 'Back up').click(); // click 2
    await page.getByRole('button', { name: 'Start backup' }).click(limit); // click 3
    await page.getByText(/is complete in Practice/).waitFor(limit);

    await test.step('an encrypted repository, its recovery sheet postponed', async () => {
      await page.getByRole('link', { name: /^Repositories/ }).click();
      await page.getByRole('button', { name: 'Create repository…' }).first().click();
      await page.getByLabel('Folder', { exact: true }).fill(join(folder, 'attic'));
      await page.getByText(/It will be created/).waitFor();
      await page.keyboard.press('Tab');
      await expect(page.getByLabel('Name', { exact: true })).toHaveValue('attic');
      await page.getByRole('button', { name: 'Next: Protection' }).click();
      await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
      await page.getByRole('button', { name: 'Create repository' }).click();
      await page.getByText('Recovery sheet').first().waitFor(limit);
      await page.getByRole('button', { name: 'Later', exact: true }).click(limit);
      await page.getByRole('button', { name: 'Leave without it' }).click();
      await page.getByRole('heading', { name: 'attic' }).waitFor();
    });

    await test.step('two backups into it', async () => {
      for (const mode of [/first backup of this disk/, /only what changed/i]) {
        await toMachine(page);
        await named(page, 'Back up').click();
        await page
          .getByRole('button', { name: 'Edit Where' })
          .or(named(page, /Edit.*Where/))
          .first()
          .click();
        await page.getByRole('radio', { name: /^attic/ }).check({ force: true });
        await page.getByRole('button', { name: /^Next/ }).click();
        await page.getByRole('button', { name: 'Start backup' }).click(limit);
        await page.getByText(/is complete in attic/).waitFor(limit);
        await expect(page.getByText(mode).first()).toBeVisible();
      }
    });

    await test.step('the older point of attic as a new machine', async () => {
      await toMachine(page);
      await named(page, 'Restore…').click();
      await page.getByRole('radio').nth(1).click();
      for (const step of ['What', 'Where', 'Review']) {
        await page.getByRole('button', { name: `Next: ${step}` }).click();
      }
      await page.getByRole('button', { name: 'Restore as new machine' }).click(limit);
      await page.getByText(/Restored and read back/).waitFor(limit);
      await page.getByRole('link', { name: /^Machines/ }).click();
      await expect(page.getByText('waymark-practice-restored').first()).toBeVisible();
    });
    expect(trouble).toEqual([]);
  });
});
