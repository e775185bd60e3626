/** What is asked before snapshots and checkpoints change: by keyboard, with and without consent. */
import type { Page } from '@playwright/test';
import type { DemoServer } from './demo-server.ts';
import { actionScreens, askDelete, askRevert, openSnapshot } from './action-screens.ts';
import { axe } from './axe.ts';
import { expect, test } from './waymark.ts';

/** Presses Tab until something of this name has the focus. */
async function tabTo(app: Page, name: RegExp): Promise<void> {
  const maxStops = 80;
  for (let stop = 0; stop < maxStops; stop += 1) {
    await app.keyboard.press('Tab');
    const text = await app.evaluate(() => {
      const at = document.activeElement;
      return at?.getAttribute('aria-label') ?? at?.textContent.trim() ?? '';
    });
    if (name.test(text)) return;
  }
  throw new Error(`Nothing called ${String(name)} is reached with Tab.`);
}

function machineOf(server: DemoServer, name: string) {
  const machine = server.engine.state.machines.find((one) => one.name === name);
  if (machine === undefined) throw new Error(`The demo has no ${name}.`);
  return machine;
}

function storyOf(server: DemoServer, name: string) {
  return server.engine.state.stories.get(machineOf(server, name).id);
}

const dialogOf = (app: Page) => app.getByRole('alertdialog');
const keep = (app: Page) => app.getByRole('switch', { name: 'Keep where I am now' });

test('a revert with a checkpoint in the way, by keyboard only', async ({ app, server }) => {
  await app.getByRole('row', { name: /nextcloud/ }).waitFor();
  await app.keyboard.press('Control+f');
  await app.keyboard.type('nextcloud');
  await app.keyboard.press('ArrowDown');
  await app.keyboard.press('Enter');
  await app.getByRole('region', { name: 'Timeline of nextcloud' }).waitFor();
  await tabTo(app, /^Points of nextcloud\. Left/);
  await app.keyboard.press('ArrowUp');
  await app.keyboard.press('ArrowUp');
  await app.keyboard.press('Home');
  await app.keyboard.press('Enter');
  await tabTo(app, /^Revert to this…$/);
  await app.keyboard.press('Enter');

  const dialog = dialogOf(app);
  await expect(dialog).toContainText('1 checkpoint stands in the way.');
  await expect(dialog.getByRole('row', { name: /^1 Save where you are now/ })).toBeVisible();
  await expect(dialog).toContainText('Later, by itself');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  expect(storyOf(server, 'nextcloud')?.reverts).toEqual([]);
  await expect(app.getByRole('button', { name: 'Revert to this…' })).toBeFocused();

  await app.keyboard.press('Enter');
  await tabTo(app, /^Revert to before-upgrade$/);
  await app.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(app.getByText('nextcloud is back at before-upgrade.')).toBeVisible();
  expect(storyOf(server, 'nextcloud')?.reverts[0]?.kept).toBe('before-revert-1');
});

test('keep off says what is lost and needs the name, typed exactly', async ({ app, server }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  const dialog = dialogOf(app);
  await keep(app).click();
  await expect(dialog).toContainText('Gone for good:');
  const start = dialog.getByRole('button', { name: 'Revert and lose 8 hours' });
  const field = dialog.getByLabel('Type nextcloud to confirm');
  await expect(start).toBeDisabled();
  await field.fill('nextcloud2');
  await expect(start).toBeDisabled();
  await field.press('Enter');
  await expect(dialog).toBeVisible();
  await field.fill('Nextcloud');
  await expect(start).toBeDisabled();
  await field.fill('nextcloud');
  await app.keyboard.press('Control+a');
  await app.keyboard.press('Control+x');
  await expect(start).toBeDisabled();
  await app.keyboard.press('Control+v');
  await expect(field).toHaveValue('nextcloud');
  await expect(start).toBeEnabled();
  await field.press('Enter');
  await expect(dialog).toBeVisible();
  await start.click();
  await expect(app.getByText('nextcloud is back at before-upgrade.')).toBeVisible();
  expect(storyOf(server, 'nextcloud')?.reverts[0]?.kept).toBeNull();
});

test('turning keep on again asks for nothing', async ({ app }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await keep(app).click();
  await dialogOf(app).getByLabel('Type nextcloud to confirm').fill('nextcloud');
  await keep(app).click();
  await expect(
    dialogOf(app).getByRole('button', { name: 'Revert to before-upgrade' }),
  ).toBeEnabled();
  await expect(dialogOf(app).getByLabel('Type nextcloud to confirm')).toBeHidden();
  await keep(app).click();
  await expect(dialogOf(app).getByLabel('Type nextcloud to confirm')).toHaveValue('');
});

