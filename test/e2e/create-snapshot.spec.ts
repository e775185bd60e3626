/** Taking a snapshot: what a person wants to be able to do, planned while they choose. */
import type { Page } from '@playwright/test';
import { openCreate } from './action-screens.ts';
import { expect, test } from './waymark.ts';

const dialogOf = (app: Page) => app.getByRole('dialog');
const plan = (app: Page) => app.getByRole('region', { name: 'What happens' });

test('three wishes, one name, one note; the plan says kind, why, size and pause', async ({
  app,
}) => {
  await openCreate(app, 'nextcloud');
  await expect(dialogOf(app).getByRole('radio')).toHaveCount(3);
  await expect(dialogOf(app).getByRole('textbox')).toHaveCount(2);
  await expect(app.getByLabel('Name', { exact: true })).toHaveValue(/^\d{4}-\d\d-\d\d-\d{4}$/);
  await expect(plan(app)).toContainText('A snapshot of the disks; the machine keeps running.');
  await expect(plan(app)).toContainText('Inside the disk image');
  await expect(plan(app)).toContainText('All its disks are qcow2');
  await expect(plan(app)).toContainText('keeps running');
  await app.getByRole('radio', { name: /everything running/ }).check();
  await expect(plan(app)).toContainText('Needs 4.6 GiB; 212 GiB are free.');
  await expect(plan(app).getByText('about 15 s').first()).toBeVisible();
});

test('Enter in a field takes it, and it can be undone', async ({ app, server }) => {
  await openCreate(app, 'nextcloud');
  await app.getByLabel('Name', { exact: true }).fill('before-33');
  await app.getByLabel('Note (optional)').fill('31 → 33 in one go');
  await app.keyboard.press('Enter');
  await expect(dialogOf(app)).toBeHidden();
  await expect(app.getByText('nextcloud has the snapshot before-33.')).toBeVisible();
  const story = [...server.engine.state.stories.values()].at(-1);
  const made = story?.snapshots.find(({ name }) => name === 'before-33');
  expect(made).toMatchObject({ description: '31 → 33 in one go', memory: false });
  await app.getByRole('button', { name: 'Undo…' }).click();
  const undo = app.getByRole('alertdialog');
  await undo.getByRole('button', { name: 'Delete snapshot' }).click();
  await expect(app.getByText('1 snapshot deleted.')).toBeVisible();
});

test('a machine that is off has no memory to keep', async ({ app }) => {
  await openCreate(app, 'win11-tax');
  const memory = app.getByRole('radio', { name: /everything running/ });
  await expect(memory).toBeDisabled();
  await expect(dialogOf(app)).toContainText('The machine is not running, so there is no memory');
});

test('a name is needed, and a taken one is refused with another', async ({ app }) => {
  await openCreate(app, 'nextcloud');
  const name = app.getByLabel('Name', { exact: true });
  await name.fill(' ');
  await dialogOf(app).getByLabel('Note (optional)').press('Enter');
  await expect(name).toBeFocused();
  await expect(name).toHaveAttribute('aria-invalid', 'true');
  await name.fill('before-upgrade');
  await expect(plan(app)).toContainText('This name is taken.');
  await expect(dialogOf(app).getByRole('button', { name: 'Take snapshot' })).toBeDisabled();
  await plan(app).getByRole('button', { name: 'Call it before-upgrade-2' }).click();
  await expect(name).toHaveValue('before-upgrade-2');
  await expect(dialogOf(app).getByRole('button', { name: 'Take snapshot' })).toBeEnabled();
});

