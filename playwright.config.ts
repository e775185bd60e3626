/**
 * The same specs for both ways in. `browser` drives the interface in an installed Chromium, served
 * by the real loopback host with a pretend engine; `electron` needs an Electron runtime.
 */
import { defineConfig } from '@playwright/test';
import { chromiumArguments, chromiumPath } from './test/e2e/chromium.ts';

export default defineConfig({
  testDir: 'test/e2e',
  timeout: 60_000,
  expect: { timeout: 15_000 },
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  reporter: 'list',
  use: {
    actionTimeout: 15_000,
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    screenshot: 'only-on-failure',
  },
  projects: [
    {
      name: 'browser',
      outputDir: 'test-results/browser',
      testIgnore: /electron\.spec\.ts$/,
      use: {
        browserName: 'chromium',
        launchOptions: { executablePath: chromiumPath(), args: chromiumArguments() },
      },
    },
    { name: 'electron', outputDir: 'test-results/electron', testMatch: /electron\.spec\.ts$/ },
  ],
});
