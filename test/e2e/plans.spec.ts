/** Plans in the window: made, changed, run, paused, deleted; what each run came to and why. */
import type { Page } from '@playwright/test';
import { goOnTo, newPlan, openPlan, toPlans } from './plan-screens.ts';
import { expect, test } from './waymark.ts';

const button = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' });

/** Tab until this button has the focus: no pointer is used. */
async function tabTo(page: Page, name: string): Promise<void> {
  const wanted = page.getByRole('button', { name, exact: true });
  for (let presses = 0; presses < 80; presses += 1) {
    if (await wanted.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  await expect(wanted).toBeFocused();
}

test('a plan is made with the keyboard alone, and nothing needs to be changed', async ({
  app,
  server,
}) => {
  await app.keyboard.press('Control+2');
  await expect(app.getByRole('heading', { name: 'Plans' })).toBeFocused();
  await tabTo(app, 'New plan…');
  await app.keyboard.press('Enter');
  const names = ['When', 'Where', 'Keep', 'Review'];
  for (const [index, name] of names.entries()) {
    await expect(app.getByText(`Step ${index + 1} of 5`)).toBeVisible();
    await tabTo(app, `Next: ${name}`);
    await app.keyboard.press('Enter');
    await expect(app.locator('[aria-current="step"]')).toContainText(name);
  }
  await expect(app.getByText('Everything this plan needs is there')).toBeVisible();
  await tabTo(app, 'Create plan');
  await app.keyboard.press('Enter');
  await expect(app.getByRole('heading', { name: /Nightly 2/ })).toBeVisible();
  await expect(app.getByText(/was created; next run/)).toBeVisible();
  const made = server.engine.state.plans.at(-1)?.draft;
  expect(made).toMatchObject({
    machines: { kind: 'all', except: [] },
    calendar: { kind: 'daily', at: ['02:00'] },
    catchUp: true,
    repositories: ['repo-attic'],
  });
});

test('machines in no plan are one press from the plan that protects them', async ({
  app,
  server,
}) => {
  await expect(app.getByText('9 of 14 machines are protected')).toBeVisible();
  await app.getByRole('link', { name: 'Protect them…' }).click();
  await expect(app.getByRole('radio', { name: /Chosen machines/ })).toBeChecked();
  await expect(app.getByText('2 machines chosen')).toBeVisible();
  await goOnTo(app, 'Review');
  await button(app, 'Create plan').click();
  await expect(app.getByText(/was created/)).toBeVisible();
  expect(server.engine.state.plans.at(-1)?.draft.machines.kind).toBe('chosen');
  await app.getByRole('link', { name: /^Machines/ }).click();
  await expect(app.getByText('in no plan')).toBeHidden();
});

test('Next pressed too early leads to the field, and says what is missing', async ({ app }) => {
  await newPlan(app);
  const name = app.getByLabel('Name of the plan');
  await name.fill('Nightly');
  await button(app, 'Next: When').click();
  await expect(name).toBeFocused();
  await expect(app.getByText('There is a plan of this name already.')).toBeVisible();
  await name.fill('Offsite');
  await goOnTo(app, 'Where');
  await app.getByRole('checkbox', { name: /attic/ }).uncheck();
  await button(app, 'Next: Keep').click();
  await expect(app.getByText('Choose a repository.')).toBeVisible();
  await expect(app.getByRole('checkbox', { name: /attic/ })).toBeFocused();
});

test('the calendar is said in words with its next dates while it is edited', async ({ app }) => {
  await newPlan(app);
  await goOnTo(app, 'When');
  const side = app.getByRole('complementary', { name: 'Next runs' });
  await expect(side).toContainText('Daily at 02:00');
  await button(app, 'Add a time').click();
  await expect(side).toContainText('Daily at 02:00 and 14:00');
  await app.getByLabel('Time 2').fill('9:30');
  await expect(side).toContainText('Daily at 02:00 and 09:30');
  await expect(side.getByRole('listitem')).toHaveCount(3);
  await app.getByRole('radio', { name: 'Weekly' }).click();
  await app.getByRole('checkbox', { name: 'Sunday' }).uncheck({ force: true });
  await button(app, 'Next: Where').click();
  await expect(app.getByText('Choose at least one day.')).toBeVisible();
  await app.getByRole('checkbox', { name: 'Monday' }).check({ force: true });
  await expect(side).toContainText('Weekly on Monday at 02:00');
  await button(app, /^Advanced/).click();
  await button(app, 'Use an expression').click();
  await app.getByLabel('Expression', { exact: true }).fill('0 0 31 2 *');
  await expect(side).toContainText('never comes');
});

test('what stays and goes is drawn while the numbers are edited', async ({ app }) => {
  await openPlan(app, 'Twice a day');
  await app.getByRole('link', { name: 'Edit how long points stay' }).click();
  const preview = app.getByRole('region', { name: 'What stays and what goes' });
  await expect(preview.getByRole('img', { name: /nextcloud/ })).toBeVisible();
  const before = await preview.getByRole('img').getAttribute('aria-label');
  await app.getByRole('spinbutton', { name: 'One a day' }).fill('5');
  // The old drawing stays until the new one is there: at no time is there none.
  await expect(preview.getByRole('img')).toBeVisible();
  await expect(app.getByText('was 14')).toBeVisible();
  await expect(preview.getByRole('img')).not.toHaveAttribute('aria-label', before ?? '');
  await expect(preview).toContainText('Nothing goes when you save.');
  await button(app, 'Every point and why').click();
  await expect(preview.getByRole('row', { name: /Goes/ }).first()).toBeVisible();
  await expect(preview.getByRole('row', { name: /pinned/ })).toBeVisible();
  await app.getByRole('radio', { name: 'In a year' }).click();
  await expect(preview.getByText(/points a year from now/)).toBeVisible();
  await app.getByRole('radio', { name: 'Short' }).check();
  await expect(app.getByRole('spinbutton', { name: 'One a day' })).toHaveValue('14');
  for (const rule of ['The last', 'One a day']) {
    await app.getByRole('spinbutton', { name: rule }).fill('0');
  }
  await button(app, 'Next: Review').click();
  await expect(app.getByText('This keeps nothing. Keep at least the last point.')).toBeVisible();
});

test('a warning of the checks needs its tick before the plan is saved', async ({ app, server }) => {
  await openPlan(app, 'Weekly, off site');
  await app.getByRole('link', { name: 'Edit how long points stay' }).click();
  await app.getByRole('radio', { name: 'Short' }).check();
  await button(app, 'Next: Review').click();
  await button(app, 'Show what will run').click();
  await expect(app.getByText(/waymark plan create 'Weekly, off site'/)).toBeVisible();
  await button(app, 'Save plan').click();
  await expect(app.getByText('Tick what is marked amber to go on.')).toBeVisible();
  await app.getByRole('checkbox', { name: 'Save it all the same' }).check();
  await button(app, 'Save plan').click();
  await expect(app.getByText('Plan Weekly, off site was saved')).toBeVisible();
  const plan = server.engine.state.plans.find(({ id }) => id === 'plan-weekly');
  expect(plan?.draft.keep?.daily).toBe(14);
  expect(plan?.draft.keep?.monthly).toBe(0);
});

test('a program is shown as it will be run: no shell reads it', async ({ app }) => {
  await newPlan(app);
  await goOnTo(app, 'Where');
  await button(app, /^Programs before/).click();
  await app.getByRole('checkbox', { name: 'Before each run' }).check();
  const line = app.getByLabel('Program and arguments');
  await line.fill('tell "web 01" $HOME');
  await button(app, 'Next: Keep').click();
  await expect(app.getByText('The program is a full path and begins with /.')).toBeVisible();
  await line.fill('/bin/tell "web 01" $HOME');
  await expect(app.getByText('Runs /bin/tell with')).toBeVisible();
  await expect(app.locator('code', { hasText: 'web 01' })).toBeVisible();
  await expect(app.locator('code', { hasText: '$HOME' })).toBeVisible();
  await line.fill('/bin/tell "web');
  await expect(app.getByText('A quote is not closed.')).toBeVisible();
});

test('closing with changes asks once, without asks nothing', async ({ app }) => {
  await newPlan(app);
  await button(app, 'Cancel').click();
  await expect(app.getByRole('heading', { name: 'Plans' })).toBeVisible();
  await button(app, 'New plan…').click();
  await app.getByLabel('Name of the plan').fill('Offsite');
  await button(app, 'Close').click();
  const dialog = app.getByRole('alertdialog');
  await dialog.getByRole('button', { name: 'Keep editing' }).click();
  await expect(app.getByLabel('Name of the plan')).toHaveValue('Offsite');
  await button(app, 'Close').click();
  await dialog.getByRole('button', { name: 'Leave' }).click();
  await expect(app.getByRole('heading', { name: 'Plans' })).toBeVisible();
});

test('a plan is deleted at once and comes back with Ctrl+Z', async ({ app, server }) => {
  await toPlans(app);
  const before = structuredClone(server.engine.state.plans.find(({ id }) => id === 'plan-twice'));
  await button(app, 'Actions for Twice a day').click();
  await app.getByRole('menuitem', { name: 'Delete plan' }).click();
  await expect(app.getByText('Plan Twice a day was deleted. Its points stay.')).toBeVisible();
  await expect(app.getByRole('row', { name: /Twice a day/ })).toBeHidden();
  await app.keyboard.press('Control+z');
  await expect(app.getByRole('row', { name: /Twice a day/ })).toBeVisible();
  expect(server.engine.state.plans.find(({ id }) => id === 'plan-twice')).toEqual(before);
});

test('paused until tomorrow, and resumed', async ({ app }) => {
  await openPlan(app, 'Twice a day');
  await button(app, 'Pause until…').click();
  await app.getByRole('menuitem', { name: /tomorrow/ }).click();
  await expect(app.getByText(/nothing begins by itself until/)).toBeVisible();
  await button(app, 'Resume').click();
  await expect(app.getByText(/Twice a day goes on; next run/)).toBeVisible();
  await expect(button(app, 'Pause until…')).toBeVisible();
});

test('run now: each machine’s run is a row that ends with what came of it', async ({ app }) => {
  await openPlan(app, 'Twice a day');
  await button(app, 'Run now').click();
  await expect(app.getByText('Twice a day: 3 runs began')).toBeVisible();
  await expect(app.getByText('Backs up').first()).toBeVisible();
  await expect(app.getByRole('button', { name: '3 done' }).first()).toBeVisible();
});

test('what waits says why and can run anyway', async ({ app }) => {
  await toPlans(app);
  await expect(app.getByText(/jenkins: Waits while jenkins writes/)).toBeVisible();
  await button(app, 'Run now anyway: jenkins').click();
  await expect(app.getByText('Nightly: 1 run began')).toBeVisible();
  await expect(app.getByText(/jenkins: Waits while/)).toBeHidden();
});

test('days are walked with the arrows; a missed run has its reason and its button', async ({
  app,
}) => {
  await openPlan(app, 'Nightly');
  const days = app.getByRole('listbox', { name: 'Days of the plan Nightly' });
  await days.getByRole('option', { name: /^Today/ }).focus();
  for (let steps = 0; steps < 21; steps += 1) {
    if ((await days.locator(':focus').textContent())?.includes('missed') === true) break;
    await app.keyboard.press('ArrowLeft');
  }
  await app.keyboard.press('Enter');
  await expect(days.locator('[aria-selected="true"]')).toHaveAccessibleName(/missed/);
  const missed = app.getByRole('button', { name: /Missed 8 machines Waymark was not running/ });
  await missed.click();
  await expect(button(app, 'Run now: pihole')).toBeVisible();
  await app.keyboard.press('Escape');
  await button(app, 'Show all runs').click();
  await button(app, 'Details of mail').first().click();
  await expect(app.getByText('Free at least 8 GiB there, then run it again.')).toBeVisible();
});

test('a machine’s page says which plan protects it, and when next', async ({ app }) => {
  await app.getByRole('link', { name: 'jenkins' }).first().click();
  const line = app.getByRole('region', { name: 'What protects it by itself' });
  await expect(line).toContainText('Waits while jenkins writes');
  await line.getByRole('link', { name: 'Nightly' }).click();
  await expect(app.getByRole('heading', { name: /Nightly/ })).toBeVisible();
});

test('a point is pinned and unpinned on its page', async ({ app, server }) => {
  await app.getByRole('link', { name: 'gitea' }).first().click();
  await button(app, 'Pin').click();
  await expect(app.getByText('No rule removes it.')).toBeVisible();
  expect(server.engine.state.points.filter(({ pinned }) => pinned)).toHaveLength(1);
  await button(app, 'Unpin').click();
  await expect(button(app, 'Pin')).toBeVisible();
});

test('a removed point is taken back; the clean-up says what it frees first', async ({ app }) => {
  await app.getByRole('link', { name: /^Repositories/ }).click();
  await app.getByRole('link', { name: 'attic' }).click();
  const removed = app.getByRole('region', { name: 'Removed points' });
  await expect(removed.getByRole('row')).toHaveCount(6);
  await removed.getByRole('button', { name: /^Take back pihole/ }).click();
  await expect(app.getByText('1 point is back')).toBeVisible();
  await expect(removed.getByRole('row')).toHaveCount(5);
  await removed.getByRole('button', { name: 'Clean up…' }).click();
  const dialog = app.getByRole('alertdialog', { name: 'Clean up attic' });
  await expect(dialog).toContainText('3 removed points cannot be taken back any more');
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await dialog.getByRole('button', { name: 'Clean up' }).click();
  await expect(app.getByText('21 packs were deleted.')).toBeVisible();
});

test('news shows in the window and leads to its plan', async ({ app, server }) => {
  const toast = app.getByText('mail was not backed up: The scratch folder').first();
  // The window may not listen yet: an event sent before is one nobody hears.
  await expect(async () => {
    server.engine.emit('news', {
      id: 'n1',
      kind: 'failed',
      title: 'mail was not backed up',
      body: 'The scratch folder on rack is full.',
      time: Date.now(),
      plan: 'plan-nightly' as never,
      machine: null,
    });
    await expect(toast).toBeVisible({ timeout: 500 });
  }).toPass();
  await button(app, 'Show').first().click();
  await expect(app.getByRole('heading', { name: /Nightly/ })).toBeVisible();
});

test.describe('with two hundred machines in one plan', () => {
  test.use({ state: 'two-hundred' });

  test('the screen stays fluid', async ({ app }) => {
    await app.getByRole('link', { name: /^Plans/ }).click();
    // From the press to two drawn frames later, as a person sees it.
    const milliseconds = await app.evaluate(async () => {
      const link = [...document.querySelectorAll('a')].find(
        (one) => one.textContent === 'Everything',
      );
      const began = performance.now();
      link?.click();
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      return performance.now() - began;
    });
    await expect(app.getByRole('heading', { name: '200 machines' })).toBeVisible();
    await expect(button(app, 'Show all 200')).toBeVisible();
    // Trouble that is the same of many is one row: the page has few, not two hundred.
    await expect(app.getByRole('button', { name: /Failed 15 machines/ }).first()).toBeVisible();
    expect(milliseconds).toBeLessThan(1000);
    await app.getByRole('link', { name: 'Edit which machines' }).click();
    await app.getByRole('radio', { name: /Chosen machines/ }).check();
    await expect(app.getByText('200 machines chosen')).toBeVisible();
    await app.getByLabel('Find a machine').fill('gitea-1');
    await expect(app.getByRole('checkbox', { name: /gitea-1/ }).first()).toBeVisible();
    await expect(app.getByRole('checkbox', { name: /nextcloud/ })).toHaveCount(0);
  });
});

test.describe('without any plan', () => {
  test.use({ state: 'no-plans' });

  test('the first screen and the empty list each have one button to begin', async ({ app }) => {
    await expect(app.getByText('No machine is backed up by itself yet')).toBeVisible();
    await app.getByRole('link', { name: 'Plans' }).click();
    await button(app, 'Protect all machines…').click();
    await expect(app.getByRole('heading', { name: /Which machines/ })).toBeVisible();
    await expect(app.getByRole('radio', { name: /^All machines Recommended/ })).toBeChecked();
  });
});
