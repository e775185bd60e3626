/** Backing up: without a mouse, in few presses, refused and failed in words. */
import { expect, test } from './waymark.ts';
import { openBackup, startBackup } from './work-screens.ts';

test('a backup from the list to its result without a mouse', async ({ app }) => {
  await app.getByRole('row', { name: /nextcloud/ }).focus();
  await app.keyboard.press('Enter');
  await app.getByRole('region', { name: 'Timeline of nextcloud' }).waitFor();
  await app.keyboard.press('Control+n');
  await expect(app.getByRole('heading', { name: /Check, then back up/ })).toBeFocused();
  await expect(app.getByText('Ready', { exact: true })).toBeVisible();
  const start = app.getByRole('button', { name: 'Start backup' });
  for (let presses = 0; presses < 20; presses += 1) {
    if (await start.evaluate((control) => control === document.activeElement)) break;
    await app.keyboard.press('Tab');
  }
  await expect(start).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(app.getByText('is complete in attic')).toBeVisible();
  // Nothing read it back: the word verified is not used as praise.
  await expect(app.getByText('Not verified yet.')).toBeVisible();
});

test('the review has every choice with its Edit link, and Back loses nothing', async ({ app }) => {
  await openBackup(app, 'nextcloud');
  await app.getByRole('button', { name: 'Edit what is backed up' }).click();
  await app.getByRole('checkbox', { name: /vdb/ }).uncheck();
  await app.getByRole('button', { name: 'Next: Where' }).click();
  await app.getByRole('button', { name: 'Next: Review' }).click();
  await expect(app.getByText('vdb: Left out by you')).toBeVisible();
  await app.getByRole('button', { name: 'Back', exact: true }).click();
  await app.getByRole('button', { name: 'Back', exact: true }).click();
  await expect(app.getByRole('checkbox', { name: /vdb/ })).not.toBeChecked();
});

test('Next stays enabled, and pressing it too early leads to the field', async ({ app }) => {
  await app.keyboard.press('Control+n');
  await app.getByRole('button', { name: 'Next: Where' }).click();
  const field = app.getByLabel('Machine', { exact: true });
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await expect(app.getByText('Choose the machine to back up.')).toBeVisible();
});

test('what blocks is named and the start is not offered', async ({ app }) => {
  await openBackup(app, 'win11-tax');
  await expect(app.getByText('uses a USB device of the host')).toBeVisible();
  await expect(app.getByRole('button', { name: 'Start backup' })).toBeDisabled();
});

test('closing with changes asks once', async ({ app }) => {
  await openBackup(app, 'nextcloud');
  await app.getByRole('button', { name: 'Edit what is backed up' }).click();
  await app.getByRole('checkbox', { name: /vdb/ }).uncheck();
  await app.getByRole('button', { name: 'Close' }).click();
  const dialog = app.getByRole('alertdialog');
  await dialog.getByRole('button', { name: 'Keep editing' }).click();
  await expect(app.getByRole('checkbox', { name: /vdb/ })).not.toBeChecked();
  await app.getByRole('button', { name: 'Close' }).click();
  await dialog.getByRole('button', { name: 'Leave' }).click();
  await app.getByRole('region', { name: 'Timeline of nextcloud' }).waitFor();
});

test('closing without changes asks nothing', async ({ app }) => {
  await openBackup(app, 'nextcloud');
  await app.getByRole('button', { name: 'Cancel' }).click();
  await app.getByRole('region', { name: 'Timeline of nextcloud' }).waitFor();
});

test('a failure says what failed, what is unharmed and what to do', async ({ app }) => {
  await startBackup(app, 'mail');
  const trouble = app.getByRole('alert');
  await expect(trouble).toContainText('The scratch folder on rack is full.');
  await expect(trouble).toContainText('11 points are unharmed');
  await expect(trouble).toContainText('Free at least 8 GiB');
});

test('a job that ended elsewhere is said in a toast that leads to its result', async ({ app }) => {
  await startBackup(app, 'nextcloud');
  await app.getByRole('link', { name: /^Machines/ }).click();
  await app.getByRole('button', { name: 'Show result' }).click();
  await expect(app.getByText('is complete in attic')).toBeVisible();
  await app.getByRole('link', { name: 'Show restore point' }).click();
  await expect(app.getByRole('row', { selected: true })).toBeVisible();
});

test.describe('from a fresh start', () => {
  test.use({ state: 'first-run' });

  test('the first backup takes at most six presses', async ({ app }) => {
    let presses = 0;
    const press = async (role: 'button' | 'link', name: string | RegExp): Promise<void> => {
      presses += 1;
      await app.getByRole(role, { name }).first().click({ timeout: 15_000 });
    };
    await press('button', 'Create a practice machine');
    const open = app.getByRole('link', { name: 'Back up', exact: true });
    const list = app.getByRole('row', { name: /practice/ });
    await expect(open.or(list).first()).toBeVisible({ timeout: 15_000 });
    if (!(await open.isVisible())) await press('link', /practice/);
    await press('link', 'Back up');
    await press('button', 'Start backup');
    await expect(app.getByText(/is complete in/)).toBeVisible({ timeout: 15_000 });
    expect(presses).toBeLessThanOrEqual(6);
  });
});
