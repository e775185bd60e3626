/** The screens of the work itself: machine, backup, restore, jobs, history. */
import type { Page } from '@playwright/test';
import type { Screen } from './screens.ts';

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const link = (page: Page, name: string | RegExp) => page.getByRole('link', { name });

export async function openMachine(page: Page, name: string): Promise<void> {
  await link(page, name).first().click();
  await page.getByRole('region', { name: `Timeline of ${name}` }).waitFor();
}

/** Opens the wizard on its review, because machine and repository are known. */
export async function openBackup(page: Page, name: string): Promise<void> {
  await openMachine(page, name);
  await link(page, 'Back up').click();
  await page.getByRole('heading', { name: /Check, then back up/ }).waitFor();
}

/** Opens the wizard on Where, from the selected point. */
export async function openRestore(page: Page, name: string): Promise<void> {
  await openMachine(page, name);
  await link(page, 'Restore from here…').click();
  await page.getByRole('heading', { name: /Where should it go/ }).waitFor();
}

export async function startBackup(page: Page, name: string): Promise<void> {
  await openBackup(page, name);
  await button(page, 'Start backup').click();
  await page.getByRole('heading', { name: new RegExp(`Back up ${name}`) }).waitFor();
}

async function zoom(page: Page, name: string): Promise<void> {
  await openMachine(page, 'nextcloud');
  await page.getByRole('radio', { name, exact: true }).click();
}

async function select(page: Page, name: RegExp): Promise<void> {
  await openMachine(page, 'nextcloud');
  await page.getByRole('row', { name }).first().click();
}

/** Chooses one of the forms points are shown in. */
export async function showAs(page: Page, form: 'Timeline' | 'Tree' | 'List'): Promise<void> {
  await page.getByRole('radio', { name: form, exact: true }).click();
}

export async function openTree(page: Page, name: string): Promise<void> {
  await openMachine(page, name);
  await showAs(page, 'Tree');
  await page.getByRole('tree', { name: `Snapshots of ${name}` }).waitFor();
}

const machineScreens: readonly Screen[] = [
  { name: 'machine-tree', state: 'full', open: (page) => openTree(page, 'debian-dev') },
  { name: 'machine-tree-thousand', state: 'thousand', open: (page) => openTree(page, 'nextcloud') },
  {
    name: 'machine-tree-empty',
    state: 'full',
    open: async (page) => {
      await openMachine(page, 'old-crm');
      await showAs(page, 'Tree');
      await page.getByText('No snapshots yet').waitFor();
    },
  },
  {
    name: 'machine-list',
    state: 'full',
    open: async (page) => {
      await openMachine(page, 'debian-dev');
      await showAs(page, 'List');
      await page.getByRole('button', { name: 'Good for' }).click();
    },
  },
  {
    name: 'machine-tree-menu',
    state: 'full',
    open: async (page) => {
      await openTree(page, 'debian-dev');
      await page.getByRole('treeitem', { name: /trixie-first-try/ }).click();
      await page.keyboard.press('Shift+F10');
      await page.getByRole('menu').waitFor();
    },
  },
  { name: 'machine-branches', state: 'full', open: (page) => openMachine(page, 'debian-dev') },
  { name: 'machine-reverted', state: 'full', open: (page) => openMachine(page, 'gitea') },
  {
    name: 'machine-lost',
    state: 'full',
    open: async (page) => {
      await openMachine(page, 'home-assistant');
      await page.getByText('Lost by the revert to').waitFor();
    },
  },
  {
    name: 'machine-broken',
    state: 'full',
    open: async (page) => {
      await openTree(page, 'jenkins');
      await page.getByRole('treeitem', { name: /before-plugin-24/ }).click();
      await page.keyboard.press('Home');
      await page.getByRole('treeitem', { name: /before-plugin-2 / }).click();
      await page.getByText('not there any more').first().waitFor();
    },
  },
  {
    name: 'machine-reference-broken',
    state: 'full',
    open: async (page) => {
      await openMachine(page, 'jenkins');
      await page.getByRole('row', { name: /Reference only/ }).click();
      await page.getByText('QEMU was killed').first().waitFor();
    },
  },
];

