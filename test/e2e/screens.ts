/** Every screen and dialog, by name: the state it starts in and the way there. */
import type { Page } from '@playwright/test';
import type { DemoStateName } from '../fakes/demo-state.ts';
import { actionScreens } from './action-screens.ts';
import { planScreens } from './plan-screens.ts';
import { workScreens } from './work-screens.ts';

export interface Screen {
  readonly name: string;
  readonly state: DemoStateName;
  readonly open: (page: Page) => Promise<void>;
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const link = (page: Page, name: string | RegExp) => page.getByRole('link', { name });

async function fillFolder(page: Page, path: string): Promise<void> {
  await page.getByLabel('Folder', { exact: true }).fill(path);
  await page
    .getByText(/free\./)
    .first()
    .waitFor();
}

async function toRepositories(page: Page): Promise<void> {
  await link(page, /^Repositories/).click();
  await page.getByRole('heading', { name: 'Repositories' }).waitFor();
}

export async function toKeyStep(page: Page): Promise<void> {
  await toRepositories(page);
  await button(page, 'Create repository…').first().click();
  await fillFolder(page, '/srv/new-disk/points');
  await page.getByLabel('Name', { exact: true }).fill('cellar');
  await button(page, 'Next: Protection').click();
  await page.getByRole('heading', { name: /Who may read/ }).waitFor();
}

export async function toSheet(page: Page): Promise<void> {
  await toKeyStep(page);
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
  await button(page, 'Create repository').click();
  await page.getByText('Recovery sheet').first().waitFor();
  await page.getByRole('list', { name: 'Recovery code' }).waitFor();
}

export const screens: readonly Screen[] = [
  {
    name: 'first-run',
    state: 'first-run',
    open: async (page) => {
      await button(page, 'Connect to this computer').waitFor();
    },
  },
  {
    name: 'first-run-failed',
    state: 'not-running',
    open: async (page) => {
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'first-run-permission',
    state: 'no-permission',
    open: async (page) => {
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'first-run-practice',
    state: 'first-run',
    open: async (page) => {
      await button(page, 'Create a practice machine').click();
      await page.getByRole('progressbar').first().waitFor();
    },
  },
  {
    name: 'machines',
    state: 'full',
    open: async (page) => {
      await page.getByRole('row', { name: /mail/ }).waitFor();
    },
  },
  {
    name: 'machines-forty',
    state: 'forty',
    open: async (page) => {
      await page.getByRole('row', { name: /mail/ }).first().waitFor();
    },
  },
  {
    name: 'machines-no-match',
    state: 'full',
    open: async (page) => {
      await page.getByRole('searchbox').fill('postgers');
      await page.getByText('No machine matches').waitFor();
    },
  },
  {
    name: 'machines-menu',
    state: 'full',
    open: async (page) => {
      await button(page, 'Actions for old-crm').click();
      await page.getByRole('menu').waitFor();
    },
  },
  {
    name: 'host',
    state: 'full',
    open: async (page) => {
      await link(page, /rack/).first().click();
      await page.getByText('qemu+ssh://marek@rack/system').first().waitFor();
    },
  },
  {
    name: 'add-host',
    state: 'full',
    open: async (page) => {
      await button(page, 'Add host…').first().click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'add-host-failed',
    state: 'full',
    open: async (page) => {
      await button(page, 'Add host…').first().click();
      await page.getByLabel('Address', { exact: true }).fill('qemu+ssh://nowhere/system');
      await button(page, 'Add host').last().click();
      await page.getByRole('alert').waitFor();
    },
  },
  { name: 'repositories', state: 'full', open: toRepositories },
  {
    name: 'repositories-empty',
    state: 'not-running',
    open: async (page) => {
      await page.evaluate(() => (window.location.hash = '#/repositories'));
      await page.getByText('No repositories yet').waitFor();
    },
  },
  {
    name: 'repository',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await link(page, 'attic').click();
      await page.getByRole('table', { name: 'Machines in it' }).waitFor();
      await page.getByRole('table', { name: 'Removed points' }).waitFor();
    },
  },
  {
    name: 'clean-up',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await link(page, 'attic').click();
      await button(page, 'Clean up…').click();
      await page.getByText(/^Frees/).waitFor();
    },
  },
  {
    name: 'repository-unavailable',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await link(page, 'usb-vault').click();
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'verify-repository',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await link(page, 'attic').click();
      await button(page, 'Verify…').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'forget-repository',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await link(page, 'attic').click();
      await button(page, 'Actions for attic').click();
      await page.getByRole('menuitem', { name: 'Forget repository…' }).click();
      await page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'create-repository',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await button(page, 'Create repository…').first().click();
      await fillFolder(page, '/srv/new-disk/points');
    },
  },
  {
    name: 'create-repository-wrong',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await button(page, 'Create repository…').first().click();
      await button(page, 'Next: Protection').click();
      await page.getByText('A folder is needed.').waitFor();
    },
  },
  { name: 'create-repository-key', state: 'full', open: toKeyStep },
  {
    name: 'create-repository-open',
    state: 'full',
    open: async (page) => {
      await toKeyStep(page);
      await page.getByRole('radio', { name: /Not encrypted/ }).check();
    },
  },
  { name: 'recovery-sheet', state: 'full', open: toSheet },
  {
    name: 'open-repository',
    state: 'full',
    open: async (page) => {
      await toRepositories(page);
      await button(page, 'Open existing…').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'settings',
    state: 'full',
    open: async (page) => {
      await link(page, 'Settings').click();
      await page.getByText('Data folder').first().waitFor();
      await page.getByLabel('To', { exact: true }).waitFor();
    },
  },
  {
    name: 'settings-news',
    state: 'full',
    open: async (page) => {
      await link(page, 'Settings').click();
      await page.getByRole('switch', { name: /web address/ }).click();
      await page.getByLabel('Address', { exact: true }).fill('https://nowhere.example/hook');
      await button(page, 'Send a test: Call a web address').click();
      await page.getByText('The test was not sent').waitFor();
    },
  },
  {
    name: 'settings-background',
    state: 'full',
    open: async (page) => {
      await link(page, 'Settings').click();
      await button(page, 'Install').click();
      await page.getByText('Alive', { exact: true }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'shortcuts',
    state: 'full',
    open: async (page) => {
      await page.keyboard.press('F1');
      await page.getByRole('dialog').waitFor();
    },
  },
  ...planScreens,
  ...workScreens,
  ...actionScreens,
];
