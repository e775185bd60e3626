/** Jobs: progress by the rules, cancel that says what remains, history that can be searched. */
import type { Job, JobId } from '#contract/domain.ts';
import type { Page } from '@playwright/test';
import { startDemoServer } from './demo-server.ts';
import { expect, test } from './waymark.ts';
import { startBackup } from './work-screens.ts';

const gib = 1024 ** 3;

function running(startedSecondsAgo: number, change: Partial<Job> = {}): Job {
  return {
    id: 'slow' as JobId,
    kind: 'backup',
    title: 'Back up slow to attic',
    machine: null,
    repository: null,
    createdAt: Date.now() - startedSecondsAgo * 1000,
    startedAt: Date.now() - startedSecondsAgo * 1000,
    state: { kind: 'running' },
    progress: {
      activity: 'Reading vda (1 of 1)',
      doneBytes: 6 * gib,
      totalBytes: 10 * gib,
      readBytes: 6 * gib,
      storedBytes: 2 * gib,
      bytesPerSecond: 58 * 1024 ** 2,
      secondsLeft: 240,
      stalled: null,
    },
    steps: [],
    cancelEffect: 'No restore point is made.',
    result: null,
    ...change,
  };
}

/** Everything was read: what a test sends from now on is not overtaken by the first answer. */
async function settled(app: Page): Promise<void> {
  await app.getByRole('row', { name: /mail/ }).waitFor();
  await app.waitForLoadState('networkidle');
}

test('the strip says done of total, stored, rate and time left', async ({ app, server }) => {
  await settled(app);
  const job = running(60);
  server.engine.emit('jobs.changed', job);
  const strip = app.getByRole('region', { name: 'Running job' });
  await expect(strip).toContainText('6 of 10 GiB');
  await expect(strip).toContainText('Stored 2 GiB');
  await expect(strip).toContainText('about 4 min left');
  await expect(strip.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '60');
});

test('the bar never runs backwards, and never sits at the end', async ({ app, server }) => {
  await settled(app);
  const job = running(60);
  const bar = app.getByRole('progressbar', { name: job.title });
  server.engine.emit('jobs.changed', job);
  await expect(bar).toHaveAttribute('aria-valuenow', '60');
  const progress = job.progress;
  if (progress === null) throw new Error('It has progress.');
  server.engine.emit('jobs.changed', { ...job, progress: { ...progress, doneBytes: 4 * gib } });
  await expect(app.getByText('4 of 10 GiB')).toBeVisible();
  await expect(bar).toHaveAttribute('aria-valuenow', '60');
  server.engine.emit('jobs.changed', { ...job, progress: { ...progress, doneBytes: 10 * gib } });
  await expect(app.getByText('Almost done: verifying')).toBeVisible();
  await expect(bar).toHaveAttribute('aria-valuenow', '99');
});

test('when nothing moves it says so', async ({ app, server }) => {
  await settled(app);
  const job = running(60);
  const progress = job.progress;
  if (progress === null) throw new Error('It has progress.');
  const stalled = 'attic has not answered for 34 s';
  server.engine.emit('jobs.changed', { ...job, progress: { ...progress, stalled } });
  const strip = app.getByRole('region', { name: 'Running job' });
  await expect(strip).toContainText('Waiting for storage…');
  await expect(strip).toContainText(stalled);
  await expect(strip).not.toContainText('left');
});

test('cancel says what remains, keeps running by default, and ends as cancelled', async ({
  page: app,
}) => {
  // Long enough to be cancelled on a slow computer.
  const server = await startDemoServer({ state: 'full', secondsPerJob: 60 });
  await app.goto(server.link);
  await startBackup(app, 'nextcloud');
  const cancel = app.getByRole('button', { name: /^Cancel Back up nextcloud/ });
  await cancel.click();
  const dialog = app.getByRole('alertdialog');
  await expect(dialog).toContainText('earlier points are not affected');
  await expect(dialog.getByRole('button', { name: 'Keep running' })).toBeFocused();
  await app.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await cancel.click();
  await dialog.getByRole('button', { name: 'Cancel job' }).click();
  await expect(app.getByText('Cancelled. Nothing half done was kept.')).toBeVisible();
  await server.stop();
});

test('several jobs: the strip shows one, the drawer the others', async ({ app, server }) => {
  await settled(app);
  server.engine.emit('jobs.changed', running(60));
  const queued = { kind: 'queued', waitsFor: 'another job of web-01' } as const;
  server.engine.emit(
    'jobs.changed',
    running(30, {
      id: 'next' as JobId,
      title: 'Back up next to attic',
      state: queued,
      progress: null,
    }),
  );
  await app.getByRole('button', { name: '1 more' }).click();
  await expect(app.getByText('Waits for another job of web-01')).toBeVisible();
});

test('the history is searched and filtered, and an empty answer can be undone', async ({ app }) => {
  await app.getByRole('link', { name: 'History' }).click();
  await app.getByRole('row').nth(1).waitFor();
  await app.getByRole('searchbox').fill('nosuchmachine');
  await expect(app.getByText('Nothing matches “nosuchmachine”')).toBeVisible();
  await app.getByRole('button', { name: 'Clear filter' }).click();
  await app.getByRole('radio', { name: 'With problems' }).click();
  await app
    .getByRole('row', { name: /Failed/ })
    .first()
    .focus();
  await app.keyboard.press('Enter');
  await expect(app.getByRole('alert')).toContainText('The scratch folder on rack is full.');
});
