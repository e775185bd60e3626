import { toKeyStep, toSheet } from './screens.ts';
import { expect, test } from './waymark.ts';

test('create, note the code, type two groups back', async ({ app, server }) => {
  await toSheet(app);
  await app.getByRole('button', { name: 'Confirm and finish' }).click();
  const fields = app.getByLabel(/^Line \d, group \d$/);
  await expect(fields).toHaveCount(2);
  await expect(fields.first()).toBeFocused(); // the first bad one
  const lines = await app.getByRole('list', { name: 'Recovery code' }).locator('li').all();
  const groups = await Promise.all(lines.map((line) => line.locator('code').allTextContents()));
  for (const label of await app.locator('.pair label').allTextContents()) {
    const [, line, group] = /Line (\d), group (\d)/.exec(label)!;
    await app.getByLabel(label).fill(groups[Number(line) - 1]![Number(group) - 1]!.toLowerCase());
  }
  await app.getByRole('button', { name: 'Confirm and finish' }).click();
  await expect(app.getByRole('heading', { name: /cellar/ })).toBeVisible();
  const made = server.engine.state.repositories.find(({ name }) => name === 'cellar');
  expect(made).toMatchObject({ encrypted: true, recovery: 'confirmed' });
});

test('noting the code may be postponed; the first screen reminds', async ({ app }) => {
  await toSheet(app);
  await app.getByRole('button', { name: 'Later' }).click();
  await app.getByRole('alertdialog').getByRole('button', { name: 'Leave without it' }).click();
  await app.getByRole('link', { name: /^Machines/ }).click();
  await expect(app.getByText(/The recovery code of cellar was not confirmed/)).toBeVisible();
});

test('Next goes to the first bad field; Back loses nothing; leaving asks once', async ({ app }) => {
  await toKeyStep(app);
  await app.getByRole('button', { name: 'Create repository' }).click();
  await expect(app.getByLabel('Password', { exact: true })).toBeFocused();
  await app.getByLabel('Password', { exact: true }).fill('some words to keep');
  await app.getByRole('button', { name: 'Back' }).click();
  await expect(app.getByLabel('Name', { exact: true })).toHaveValue('cellar');
  await expect(app.getByRole('heading', { name: /Where should/ })).toBeFocused();
  await app.getByRole('button', { name: 'Cancel' }).click();
  const asks = app.getByRole('alertdialog');
  await expect(asks.getByRole('button', { name: 'Stay here' })).toBeFocused();
  await asks.getByRole('button', { name: 'Leave' }).click();
  await expect(app.getByRole('heading', { name: 'Repositories' })).toBeVisible();
});

test('a name typed at once replaces the offered one, and Next waits for the folder', async ({
  app,
}) => {
  await app.getByRole('link', { name: /^Repositories/ }).click();
  await app.getByRole('button', { name: 'Create repository…' }).first().click();
  await app.getByLabel('Folder', { exact: true }).fill('/srv/new-disk/points');
  await expect(app.getByLabel('Name', { exact: true })).toHaveValue('points');
  await app.keyboard.press('Tab');
  await app.keyboard.type('cellar');
  await expect(app.getByLabel('Name', { exact: true })).toHaveValue('cellar');
  await app.getByLabel('Folder', { exact: true }).fill('/srv/new-disk/later');
  await app.keyboard.press('Enter'); // before anything was heard of this folder
  await expect(app.getByRole('heading', { name: /Who may read/ })).toBeVisible();
  await app.getByRole('button', { name: 'Back' }).click();
  await expect(app.getByLabel('Name', { exact: true })).toHaveValue('cellar');
});

test('without encryption only after a plain warning is accepted', async ({ app, server }) => {
  await toKeyStep(app);
  await app.getByRole('radio', { name: /Not encrypted/ }).check();
  await app.getByRole('button', { name: 'Create repository' }).click();
  await expect(app.getByText('Tick this to go on without encryption.')).toBeVisible();
  await app.getByRole('checkbox', { name: /without encryption/ }).check();
  await app.getByRole('button', { name: 'Create repository' }).click();
  await expect(app.getByRole('heading', { name: /cellar/ })).toBeVisible();
  const made = server.engine.state.repositories.find(({ name }) => name === 'cellar');
  expect(made?.encrypted).toBe(false);
});

test('a wrong password is said at the field, and nothing is added', async ({ app, server }) => {
  await app.getByRole('link', { name: /^Repositories/ }).click();
  await app.getByRole('button', { name: 'Open existing…' }).click();
  const before = server.engine.state.repositories.length;
  await app.getByLabel('Folder', { exact: true }).fill('/srv/old/waymark');
  await app.getByLabel('Password or recovery code').fill('wrong');
  await app.getByLabel('Name', { exact: true }).fill('old');
  await app.keyboard.press('Enter');
  await expect(app.getByText('The password does not open this repository.')).toBeVisible();
  expect(server.engine.state.repositories).toHaveLength(before);
});

test('Enter never forgets: Cancel has the focus', async ({ app, server }) => {
  await app.getByRole('link', { name: /^Repositories/ }).click();
  await app.getByRole('link', { name: 'attic' }).click();
  await app.getByRole('button', { name: 'Actions for attic' }).click();
  await app.getByRole('menuitem', { name: 'Forget repository…' }).click();
  await expect(app.getByRole('alertdialog').getByRole('button', { name: 'Cancel' })).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(app.getByRole('alertdialog')).toBeHidden();
  expect(server.engine.state.repositories).toHaveLength(2);
});
