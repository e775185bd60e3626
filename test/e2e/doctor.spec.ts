/** What is out of order: the doctor's findings, and changes that were cut off. */
import type { JobId } from '#contract/domain.ts';
import type { Page } from '@playwright/test';
import { openDoctor } from './action-screens.ts';
import { expect, test } from './waymark.ts';
import { openMachine } from './work-screens.ts';

test.describe('doctor', () => {
  const dialogOf = (app: Page) => app.getByRole('dialog');

  test('says how grave, what it means, what was looked at and what not', async ({ app }) => {
    await openDoctor(app, 'mail');
    const findings = dialogOf(app).getByRole('list', { name: '4 findings' });
    await expect(findings.locator('> li').first()).toContainText('Problem');
    await expect(findings.locator('> li').last()).toContainText('Notice');
    await expect(findings.getByRole('checkbox')).toHaveCount(3);
    for (const box of await findings.getByRole('checkbox').all()) await expect(box).toBeChecked();
    await expect(findings).toContainText('Only a person can repair this.');
    const not = dialogOf(app).getByRole('region', { name: 'Not looked at' });
    await expect(not).toContainText('What QEMU keeps in memory');
  });

  test('asks QEMU only when told to, after saying what that costs', async ({ app }) => {
    const asked: unknown[] = [];
    await app.route('**/call/doctor.examine', async (route) => {
      asked.push(route.request().postDataJSON());
      await route.continue();
    });
    await openDoctor(app, 'mail');
    expect(asked).toMatchObject([{ details: false }]);
    await expect(dialogOf(app)).toContainText('marks the machine as tainted');
    await dialogOf(app).getByRole('button', { name: 'Ask QEMU for details' }).click();
    await expect(dialogOf(app).getByRole('region', { name: 'Not looked at' })).toBeHidden();
    expect(asked).toMatchObject([{ details: false }, { details: true }]);
    await expect(dialogOf(app).getByRole('region', { name: 'Looked at' })).toContainText(
      'What QEMU keeps in memory',
    );
  });

  test('repairs what is ticked, through the pre-flight, and gives the focus back', async ({
    app,
  }) => {
    await openDoctor(app, 'mail');
    await dialogOf(app)
      .getByRole('checkbox', { name: /vda records changes/ })
      .uncheck();
    await dialogOf(app).getByRole('button', { name: 'Repair 2…' }).click();
    const preflight = app.getByRole('alertdialog');
    await expect(preflight.getByRole('row', { name: /Remove the folder/ })).toBeVisible();
    await expect(preflight.getByRole('row', { name: /Remove the bitmap/ })).toHaveCount(0);
    await preflight.getByRole('button', { name: 'Cancel' }).click();
    await expect(app.getByRole('button', { name: 'More actions', exact: true })).toBeFocused();

    await app.keyboard.press('Enter');
    await app.getByRole('menuitem', { name: 'Check bookkeeping…' }).click();
    await dialogOf(app)
      .getByRole('checkbox', { name: /vda records changes/ })
      .uncheck();
    await dialogOf(app).getByRole('button', { name: 'Repair 2…' }).click();
    await preflight.getByRole('button', { name: 'Repair 2', exact: true }).click();
    await expect(app.getByText('mail is repaired.')).toBeVisible();
    await app.getByRole('button', { name: 'More actions', exact: true }).click();
    await app.getByRole('menuitem', { name: 'Check bookkeeping…' }).click();
    await expect(dialogOf(app).getByRole('list', { name: '2 findings' })).toBeVisible();
  });

  test('says when everything agrees, and when not all could be looked at', async ({ app }) => {
    await openDoctor(app, 'old-crm');
    await expect(dialogOf(app)).toContainText('Everything agrees');
    await expect(dialogOf(app).getByRole('button', { name: /^Repair/ })).toHaveCount(0);
    await dialogOf(app).getByRole('button', { name: 'Close' }).first().click();
    await app.getByRole('link', { name: 'Back to machines' }).click();
    await openDoctor(app, 'gitea');
    await expect(dialogOf(app)).toContainText('Everything that could be looked at agrees');
  });
});