test('what a revert leaves the machine as is a choice of the plan', async ({ app, server }) => {
  const asked: unknown[] = [];
  await app.route('**/call/actions.plan', async (route) => {
    asked.push(route.request().postDataJSON());
    await route.continue();
  });
  await askRevert(app, 'nextcloud', 'before-upgrade');
  const after = dialogOf(app).getByLabel('Afterwards it is');
  await expect(after.locator('option')).toHaveText([
    'Running, as when the snapshot was taken',
    'Paused',
    'Off',
  ]);
  await after.selectOption('Paused');
  await expect(dialogOf(app).getByRole('button', { name: /^Revert to/ })).toBeEnabled();
  expect(asked.at(-1)).toMatchObject({ action: { kind: 'snapshot-revert', to: 'paused' } });
  expect(storyOf(server, 'nextcloud')?.reverts).toEqual([]);
});

test('a deletion: Cancel has the focus, Enter and Esc delete nothing', async ({ app, server }) => {
  await askDelete(app, 'nextcloud', 'upgrade-failed');
  const dialog = dialogOf(app);
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  const open = app.getByRole('button', { name: 'Delete…' });
  await open.click();
  await dialog.getByRole('table').waitFor();
  await app.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(open).toBeFocused();
  expect(storyOf(server, 'nextcloud')?.snapshots).toHaveLength(3);
});

test('a deletion with those taken after it names them all', async ({ app, server }) => {
  await askDelete(app, 'nextcloud', 'before-upgrade');
  const dialog = dialogOf(app);
  await dialog.getByRole('radio', { name: 'Also the 2 snapshots taken after it' }).check();
  const names = dialog.getByRole('region', { name: 'What it is about' }).getByRole('listitem');
  await expect(names).toHaveText(['before-upgrade', 'upgrade-failed', 'clean-32']);
  await dialog.getByRole('button', { name: 'Delete 3 snapshots' }).click();
  await expect(app.getByText('3 snapshots deleted.')).toBeVisible();
  expect(storyOf(server, 'nextcloud')?.snapshots).toEqual([]);
  // What opened it is gone: the keyboard goes on in the page.
  await expect(app.locator('#main :focus, #main:focus')).toHaveCount(1);
});

test('a refusal says why, what is unharmed and what to do instead', async ({ app }) => {
  await openSnapshot(app, 'win11-tax', 'upgrade-failed');
  await app.getByRole('button', { name: 'Revert to this…' }).click();
  const dialog = dialogOf(app);
  await expect(dialog).toContainText('A part of this snapshot is missing.');
  await expect(dialog).toContainText('Nothing was touched. Everything stays as it is.');
  await expect(dialog.getByRole('button', { name: 'Close' })).toBeFocused();
  await expect(dialog.getByRole('button', { name: /upgrade-failed/ })).toHaveCount(0);
  await dialog.getByRole('button', { name: 'Revert to before-upgrade' }).click();
  await expect(dialog.getByRole('heading', { level: 1 })).toHaveText(
    'Revert win11-tax to before-upgrade',
  );
  await expect(dialog.getByRole('button', { name: 'Revert to before-upgrade' })).toBeEnabled();
});

test('a warning needs its tick', async ({ app }) => {
  await askRevert(app, 'nextcloud', 'upgrade-failed');
  const dialog = dialogOf(app);
  const start = dialog.getByRole('button', { name: 'Revert to upgrade-failed' });
  await expect(dialog).toContainText('Its disks are as after a power cut');
  await expect(start).toBeDisabled();
  await dialog.getByRole('checkbox', { name: 'Go back to them all the same' }).check();
  await expect(start).toBeEnabled();
  await start.click();
  await expect(app.getByText('nextcloud is back at upgrade-failed.')).toBeVisible();
});

test('a plan that changed is made again, said to be new, and not run', async ({ app, server }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  const dialog = dialogOf(app);
  const start = dialog.getByRole('button', { name: 'Revert to before-upgrade' });
  await expect(dialog).toContainText('The machine pauses while its memory is written');
  const { machines } = server.engine.state;
  server.engine.state.machines = machines.map((one) =>
    one.name === 'nextcloud' ? { ...one, state: 'off' } : one,
  );
  await start.click();
  await expect(dialog.getByRole('alert')).toContainText('This plan is new.');
  await expect(dialog).toContainText('Only its disks');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  expect(storyOf(server, 'nextcloud')?.reverts).toEqual([]);
  await start.click();
  await expect(app.getByText('nextcloud is back at before-upgrade.')).toBeVisible();
});

