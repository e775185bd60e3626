/** What every spec begins with: its own server in a named state, an ear for CSP trouble. */
import { test as base, expect, type Page } from '@playwright/test';
import type { DemoStateName } from '../fakes/demo-state.ts';
import { startDemoServer, type DemoServer } from './demo-server.ts';

interface Fixtures {
  /** Starting state; `test.use({ state: … })`. */
  readonly state: DemoStateName;
  readonly server: DemoServer;
  /** Open at the first screen. Fails the test on any console error or policy violation. */
  readonly app: Page;
}

export const test = base.extend<Fixtures>({
  state: ['full', { option: true }],
  server: async ({ state }, use) => {
    const server = await startDemoServer({ state, secondsPerJob: 2 });
    await use(server);
    await server.stop();
  },
  app: async ({ page, server }, use) => {
    const trouble: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') trouble.push(message.text());
    });
    page.on('pageerror', (error) => trouble.push(error.message));
    await page.goto(server.link);
    await use(page);
    expect(trouble).toEqual([]);
  },
});

export { expect };
