import { expect, test } from './waymark.ts';

test.describe('from nothing', () => {
  test.use({ state: 'first-run' });

  test('four ways to begin, and connecting takes one click', async ({ app }) => {
    const ways = app.getByRole('region', { name: 'Start' });
    await expect(ways.getByRole('heading')).toHaveText([
      ...['This computer', 'Practice machine', 'Another computer', 'A repository you already have'],
    ]);
    await app.getByRole('button', { name: 'Connect to this computer' }).click();
    await expect(app.getByRole('row', { name: /jenkins/ })).toBeVisible();
  });

  test('the practice machine takes one click and shows how far it is', async ({ app }) => {
    await app.getByRole('button', { name: 'Create a practice machine' }).click();
    await expect(app.getByRole('progressbar').first()).toBeVisible();
    await expect(app.getByRole('heading', { name: 'practice' }).first()).toBeVisible();
  });

  test('the token leaves the address at once and a reload still works', async ({ app }) => {
    await expect(app.getByRole('button', { name: 'Connect to this computer' })).toBeVisible();
    expect(app.url()).not.toContain('token');
    await app.reload();
    await expect(app.getByRole('button', { name: 'Connect to this computer' })).toBeVisible();
  });
});

const reasons = [
  ['not-installed', 'libvirt is not installed', /apt/],
  ['not-running', 'libvirt is not running', /systemctl/],
  ['no-permission', 'You may not use libvirt yet', /usermod -aG libvirt marek/],
] as const;
for (const [state, title, command] of reasons) {
  test.describe(state, () => {
    test.use({ state });

    test(`says "${title}" with the command that fixes it`, async ({ app }) => {
      const card = app.getByRole('alert');
      await expect(card.getByRole('heading', { name: title })).toBeVisible();
      await expect(card.locator('code')).toHaveText(command);
      await expect(card.getByRole('button', { name: 'Try again' })).toBeVisible();
      await expect(card.getByRole('button', { name: 'Copy details' })).toBeVisible();
    });
  });
}

test('a page without its link says so', async ({ page, server }) => {
  await page.goto(new URL('/', server.link).href);
  await expect(page.getByText('This page needs the link')).toBeVisible();
});
