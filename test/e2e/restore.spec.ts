/** Restoring: safe defaults, keyboard only, and "restored" only for what was read back. */
import type { Page } from '@playwright/test';
import { expect, test } from './waymark.ts';
import { openMachine, openRestore } from './work-screens.ts';

async function tabTo(page: Page, name: string): Promise<void> {
  const control = page.getByRole('button', { name });
  for (let presses = 0; presses < 30; presses += 1) {
    if (await control.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  await expect(control).toBeFocused();
}

test('the newest verified point is chosen, and every default is safe', async ({ app }) => {
  await openMachine(app, 'nextcloud');
  await app.getByRole('link', { name: 'Restore…' }).click();
  const chosen = app.getByRole('radio', { checked: true });
  await expect(chosen.locator('xpath=..')).toContainText('Restored');
  await app.getByRole('button', { name: 'Next: What' }).click();
  await expect(app.getByRole('radio', { name: /The whole machine/ })).toBeChecked();
  await app.getByRole('button', { name: 'Next: Where' }).click();
  await expect(app.getByRole('radio', { name: /As a new machine/ })).toBeChecked();
  await expect(app.getByRole('radio', { name: /In place of/ })).toBeDisabled();
  await expect(app.getByLabel('Name', { exact: true })).toHaveValue('nextcloud-restored');
  await expect(app.getByLabel('Network', { exact: true })).toHaveValue('disconnected');
  await expect(app.getByRole('checkbox', { name: /Start the machine/ })).not.toBeChecked();
});

test('a restore as a new machine without a mouse', async ({ app, server }) => {
  await openMachine(app, 'nextcloud');
  await app.getByRole('listbox', { name: /Points of nextcloud/ }).focus();
  await app.keyboard.press('Shift+F10');
  await expect(app.getByRole('menuitem', { name: /Restore from here/ })).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(app.getByRole('heading', { name: /Where should it go/ })).toBeFocused();
  await tabTo(app, 'Next: Review');
  await app.keyboard.press('Enter');
  await expect(app.getByRole('heading', { name: /Check, then restore/ })).toBeFocused();
  await expect(app.getByText('Ready', { exact: true })).toBeVisible();
  await tabTo(app, 'Restore as new machine');
  await app.keyboard.press('Enter');
  await expect(app.getByText(/Restored and read back: 2 disks/)).toBeVisible();
  await expect(app.getByRole('link', { name: 'Show nextcloud-restored' })).toBeVisible();
  const made = server.engine.state.machines.find((one) => one.name === 'nextcloud-restored');
  expect(made?.state).toBe('off');
});

test('a name that is taken is said at the field, before anything runs', async ({ app }) => {
  await openRestore(app, 'nextcloud');
  const name = app.getByLabel('Name', { exact: true });
  await name.fill('gitea');
  await expect(app.getByText('A machine of this name exists on This computer.')).toBeVisible();
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await expect(name).toBeFocused();
  await name.fill('   ');
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await expect(app.getByText('Give the new machine a name.')).toBeVisible();
  await name.fill('ネクスト 2 копия');
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await expect(app.getByText('New machine ネクスト 2 копия on This computer')).toBeVisible();
});

test('one disk goes to an image file with a name of its own', async ({ app }) => {
  await openRestore(app, 'nextcloud');
  await app.getByRole('button', { name: 'Back', exact: true }).click();
  await app.getByRole('radio', { name: /One disk/ }).check();
  await app.getByLabel('Disk', { exact: true }).selectOption('vdb');
  await app.getByRole('button', { name: 'Next: Where' }).click();
  await expect(app.getByRole('radio', { name: /As a new machine/ })).toBeDisabled();
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await expect(app.getByText('Give the full path of the new file.')).toBeVisible();
  await app.getByRole('radio', { name: /^raw/ }).check();
  await app.getByLabel('Image file', { exact: true }).fill('/srv/new-disk/vdb-missing.img');
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await expect(app.getByText('/srv/new-disk/vdb-missing.img').first()).toBeVisible();
  await app.getByRole('button', { name: 'Restore disk' }).click();
  await expect(app.getByText(/Restored and read back: 1 disk/)).toBeVisible();
});

test('what was not read back is not called restored', async ({ app, server }) => {
  await openRestore(app, 'nextcloud');
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await app.getByRole('button', { name: 'Restore as new machine' }).click();
  await expect(app.getByText(/Restored and read back/).first()).toBeVisible();
  const job = (await server.engine.handlers['jobs.list']({ all: true })).find(
    (one) => one.kind === 'restore',
  );
  if (job?.result?.kind !== 'restore') throw new Error('The demo made no restore.');
  server.engine.emit('jobs.changed', { ...job, result: { ...job.result, verified: false } });
  await expect(app.getByText(/Written, but not read back/)).toBeVisible();
  await expect(app.getByText(/Restored and read back/)).toBeHidden();
});