export const workScreens: readonly Screen[] = [
  ...machineScreens,
  { name: 'machine-never', state: 'full', open: (page) => openMachine(page, 'old-crm') },
  { name: 'machine-failing', state: 'full', open: (page) => openMachine(page, 'mail') },
  { name: 'machine-day', state: 'full', open: (page) => zoom(page, 'Day') },
  { name: 'machine-week', state: 'full', open: (page) => zoom(page, 'Week') },
  { name: 'machine-year', state: 'full', open: (page) => zoom(page, 'Year') },
  { name: 'machine-snapshot', state: 'full', open: (page) => select(page, /before-upgrade/) },
  { name: 'machine-checkpoint', state: 'full', open: (page) => select(page, /Reference only/) },
  {
    name: 'delete-point',
    state: 'full',
    open: async (page) => {
      await openMachine(page, 'nextcloud');
      await button(page, 'Delete restore point…').click();
      await page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'backup-what',
    state: 'full',
    open: async (page) => {
      await openBackup(page, 'nextcloud');
      await button(page, 'Edit what is backed up').click();
      await page.getByLabel('Machine', { exact: true }).waitFor();
    },
  },
  {
    name: 'backup-where',
    state: 'full',
    open: async (page) => {
      await openBackup(page, 'nextcloud');
      await button(page, 'Edit where it goes').click();
      await page.getByRole('radio', { name: /attic/ }).waitFor();
    },
  },
  {
    name: 'backup-review',
    state: 'full',
    open: async (page) => {
      await openBackup(page, 'nextcloud');
      await button(page, 'Show what will run').click();
    },
  },
  {
    name: 'backup-blocked',
    state: 'full',
    open: async (page) => {
      await openBackup(page, 'win11-tax');
      await page.getByText('1 to fix').waitFor();
    },
  },
  {
    name: 'restore-point',
    state: 'full',
    open: async (page) => {
      await openMachine(page, 'nextcloud');
      await link(page, 'Restore…').click();
      await page.getByRole('heading', { name: /Which point in time/ }).waitFor();
      await page.getByRole('radio').first().waitFor();
    },
  },
  {
    name: 'restore-what',
    state: 'full',
    open: async (page) => {
      await openRestore(page, 'nextcloud');
      await page.getByRole('button', { name: 'Back', exact: true }).click();
      await page.getByRole('radio', { name: /One disk/ }).check();
    },
  },
  { name: 'restore-where', state: 'full', open: (page) => openRestore(page, 'nextcloud') },
  {
    name: 'restore-images',
    state: 'full',
    open: async (page) => {
      await openRestore(page, 'nextcloud');
      await page.getByRole('radio', { name: /Disks only/ }).check();
      await button(page, 'Next: Review').click();
      await page.getByText('Give the full path').waitFor();
    },
  },
  {
    name: 'restore-review',
    state: 'full',
    open: async (page) => {
      await openRestore(page, 'nextcloud');
      await button(page, 'Next: Review').click();
      await button(page, 'Show what will run').click();
    },
  },
  {
    name: 'job-running',
    state: 'full',
    open: async (page) => {
      await startBackup(page, 'nextcloud');
      await page.getByRole('progressbar').first().waitFor();
    },
  },
  {
    name: 'job-strip',
    state: 'full',
    open: async (page) => {
      await startBackup(page, 'nextcloud');
      await link(page, 'Machines').click();
      await page.getByRole('region', { name: 'Running job' }).waitFor();
    },
  },
  {
    name: 'job-cancel',
    state: 'full',
    open: async (page) => {
      await startBackup(page, 'nextcloud');
      await button(page, /^Cancel Back up nextcloud/).click();
      await page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'jobs-active',
    state: 'full',
    open: async (page) => {
      await startBackup(page, 'nextcloud');
      await link(page, /^Jobs/).click();
      await page.getByRole('heading', { name: 'Running and waiting' }).waitFor();
    },
  },
  {
    name: 'history-open',
    state: 'full',
    open: async (page) => {
      await link(page, 'History').click();
      await page.getByRole('radio', { name: 'With problems' }).click();
      await page
        .getByRole('row', { name: /Failed/ })
        .first()
        .click();
      await page.getByRole('alert').waitFor();
    },
  },
];