test('while it is planned it says so, and a failure can be tried again', async ({ app }) => {
  let attempt = 0;
  await app.route('**/call/actions.plan', async (route) => {
    attempt += 1;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const error = { code: 'libvirt-timeout', message: 'libvirt is silent.', data: {} };
    if (attempt > 1) await route.continue();
    else await route.fulfill({ json: { ok: false, error } });
  });
  await openSnapshot(app, 'nextcloud', 'before-upgrade');
  await app.getByRole('button', { name: 'Revert to this…' }).click();
  const dialog = dialogOf(app);
  await expect(dialog.getByText('Looking at nextcloud to plan it.')).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await expect(dialog.getByRole('alert')).toContainText('libvirt is silent.');
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await expect(dialog.getByRole('button', { name: 'Revert to before-upgrade' })).toBeEnabled();
  await expect(dialog.getByRole('alert')).toBeHidden();
});

test('a start that fails stays open and says what is unharmed', async ({ app }) => {
  await app.route('**/call/actions.start', async (route) => {
    const data = { unharmed: 'nextcloud runs as before.' };
    const error = { code: 'machine-busy', message: 'A backup has begun.', data };
    await route.fulfill({ json: { ok: false, error } });
  });
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await dialogOf(app).getByRole('button', { name: 'Revert to before-upgrade' }).click();
  await expect(dialogOf(app).getByRole('alert')).toContainText('nextcloud runs as before.');
});

test('a revert is undone from its toast, with Ctrl+Z, and from its result', async ({ app }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await dialogOf(app).getByRole('button', { name: 'Revert to before-upgrade' }).click();
  await app.getByRole('button', { name: 'Undo…' }).click();
  const dialog = dialogOf(app);
  await expect(dialog.getByRole('heading', { level: 1 })).toHaveText(
    'Undo the revert of nextcloud',
  );
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await app.getByRole('link', { name: /^Jobs/ }).click();
  await app.getByRole('row', { name: /Revert nextcloud/ }).click();
  await expect(app.getByText('nextcloud is back at before-upgrade.').first()).toBeVisible();
  await app.getByRole('button', { name: 'Undo it…' }).click();
  await dialog.getByRole('button', { name: 'Undo the revert' }).click();
  await expect(app.getByText('back where it was before the revert').first()).toBeVisible();
});

test('Ctrl+Z presses the newest offer to undo', async ({ app }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await dialogOf(app).getByRole('button', { name: 'Revert to before-upgrade' }).click();
  await app.getByRole('button', { name: 'Undo…' }).waitFor();
  await app.keyboard.press('Control+z');
  await expect(dialogOf(app).getByRole('heading', { level: 1 })).toHaveText(
    'Undo the revert of nextcloud',
  );
});

test('the history tells the kinds apart and finds them by kind', async ({ app }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await dialogOf(app).getByRole('button', { name: 'Revert to before-upgrade' }).click();
  await app.getByRole('button', { name: 'Undo…' }).waitFor();
  await app.getByRole('link', { name: 'History' }).click();
  await app.getByRole('searchbox').fill('revert');
  const row = app.getByRole('row', { name: /Revert nextcloud to before-upgrade/ });
  await row.click();
  await expect(app.locator('dl.facts').getByText('Revert', { exact: true })).toBeVisible();
});

test('going back in the history leaves what was asked', async ({ app }) => {
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await app.goBack();
  await expect(dialogOf(app)).toBeHidden();
  await expect(app.getByRole('heading', { name: 'Machines', level: 1 })).toBeVisible();
});

test('at 800 × 600 the body scrolls and the buttons stay in sight', async ({ app }) => {
  await app.setViewportSize({ width: 800, height: 600 });
  await askRevert(app, 'nextcloud', 'before-upgrade');
  await keep(app).click();
  const field = dialogOf(app).getByLabel('Type nextcloud to confirm');
  const start = dialogOf(app).getByRole('button', { name: 'Revert and lose 8 hours' });
  await expect(field).toBeInViewport({ ratio: 1 });
  await expect(start).toBeInViewport({ ratio: 1 });
  const scrolls = await dialogOf(app)
    .locator('.body')
    .evaluate((body) => body.scrollHeight > body.clientHeight);
  expect(scrolls).toBe(true);
});

// In light they are looked at with every other screen, in accessibility.spec.ts.
for (const screen of actionScreens) {
  test.describe(`${screen.name} in the dark`, () => {
    test.use({ state: screen.state });

    test(`${screen.name} is accessible in the dark`, async ({ app }) => {
      await app.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
      await screen.open(app);
      expect(await axe(app)).toEqual([]);
    });
  });
}