test.describe('a change that was cut off', () => {
  test.use({ state: 'cut-off' });

  test('is said above the list, and finished from there', async ({ app, server }) => {
    const show = app.getByRole('button', { name: 'Show what to do: Revert nextcloud to' });
    await expect(app.getByText('2 of 4 steps done')).toBeVisible();
    await expect(show).toHaveAttribute('aria-expanded', 'false');
    await show.click();
    const card = app.getByRole('region', { name: 'A change was cut off' });
    await expect(card.getByRole('listitem')).toContainText([
      'Done',
      'Done',
      'Cut off',
      'Not begun',
    ]);
    const finish = card.getByRole('button', { name: 'Finish this change' });
    await expect(finish).toHaveAccessibleDescription(/then sets a new checkpoint/);
    await finish.click();
    await expect(card.getByRole('link', { name: 'Show job' })).toBeVisible();
    await expect(card).toBeHidden();
    expect(server.engine.state.unfinished.map(({ id }) => id)).toEqual(['cut-2']);
  });

  test('is undone on the page of its machine', async ({ app, server }) => {
    await openMachine(app, 'nextcloud');
    const card = app.getByRole('region', { name: 'A change was cut off' });
    await card.getByRole('button', { name: 'Undo this change' }).click();
    await expect(card).toBeHidden();
    await expect(app.getByText(/before-upgrade: undone\./)).toBeVisible();
    expect(server.engine.state.unfinished).toHaveLength(1);
  });

  test('says why one way is closed', async ({ app }) => {
    await openMachine(app, 'win11-tax');
    const card = app.getByRole('region', { name: 'A change was cut off' });
    await expect(card).toContainText('so upgrade-failed cannot be brought back.');
    await expect(card.getByRole('button', { name: 'Undo this change' })).toHaveCount(0);
    await expect(card.getByRole('button', { name: 'Finish this change' })).toBeVisible();
  });

  test('stays, with the reason, when it could not be resolved', async ({ app, server }) => {
    await openMachine(app, 'nextcloud');
    server.engine.state.unfinished = [];
    const card = app.getByRole('region', { name: 'A change was cut off' });
    await card.getByRole('button', { name: 'Finish this change' }).click();
    await expect(card.getByRole('alert')).toContainText('This change was resolved already.');
  });

  test('is said by the job that stopped half way, with the way to its machine', async ({
    app,
    server,
  }) => {
    const nextcloud = server.engine.state.machines.find(({ name }) => name === 'nextcloud');
    if (nextcloud === undefined) throw new Error('The demo has no nextcloud.');
    await app.getByText('2 of 4 steps done').waitFor();
    const error = {
      code: 'libvirt-connection-lost',
      message: 'libvirtd is gone.',
      data: {},
    } as const;
    server.engine.emit('jobs.changed', {
      id: 'stopped' as JobId,
      kind: 'revert',
      title: 'Revert nextcloud to before-upgrade',
      machine: { id: nextcloud.id, name: 'nextcloud' },
      repository: null,
      createdAt: Date.now(),
      startedAt: Date.now(),
      state: { kind: 'failed', at: Date.now(), error },
      progress: null,
      steps: [],
      cancelEffect: '',
      result: null,
    });
    await app.getByRole('button', { name: 'Show result' }).click();
    await expect(app.getByRole('alert')).toContainText('It stopped half way.');
    await app.getByRole('link', { name: 'Show nextcloud' }).click();
    await expect(app.getByRole('region', { name: 'A change was cut off' })).toBeVisible();
  });

  test('comes and goes with its event', async ({ app, server }) => {
    await openMachine(app, 'nextcloud');
    const card = app.getByRole('region', { name: 'A change was cut off' });
    await expect(card).toBeVisible();
    server.engine.emit('unfinished.changed', []);
    await expect(card).toBeHidden();
    server.engine.emit('unfinished.changed', server.engine.state.unfinished);
    await expect(card).toBeVisible();
  });

  test('lets nothing else be planned for its machine', async ({ app }) => {
    await openMachine(app, 'nextcloud');
    await app.getByRole('button', { name: 'Take snapshot…' }).click();
    await expect(app.getByRole('dialog')).toContainText('A change was cut off.');
    await expect(app.getByRole('button', { name: 'Take snapshot', exact: true })).toBeDisabled();
  });
});
