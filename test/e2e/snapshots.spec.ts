/** Snapshots and checkpoints on the machine page: the tree by keyboard, a thousand, states. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './waymark.ts';
import { openMachine, openTree, showAs } from './work-screens.ts';

const row = (page: Page, name: string | RegExp) => page.getByRole('treeitem', { name });
const inspector = (page: Page) => page.getByRole('region', { name: 'Selected point' });
const title = (page: Page) => inspector(page).getByRole('heading').first();

test('the tree opens unfolded, by creation, and says where you are', async ({ app }) => {
  await openTree(app, 'nextcloud');
  await expect(app.getByRole('treeitem')).toHaveText([
    /before-upgrade/,
    /upgrade-failed/,
    /Undo point/,
    /clean-32/,
  ]);
  await expect(row(app, /clean-32.*You are here/)).toHaveAttribute('aria-current', 'true');
  await expect(app.getByText('You are here', { exact: true }).first()).toBeVisible();
  const place = async (name: RegExp) => {
    const one = row(app, name);
    return await Promise.all(
      ['aria-level', 'aria-posinset', 'aria-setsize'].map((of) => one.getAttribute(of)),
    );
  };
  expect(await place(/before-upgrade/)).toEqual(['1', '1', '2']);
  expect(await place(/upgrade-failed/)).toEqual(['2', '1', '2']);
  expect(await place(/Undo point/)).toEqual(['2', '2', '2']);
  expect(await place(/clean-32/)).toEqual(['1', '2', '2']);
});

test('without a mouse: walk, fold, find by letters, open and come back', async ({ app }) => {
  await openTree(app, 'nextcloud');
  await expect(title(app)).toHaveText('clean-32');
  // One tab stop: from the switch over "Fold branches" into the tree, and on to the inspector.
  await app.keyboard.press('Tab');
  await app.keyboard.press('Tab');
  await expect(row(app, /clean-32/)).toBeFocused();
  await app.keyboard.press('Home');
  await expect(row(app, /before-upgrade/)).toBeFocused();
  await expect(title(app)).toHaveText('before-upgrade');
  await app.keyboard.press('ArrowRight');
  await expect(row(app, /upgrade-failed/)).toBeFocused();
  await app.keyboard.press('ArrowLeft');
  await expect(row(app, /before-upgrade/)).toBeFocused();
  await app.keyboard.press('ArrowLeft');
  await expect(row(app, /before-upgrade/)).toHaveAttribute('aria-expanded', 'false');
  await expect(row(app, /upgrade-failed/)).toHaveCount(0);
  await app.keyboard.press('ArrowDown');
  await expect(row(app, /clean-32/)).toBeFocused();
  await app.keyboard.press('*');
  await expect(row(app, /upgrade-failed/)).toHaveCount(1);
  await app.keyboard.type('up');
  await expect(row(app, /upgrade-failed/)).toBeFocused();
  await app.keyboard.press('End');
  await expect(row(app, /clean-32/)).toBeFocused();
  await app.keyboard.press('Enter');
  await expect(inspector(app)).toBeFocused();
  await app.keyboard.press('Escape');
  await expect(row(app, /clean-32/)).toBeFocused();
  await app.keyboard.press('Tab');
  await expect(row(app, /clean-32/)).not.toBeFocused();
  await expect(app.getByRole('treeitem').and(app.locator(':focus'))).toHaveCount(0);
});

test('the menu opens at the row, by keys and by pointer, and gives the focus back', async ({
  app,
}) => {
  await openTree(app, 'nextcloud');
  await row(app, /upgrade-failed/).click();
  await app.keyboard.press('Shift+F10');
  await expect(app.getByRole('menuitem', { name: 'Revert to this…' })).toBeVisible();
  await app.keyboard.press('Escape');
  await expect(row(app, /upgrade-failed/)).toBeFocused();
  await row(app, /clean-32/).click({ button: 'right' });
  await expect(app.getByRole('menuitem', { name: 'Delete…' })).toBeVisible();
  await app.keyboard.press('Escape');
  await expect(row(app, /clean-32/)).toBeFocused();
  await expect(title(app)).toHaveText('clean-32');
});

test('the form is remembered, folding and selection survive a refresh', async ({ app, server }) => {
  await openTree(app, 'nextcloud');
  await row(app, /before-upgrade/).click();
  await app.keyboard.press('ArrowLeft');
  await expect(app.getByRole('treeitem')).toHaveCount(2);
  const machine = server.engine.state.machines.find(({ name }) => name === 'nextcloud');
  if (machine === undefined) throw new Error('The demo has no nextcloud.');
  const moments = server.engine.state.moments.get(machine.id);
  const newest = moments?.snapshots.at(-1);
  if (moments === undefined || newest === undefined) throw new Error('It has no snapshots.');
  const more = { ...newest, name: 'clean-33', time: newest.time + 1000, parent: 'clean-32' };
  const before = moments.snapshots.map((one) => ({ ...one, current: false }));
  server.engine.state.moments.set(machine.id, { ...moments, snapshots: [...before, more] });
  server.engine.emit('timeline.changed', { machine: machine.id });
  await expect(row(app, /clean-33.*You are here/)).toBeVisible({ timeout: 1_000 });
  await expect(app.getByRole('treeitem')).toHaveCount(3);
  await expect(row(app, /before-upgrade/)).toBeFocused();
  await app.reload();
  await expect(app.getByRole('radio', { name: 'Tree', exact: true })).toBeChecked();
  await expect(title(app)).toHaveText('before-upgrade');
  // Open again after a reload (ux.md C10): nothing is hidden that a person did not just hide.
  await expect(app.getByRole('treeitem')).toHaveCount(5);
});

test('a snapshot that goes away hands the focus to the next', async ({ app, server }) => {
  await openTree(app, 'nextcloud');
  await row(app, /upgrade-failed/).click();
  const entry = [...server.engine.state.moments].find(([, of]) =>
    of.snapshots.some(({ name }) => name === 'upgrade-failed'),
  );
  if (entry === undefined) throw new Error('The demo has no such snapshot.');
  const [machine, moments] = entry;
  const snapshots = moments.snapshots
    .filter(({ name }) => name !== 'upgrade-failed')
    .map((one) => (one.parent === 'upgrade-failed' ? { ...one, parent: 'before-upgrade' } : one));
  server.engine.state.moments.set(machine, { ...moments, snapshots });
  server.engine.emit('timeline.changed', { machine });
  await expect(row(app, /Undo point/)).toBeFocused();
  await expect(title(app)).toHaveText('Undo point');
});

test('a broken snapshot says why it cannot be gone back to', async ({ app }) => {
  await openTree(app, 'jenkins');
  await row(app, /before-plugin-24/).click();
  await expect(app.getByRole('button', { name: 'Revert to this…' })).toBeEnabled();
  await app.keyboard.press('Home');
  await app.keyboard.press('ArrowDown');
  await expect(row(app, /before-plugin-2 .*Broken/)).toBeFocused();
  await expect(inspector(app)).toContainText('before-plugin-2 is not there any more');
  await expect(app.getByRole('button', { name: 'Revert to this…' })).toBeDisabled();
  await expect(app.getByRole('button', { name: 'Delete…' })).toBeEnabled();
});

test('pictures are asked for only for rows in sight', async ({ app }) => {
  await openTree(app, 'nextcloud');
  const picture = row(app, /before-upgrade/).locator('img');
  await expect(picture).toBeVisible();
  await expect(row(app, /upgrade-failed/).locator('img')).toHaveCount(0);
  await expect(inspector(app).getByRole('img', { name: /Screen of clean-32/ })).toBeVisible();
});

test('changed since is told, grows while one looks, and is not asked for too often', async ({
  page,
  server,
}) => {
  const asked: number[] = [];
  page.on('request', (request) => {
    if (`${request.url()} ${request.postData() ?? ''}`.includes('checkpoints.states')) {
      asked.push(performance.now());
    }
  });
  await page.goto(server.link);
  await openMachine(page, 'nextcloud');
  const lane = page.getByText(/^[\d.]+ GiB since /);
  await expect(lane).toBeVisible();
  await page
    .getByRole('row', { name: /Reference only/ })
    .first()
    .click();
  await expect(inspector(page)).toContainText('makes the next backup to attic small');
  await expect(inspector(page)).toContainText('Healthy');
  await expect(inspector(page)).toContainText(/vda: [\d.]+ MiB/);
  const first = await inspector(page)
    .getByText(/^vda: /)
    .textContent();
  await expect(inspector(page).getByText(/^vda: /)).not.toHaveText(first ?? '');
  expect(asked.length).toBeGreaterThan(1);
  const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThan(4_900);
});

test('a broken reference is a gap with its reason; one that waits says so', async ({ app }) => {
  await openMachine(app, 'jenkins');
  await expect(app.getByText('Broken: the next backup reads all')).toBeVisible();
  await app.getByRole('row', { name: /Reference only/ }).click();
  await expect(inspector(app)).toContainText('QEMU was killed while it recorded');
  await expect(app.getByRole('button', { name: 'Check bookkeeping…' })).toBeVisible();
  await app.getByRole('link', { name: 'Back to machines' }).click();
  await openMachine(app, 'mail');
  await expect(app.getByText('libvirt is busy with another job of it.')).toBeVisible();
});

test('a revert can be undone; one without a way back says what it cost', async ({ app }) => {
  await openMachine(app, 'gitea');
  await expect(app.getByText(/Reverted to before-runner today/)).toBeVisible();
  await expect(app.getByRole('button', { name: 'Undo', exact: true })).toBeVisible();
  await app.getByRole('link', { name: 'Back to machines' }).click();
  await openMachine(app, 'win11-tax');
  const card = app.getByRole('region', { name: 'Lost by the revert to before-elster' });
  await expect(card).toContainText('cannot be brought back');
  await card.getByRole('link', { name: 'Show restore point' }).click();
  await expect(title(app)).toContainText('Restore point');
  await card.getByRole('button', { name: 'Put this message away' }).click();
  await expect(card).toBeHidden();
  await app.reload();
  await expect(app.getByRole('region', { name: 'Timeline of win11-tax' })).toBeVisible();
  await expect(card).toBeHidden();
});

test('the machine offers what can be done with snapshots and checkpoints', async ({ app }) => {
  await openMachine(app, 'jenkins');
  await expect(app.getByRole('button', { name: 'Take snapshot…' })).toBeEnabled();
  await expect(app.getByText('vda is read through 25 images')).toBeVisible();
  await expect(app.getByRole('button', { name: 'Merge the oldest…' })).toBeEnabled();
  await app.getByRole('button', { name: 'More actions', exact: true }).click();
  await expect(app.getByRole('menuitem', { name: 'Make a checkpoint' })).toBeVisible();
  await expect(app.getByRole('menuitem', { name: 'Check bookkeeping…' })).toBeVisible();
});

test('the list sorts by any of its columns', async ({ app }) => {
  await openMachine(app, 'nextcloud');
  await showAs(app, 'List');
  const first = app.locator('tbody tr').first();
  await expect(first).toContainText('Today');
  await app.getByRole('button', { name: 'Day', exact: true }).click();
  await expect(app.getByRole('columnheader', { name: 'Day' })).toHaveAttribute(
    'aria-sort',
    'ascending',
  );
  await expect(first).toContainText('Reference only');
  await app.getByRole('button', { name: 'Stored', exact: true }).click();
  await expect(first).toContainText('108');
});

test.describe('a thousand snapshots', () => {
  test.use({ state: 'thousand' });

  /** Milliseconds from a press of Tree to its first painted rows. */
  async function firstPaint(page: Page): Promise<number> {
    return await page.getByRole('radio', { name: 'Tree', exact: true }).evaluate(
      (button: HTMLElement) =>
        new Promise<number>((resolve) => {
          const from = performance.now();
          button.click();
          const look = (): void => {
            if (document.querySelector('[role="treeitem"]') === null) requestAnimationFrame(look);
            // A message begun in a frame is answered after that frame was painted.
            else {
              const { port1, port2 } = new MessageChannel();
              port1.onmessage = () => resolve(performance.now() - from);
              requestAnimationFrame(() => port2.postMessage(null));
            }
          };
          requestAnimationFrame(look);
        }),
    );
  }

  /** Milliseconds from each key to the focus on its row, laid out; sorted. */
  async function arrowTimes(page: Page, key: string, presses: number): Promise<readonly number[]> {
    return await page.evaluate(
      async ({ key, presses }) => {
        const times: number[] = [];
        const turn = (): Promise<void> =>
          new Promise((resolve) => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => resolve();
            port2.postMessage(null);
          });
        for (let press = 0; press < presses; press += 1) {
          const before = document.activeElement;
          const from = performance.now();
          before?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          for (let tries = 0; document.activeElement === before && tries < 500; tries += 1) {
            await turn();
          }
          document.activeElement?.getBoundingClientRect();
          times.push(performance.now() - from);
          await new Promise(requestAnimationFrame);
        }
        return times.sort((a, b) => a - b);
      },
      { key, presses },
    );
  }

  test('paint at once and follow the keys (ux.md T5)', async ({ app }) => {
    await openMachine(app, 'nextcloud');
    const paintMs = await firstPaint(app);
    await expect(row(app, /You are here/)).toBeVisible();
    await row(app, /You are here/).click();
    const up = await arrowTimes(app, 'ArrowUp', 60);
    const drawn = await app.getByRole('treeitem').count();
    const median = up[Math.floor(up.length / 2)] ?? Number.POSITIVE_INFINITY;
    console.log(
      `1,000 snapshots: first paint ${paintMs.toFixed(0)} ms (200), arrow key median ` +
        `${median.toFixed(1)} ms, slowest ${up.at(-1)?.toFixed(1)} ms (50), ${drawn} rows drawn`,
    );
    // Other work may share the processor: the promise is printed, twice as much is too slow.
    expect(paintMs).toBeLessThan(400);
    expect(median).toBeLessThan(100);
    expect(drawn).toBeLessThan(60);
    await app.keyboard.press('Home');
    await expect(row(app, /^step-0001 /)).toBeFocused();
    await app.keyboard.press('End');
    await expect(row(app, /^try-1000 /)).toBeFocused();
    await expect(row(app, /^try-1000 /)).toBeInViewport();
  });

  test('scrolling away keeps the focus and its row', async ({ app }) => {
    await openTree(app, 'nextcloud');
    await row(app, /You are here/).click();
    await app.mouse.wheel(0, -40_000);
    await expect(row(app, /^step-0001 /)).toBeInViewport();
    await expect(row(app, /You are here/)).toBeFocused();
    await app.keyboard.press('ArrowUp');
    await expect(row(app, /^step-0996 /)).toBeInViewport();
  });
});

test.describe('axe', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`finds nothing in tree and list, ${colorScheme}`, async ({ app }) => {
      await app.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await openTree(app, 'jenkins');
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const tree = await new AxeBuilder({ page: app }).include('main').withTags(tags).analyze();
      expect(tree.violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
      await showAs(app, 'List');
      const list = await new AxeBuilder({ page: app }).include('main').withTags(tags).analyze();
      expect(list.violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
    });
  }
});
