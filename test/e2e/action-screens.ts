/** The dialogs that ask before snapshots and checkpoints change, each in a state that shows it. */
import type { Page } from '@playwright/test';
import type { Screen } from './screens.ts';
import { openMachine } from './work-screens.ts';

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const alertDialog = (page: Page) => page.getByRole('alertdialog');

/** The inspector of one snapshot, with its buttons. */
export async function openSnapshot(page: Page, machine: string, snapshot: string): Promise<void> {
  await openMachine(page, machine);
  await page
    .getByRole('row', { name: new RegExp(snapshot) })
    .first()
    .click();
  await button(page, 'Revert to this…').waitFor();
}

/** The pre-flight of a revert, with its plan. */
export async function askRevert(page: Page, machine: string, snapshot: string): Promise<void> {
  await openSnapshot(page, machine, snapshot);
  await button(page, 'Revert to this…').click();
  await alertDialog(page).getByText('Keep where I am now').first().waitFor();
}

export async function askDelete(page: Page, machine: string, snapshot: string): Promise<void> {
  await openSnapshot(page, machine, snapshot);
  await button(page, 'Delete…').click();
  await alertDialog(page).getByRole('table').waitFor();
}

export async function openCreate(page: Page, machine: string): Promise<void> {
  await openMachine(page, machine);
  await button(page, 'Take snapshot…').click();
  await page.getByRole('dialog').getByRole('radio').first().waitFor();
}

export async function openDoctor(page: Page, machine: string): Promise<void> {
  await openMachine(page, machine);
  await button(page, 'More actions').first().click();
  await page.getByRole('menuitem', { name: 'Check bookkeeping…' }).click();
  await page.getByRole('dialog').getByText('Looked at').first().waitFor();
}

export const actionScreens: readonly Screen[] = [
  {
    name: 'preflight',
    state: 'full',
    open: (page) => askRevert(page, 'nextcloud', 'before-upgrade'),
  },
  {
    name: 'preflight-lose',
    state: 'full',
    open: async (page) => {
      await askRevert(page, 'nextcloud', 'before-upgrade');
      await page.getByRole('switch', { name: 'Keep where I am now' }).click();
      await page.getByLabel('Type nextcloud to confirm').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'preflight-warning',
    state: 'full',
    open: async (page) => {
      await askRevert(page, 'nextcloud', 'upgrade-failed');
      await button(page, 'Show what will run').click();
    },
  },
  {
    name: 'preflight-refused',
    state: 'full',
    open: async (page) => {
      await openSnapshot(page, 'win11-tax', 'upgrade-failed');
      await button(page, 'Revert to this…').click();
      await alertDialog(page).getByText('What you can do instead').waitFor();
    },
  },
  {
    name: 'preflight-delete',
    state: 'full',
    open: async (page) => {
      await askDelete(page, 'nextcloud', 'before-upgrade');
      await page.getByRole('radio', { name: /Also the/ }).check();
      await button(page, 'Delete 3 snapshots').waitFor();
    },
  },
  { name: 'create-snapshot', state: 'full', open: (page) => openCreate(page, 'nextcloud') },
  {
    name: 'create-snapshot-advanced',
    state: 'full',
    open: async (page) => {
      await openCreate(page, 'nextcloud');
      await page.getByRole('radio', { name: /everything running/ }).check();
      await button(page, 'Advanced').click();
      await page.getByText('The machine pauses while its memory').waitFor();
    },
  },
  {
    name: 'create-snapshot-refused',
    state: 'full',
    open: async (page) => {
      await openCreate(page, 'nextcloud');
      await page.getByLabel('Name', { exact: true }).fill('before-upgrade');
      await page.getByText('This name is taken.').waitFor();
    },
  },
  {
    name: 'create-checkpoint',
    state: 'full',
    open: async (page) => {
      await openCreate(page, 'nextcloud');
      await page.getByRole('radio', { name: /next backup small/ }).check();
      await button(page, 'Create checkpoint').waitFor();
    },
  },
  { name: 'doctor', state: 'full', open: (page) => openDoctor(page, 'mail') },
  { name: 'doctor-agrees', state: 'full', open: (page) => openDoctor(page, 'old-crm') },
  {
    name: 'cut-off-machines',
    state: 'cut-off',
    open: async (page) => {
      await button(page, 'Show what to do: Revert nextcloud to before-upgrade').click();
      await page.getByRole('heading', { name: 'A change was cut off' }).waitFor();
    },
  },
  { name: 'cut-off-machine', state: 'cut-off', open: (page) => openMachine(page, 'nextcloud') },
  { name: 'cut-off-one-way', state: 'cut-off', open: (page) => openMachine(page, 'win11-tax') },
  {
    name: 'action-job',
    state: 'full',
    open: async (page) => {
      await openCreate(page, 'gitea');
      await button(page, 'Take snapshot').last().click();
      await page.getByRole('region', { name: 'Running job' }).waitFor();
    },
  },
];
