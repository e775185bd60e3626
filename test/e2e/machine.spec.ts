/** The machine page: what it answers, and the timeline by keyboard. */
import { expect, test } from './waymark.ts';
import { openMachine } from './work-screens.ts';

test('answers first, and says yes only for what was verified', async ({ app, server }) => {
  await openMachine(app, 'nextcloud');
  await expect(app.getByRole('heading', { name: /Can I get it back\? Yes, to/ })).toBeVisible();
  const points = server.engine.state.points;
  server.engine.state.points = points.map((point) => ({ ...point, verified: null }));
  const machine = server.engine.state.machines.find((one) => one.name === 'nextcloud');
  if (machine === undefined) throw new Error('The demo has no nextcloud.');
  server.engine.emit('timeline.changed', { machine: machine.id });
  await expect(app.getByRole('heading', { name: /Probably, to/ })).toBeVisible();
  server.engine.state.points = [];
  server.engine.emit('timeline.changed', { machine: machine.id });
  await expect(app.getByRole('heading', { name: /Not yet/ })).toBeVisible();
});

test('a machine changed elsewhere changes here within a second', async ({ app, server }) => {
  await openMachine(app, 'old-crm');
  await expect(app.getByText('Off on', { exact: false }).first()).toBeVisible();
  const machine = server.engine.state.machines.find((one) => one.name === 'old-crm');
  if (machine === undefined) throw new Error('The demo has no old-crm.');
  server.engine.emit('machines.changed', { machine: { ...machine, state: 'running' } });
  await expect(app.getByText('Running on', { exact: false }).first()).toBeVisible({
    timeout: 1_000,
  });
});

test('the timeline is one tab stop, and arrows walk lanes and points', async ({ app }) => {
  await openMachine(app, 'nextcloud');
  const timeline = app.getByRole('listbox', { name: /Points of nextcloud/ });
  await timeline.focus();
  const pane = app.getByRole('region', { name: 'Selected point' });
  const title = pane.getByRole('heading').first();
  const newest = await title.textContent();
  await app.keyboard.press('ArrowLeft');
  await expect(title).not.toHaveText(newest ?? '');
  await app.keyboard.press('ArrowRight');
  await expect(title).toHaveText(newest ?? '');
  await app.keyboard.press('ArrowUp');
  await expect(title).toContainText('Checkpoint');
  await app.keyboard.press('ArrowUp');
  await expect(title).toHaveText('clean-32');
  await app.keyboard.press('Home');
  await expect(title).toHaveText('before-upgrade');
  const active = await timeline.getAttribute('aria-activedescendant');
  await expect(app.locator(`[id="${active ?? ''}"]`)).toHaveAttribute('aria-selected', 'true');
  await expect(app.getByRole('row', { selected: true })).toContainText('before-upgrade');
  await app.keyboard.press('+');
  await expect(app.getByRole('radio', { name: 'Week', exact: true })).toBeChecked();
  await app.keyboard.press('-');
  await app.keyboard.press('-');
  await expect(app.getByRole('radio', { name: 'Year', exact: true })).toBeChecked();
  await app.keyboard.press('Enter');
  await expect(pane).toBeFocused();
  await app.keyboard.press('Escape');
  await expect(timeline).toBeFocused();
});

test('Delete asks, Cancel has the focus, and Enter deletes nothing', async ({ app, server }) => {
  await openMachine(app, 'nextcloud');
  const before = server.engine.state.points.length;
  await app.getByRole('listbox', { name: /Points of nextcloud/ }).focus();
  await app.keyboard.press('Delete');
  const dialog = app.getByRole('alertdialog');
  await expect(dialog).toContainText('stay complete and restorable');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  expect(server.engine.state.points).toHaveLength(before);
});

test('the selection is part of the address and survives a reload', async ({ app }) => {
  await openMachine(app, 'nextcloud');
  await app.getByRole('row', { name: /before-upgrade/ }).click();
  await app.reload();
  await expect(
    app.getByRole('region', { name: 'Selected point' }).getByRole('heading').first(),
  ).toHaveText('before-upgrade');
});
