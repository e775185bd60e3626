import { expect, test } from './waymark.ts';

test('the first line is the answer, the worst row is first', async ({ app }) => {
  await expect(app.getByText('9 of 14 machines are protected')).toBeVisible();
  await expect(app.locator('tbody tr').first()).toContainText('mail');
});

test('without a mouse: find, move, sort, open and come back', async ({ app }) => {
  await expect(app.getByRole('row', { name: /mail/ })).toBeVisible();
  await app.keyboard.press('Control+f');
  await expect(app.getByRole('searchbox')).toBeFocused();
  await app.keyboard.type('rack');
  await expect(app.locator('tbody tr')).toHaveCount(6);
  await app.keyboard.press('ArrowDown');
  await expect(app.getByRole('row', { name: /mail/ })).toBeFocused();
  await app.keyboard.press('End');
  await expect(app.getByRole('row', { name: /postgres-main/ })).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(app.getByRole('heading', { name: 'postgres-main' }).first()).toBeVisible();
  await app.goBack();
  await expect(app.getByRole('heading', { name: 'Machines' })).toBeVisible();
});

test('a state filters, and a filter nothing fits can be cleared', async ({ app }) => {
  const overdue = app.getByRole('button', { name: '2 overdue' });
  await overdue.click();
  await expect(overdue).toHaveAttribute('aria-pressed', 'true');
  await expect(app.locator('tbody tr')).toHaveCount(2);
  await app.getByRole('searchbox').fill('postgers');
  await app.getByRole('button', { name: 'Clear filter' }).click();
  await expect(app.locator('tbody tr')).toHaveCount(14);
});

test('columns sort and say which way', async ({ app }) => {
  await app.getByRole('button', { name: 'Machine', exact: true }).click();
  const head = app.getByRole('columnheader', { name: 'Machine' });
  await expect(head).toHaveAttribute('aria-sort', 'ascending');
  await expect(app.locator('tbody tr').first()).toContainText('dc-01');
  await app.getByRole('button', { name: 'Machine', exact: true }).click();
  await expect(head).toHaveAttribute('aria-sort', 'descending');
});

test('a machine started elsewhere changes here within a second', async ({ app, server }) => {
  const row = app.getByRole('row', { name: /old-crm/ });
  await expect(row.getByRole('img', { name: 'Off' })).toBeVisible();
  const machine = server.engine.state.machines.find(({ name }) => name === 'old-crm')!;
  server.engine.emit('machines.changed', { machine: { ...machine, state: 'running' } });
  await expect(row.getByRole('img', { name: 'Running' })).toBeVisible({ timeout: 1_000 });
});

test('an action that cannot work now is shown with its reason', async ({ app }) => {
  await app.getByRole('button', { name: 'Actions for old-crm' }).click();
  const restore = app.getByRole('menuitem', { name: /Restore/ });
  await expect(restore).toHaveAttribute('aria-disabled', 'true');
  await expect(restore).toContainText('No point yet');
  await app.keyboard.press('Escape');
  await expect(app.getByRole('button', { name: 'Actions for old-crm' })).toBeFocused();
});

test('a host that cannot be reached is not added and says why', async ({ app }) => {
  await app.getByRole('button', { name: 'Add host…' }).first().click();
  await app.getByLabel('Address', { exact: true }).fill('qemu+ssh://nowhere/system');
  await app.keyboard.press('Enter');
  await expect(app.getByRole('alert')).toContainText('The host cannot be reached');
  await app.keyboard.press('Escape');
  await expect(app.getByRole('dialog')).toBeHidden();
});

test('forgetting a host can be undone', async ({ app }) => {
  await app.getByRole('link', { name: /rack/ }).first().click();
  await app.getByRole('button', { name: 'Forget host' }).click();
  await expect(app.getByText('Host rack was forgotten')).toBeVisible();
  await app.getByRole('button', { name: 'Undo' }).click();
  await expect(app.getByRole('link', { name: /rack/ }).first()).toBeVisible();
});

test('the theme is chosen and remembered', async ({ app }) => {
  await app.keyboard.press('Control+,');
  await app.getByRole('radio', { name: 'Dark' }).click();
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'dark');
  await app.reload();
  await expect(app.locator('html')).toHaveAttribute('data-theme', 'dark');
});