test('Advanced: what may be overruled, why not, and what will run', async ({ app }) => {
  await openCreate(app, 'nextcloud');
  const asked: unknown[] = [];
  await app.route('**/call/actions.plan', async (route) => {
    asked.push(route.request().postDataJSON());
    await route.continue();
  });
  await app.getByRole('button', { name: 'Advanced' }).click();
  const external = app.getByRole('radio', { name: /In files beside the disk image/ });
  await expect(external).toBeDisabled();
  await expect(dialogOf(app)).toContainText('mixing both kinds could lose the disk');
  await app.getByRole('checkbox', { name: /vdb/ }).uncheck();
  await expect.poll(() => asked.at(-1)).toMatchObject({ action: { disks: ['vda'] } });
  await app.getByRole('checkbox', { name: /^Freeze/ }).uncheck();
  await expect.poll(() => asked.at(-1)).toMatchObject({ action: { freeze: false } });
  await app.getByRole('checkbox', { name: /vda/ }).uncheck();
  await dialogOf(app).getByRole('button', { name: 'Take snapshot' }).click();
  await expect(dialogOf(app).getByRole('alert')).toHaveText('Keep at least one disk.');
  await app.getByRole('checkbox', { name: /vda/ }).check();
  await app.getByRole('button', { name: 'Show what will run' }).click();
  await expect(app.getByRole('group', { name: 'What will run' })).toContainText(
    'virsh snapshot-create nextcloud',
  );
  await expect(app.getByRole('group', { name: 'What will run' })).toContainText('<domainsnapshot>');
});

test('a raw disk cannot keep one inside, and says so', async ({ app }) => {
  await openCreate(app, 'postgres-main');
  await expect(plan(app)).toContainText('In files beside the disk image');
  await app.getByRole('button', { name: 'Advanced' }).click();
  const internal = app.getByRole('radio', { name: /Inside the disk image/ });
  await expect(internal).toBeDisabled();
  await expect(dialogOf(app)).toContainText('vdb is raw');
});

test('a small next backup is a checkpoint: explained first, then offered', async ({ app }) => {
  await openCreate(app, 'nextcloud');
  await app.getByRole('radio', { name: /next backup small/ }).check();
  await expect(dialogOf(app)).toContainText('The next backup to attic is small already');
  await expect(app.getByLabel('Name', { exact: true })).toBeHidden();
  await dialogOf(app).getByRole('button', { name: 'Create checkpoint' }).click();
  await expect(app.getByText('nextcloud measures changes from here on.')).toBeVisible();
});

test('a machine never backed up is sent to its first backup', async ({ app }) => {
  await openCreate(app, 'fedora-lab');
  await app.getByRole('radio', { name: /next backup small/ }).check();
  await expect(dialogOf(app)).toContainText('sets a checkpoint by itself');
  await dialogOf(app).getByRole('link', { name: 'Back up now' }).click();
  await expect(app.getByRole('heading', { name: 'Back up fedora-lab' })).toBeVisible();
  await expect(dialogOf(app)).toBeHidden();
});

test('another kind chosen at the last moment is not started unseen', async ({ app, server }) => {
  await openCreate(app, 'nextcloud');
  let answer = (): void => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  await app.route('**/call/actions.plan', async (route) => {
    await held;
    await route.continue();
  });
  await app.getByRole('radio', { name: /everything running/ }).check();
  await expect(dialogOf(app).getByRole('button', { name: 'Take snapshot' })).toBeDisabled();
  await app.getByLabel('Name', { exact: true }).press('Enter');
  answer();
  await expect(plan(app)).toContainText('Needs 4.6 GiB');
  await expect(dialogOf(app)).toBeVisible();
  expect([...server.engine.state.stories.values()].at(-1)?.snapshots).toHaveLength(3);
});

test('without a reference it never says that the next backup is small', async ({ app, server }) => {
  await openCreate(app, 'nextcloud');
  const story = [...server.engine.state.stories.values()].at(-1);
  const machine = server.engine.state.machines.find(({ name }) => name === 'nextcloud');
  if (story === undefined || machine === undefined) throw new Error('The demo has no nextcloud.');
  story.checkpoints = [];
  server.engine.emit('timeline.changed', { machine: machine.id });
  await app.getByRole('radio', { name: /next backup small/ }).check();
  await expect(dialogOf(app)).toContainText('reads everything in use and sets a checkpoint');
  await expect(dialogOf(app)).not.toContainText('small already');
});
