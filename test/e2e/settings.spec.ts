/** Settings: where news goes, each way tried before it is needed; who runs plans meanwhile. */
import { expect, test } from './waymark.ts';

test.beforeEach(async ({ app }) => {
  await app.keyboard.press('Control+,');
  await expect(app.getByRole('heading', { name: 'News' })).toBeVisible();
});

test('a test that was sent says so; one that was not says why and what to do', async ({
  app,
  server,
}) => {
  await app.getByRole('button', { name: 'Send a test: Send a mail' }).click();
  await expect(app.getByText('The test was sent', { exact: true })).toBeVisible();
  await app.getByRole('switch', { name: /web address/ }).click();
  const address = app.getByLabel('Address', { exact: true });
  await address.fill('nowhere');
  await app.getByRole('button', { name: 'Send a test: Call a web address' }).click();
  await expect(app.getByText('A full address is needed: https://…')).toBeVisible();
  await address.fill('https://nowhere.example/hook');
  await app.getByRole('button', { name: 'Send a test: Call a web address' }).click();
  await expect(app.getByText('nowhere did not answer within 10 s.')).toBeVisible();
  expect(server.engine.state.channels.webhook).toEqual({ url: 'https://nowhere.example/hook' });
  await app.getByRole('switch', { name: /web address/ }).click();
  await expect.poll(() => server.engine.state.channels.webhook).toBeNull();
});

test('a program for news is kept as its arguments', async ({ app, server }) => {
  await app.getByRole('switch', { name: /Run a program/ }).click();
  await app.getByLabel('Program and arguments').fill('/usr/bin/tell "web 01"');
  await app.keyboard.press('Tab');
  await expect
    .poll(() => server.engine.state.channels.command)
    .toEqual({ argv: ['/usr/bin/tell', 'web 01'] });
});

test('a desktop notice can be tried, and shows in the window', async ({ app }) => {
  await app.getByRole('button', { name: 'Send a test: Notices on this desktop' }).click();
  await expect(app.getByText('A test from Waymark: This is how news looks.')).toBeVisible();
});

test('the report is made and handed over as a file', async ({ app }) => {
  const download = app.waitForEvent('download');
  await app.getByRole('button', { name: 'Make report now' }).click();
  expect((await download).suggestedFilename()).toBe('waymark-report.html');
});

test('the background service is installed and removed, and what lingering is', async ({ app }) => {
  await expect(app.getByText('Not installed')).toBeVisible();
  await app.getByRole('button', { name: 'Install' }).click();
  await expect(app.getByText('Alive', { exact: true })).toBeVisible();
  await expect(app.getByText('loginctl enable-linger')).toBeVisible();
  await app.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(app.getByText('Not installed')).toBeVisible();
  const autostart = app.getByRole('switch', { name: /Start Waymark when I log in/ });
  await autostart.click();
  await expect(autostart).toBeChecked();
});
