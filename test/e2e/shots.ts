/**
 * Pictures of every screen, 1280 × 800 and 800 × 600, light and dark, to look at:
 * `node test/e2e/shots.ts FOLDER [name…]`. Needs `vite build --app` and an installed Chromium.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import type { DemoStateName } from '../fakes/demo-state.ts';
import { startDemoServer } from './demo-server.ts';
import { chromiumPath } from './chromium.ts';
import { screens } from './screens.ts';

const sizes = [
  { width: 1280, height: 800 },
  { width: 800, height: 600 },
] as const;
const patienceMs = 4_000;
const themes = ['light', 'dark'] as const;

const [folder, ...wanted] = process.argv.slice(2);
if (folder === undefined) throw new Error('Say where the pictures go.');
mkdirSync(folder, { recursive: true });

const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});

async function shoot(
  name: string,
  state: DemoStateName,
  open: (page: Page) => Promise<void>,
): Promise<void> {
  for (const viewport of sizes) {
    for (const colorScheme of themes) {
      // Its own server: a picture that starts a job must not be in the next one.
      const server = await startDemoServer({ state, secondsPerJob: 60 });
      const page = await browser.newPage({ viewport, colorScheme });
      page.setDefaultTimeout(patienceMs);
      page.on('console', (message) => {
        if (message.type() === 'error') console.error(`${name}: ${message.text()}`);
      });
      page.on('pageerror', (error) => console.error(`${name}: ${error.message}`));
      await page.goto(server.link);
      await open(page);
      await page.waitForTimeout(150);
      await page.screenshot({
        path: join(folder ?? '', `${name}-${colorScheme}-${viewport.width}.png`),
      });
      await page.close();
      await server.stop();
    }
  }
  console.log(name);
}

for (const screen of screens) {
  if (wanted.length > 0 && !wanted.includes(screen.name)) continue;
  await shoot(screen.name, screen.state, screen.open).catch((error: unknown) =>
    console.error(`${screen.name}: ${String(error)}`),
  );
}
await browser.close();
