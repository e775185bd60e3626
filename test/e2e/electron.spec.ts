/**
 * The desktop application itself: reads its hardening back from a running window. Needs an Electron
 * runtime and a display; without them every test is skipped and says why.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, expect, test, type ElectronApplication } from '@playwright/test';

const root = join(import.meta.dirname, '../..');
const program = join(root, 'node_modules/electron/dist/electron');
const main = join(root, 'dist/main/main.js');

function obstacle(): string | null {
  if (!existsSync(program)) return 'the Electron runtime is not installed';
  if (!existsSync(main)) return 'the application is not built: npm run build';
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if ((DISPLAY ?? '') === '' && (WAYLAND_DISPLAY ?? '') === '') return 'there is no display';
  if (process.getuid?.() === 0) return 'as root, Electron would run without its sandbox';
  return null;
}

const reason = obstacle();
if (reason !== null) console.log(`Skipped, the electron project: ${reason}.`);
test.skip(reason !== null, reason ?? '');

let folder: string;
let app: ElectronApplication;
test.beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waymark-electron-'));
  app = await _electron.launch({ executablePath: program, args: [main, `--data=${folder}`] });
});
test.afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

test('opens a window on its own scheme, without any page error', async () => {
  const window = await app.firstWindow();
  const problems: string[] = [];
  window.on('pageerror', (error) => problems.push(error.message));
  window.on('console', (line) => {
    if (line.type() === 'error') problems.push(line.text());
  });
  await expect(window.getByRole('heading', { level: 1 })).toBeVisible();
  expect(window.url()).toMatch(/^app:\/\/bundle\//);
  expect(problems).toEqual([]);
});

test('has an isolated, sandboxed window with two functions and nothing more', async () => {
  const window = await app.firstWindow();
  const given = await window.evaluate(() => {
    const page = globalThis as unknown as Record<string, unknown>;
    return {
      bridge: Object.keys(page['bridge'] as object).sort(),
      node: ['require', 'process', 'module', 'Buffer'].filter((name) => name in page),
    };
  });
  expect(given).toEqual({ bridge: ['invoke', 'subscribe'], node: [] });
  const preferences = await app.evaluate(({ webContents }) => {
    const [contents] = webContents.getAllWebContents();
    const read = contents as unknown as { getLastWebPreferences(): Record<string, unknown> };
    return read.getLastWebPreferences();
  });
  expect(preferences).toMatchObject({
    contextIsolation: true,
    nodeIntegration: false,
    sandbox: true,
    webSecurity: true,
  });
});

test('goes nowhere else and opens no other window', async () => {
  const window = await app.firstWindow();
  const before = window.url();
  await window.evaluate(() => {
    globalThis.open('https://example.org/');
    globalThis.location.href = 'https://example.org/';
  });
  await expect.poll(() => app.windows().length).toBe(1);
  expect(window.url()).toBe(before);
});

test('keeps the folder of its files', async () => {
  const window = await app.firstWindow();
  const statuses = await window.evaluate(async () => {
    const paths = ['/..%2f..%2fpackage.json', '/%2e%2e/package.json', '/missing.js'];
    return Promise.all(paths.map(async (path) => (await fetch(path)).status));
  });
  expect(statuses).toEqual([404, 404, 404]);
});
