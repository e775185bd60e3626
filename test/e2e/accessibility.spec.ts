/**
 * Every screen in both themes and every dialog in one: axe is clean, nothing scrolls sideways. The
 * colours of a dialog in dark are those of the screens, and every ink is measured against every
 * ground by the tokens test.
 */
import type { Page } from '@playwright/test';
import { axe } from './axe.ts';
import { screens } from './screens.ts';
import { expect, test } from './waymark.ts';

/** Names of boxes wider than the window or than what they may scroll in. */
async function sideways(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll<HTMLElement>('*')]
      .filter((box) => {
        const { overflowX } = getComputedStyle(box);
        const scrolls = overflowX === 'auto' || overflowX === 'scroll' || box.tagName === 'HTML';
        const code = box.closest('pre') !== null;
        return scrolls && !code && box.scrollWidth > box.clientWidth + 1;
      })
      .map((box) => `${box.tagName}.${box.className}`),
  );
}

/** Pressable things smaller than 24 × 24, links inside sentences aside (SC 2.5.8). */
async function tooSmall(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, a[href], select, input, [role="menuitem"]')]
      .filter((control) => {
        const box = (control.closest('label') ?? control).getBoundingClientRect();
        const inText = control.tagName === 'A' && !control.matches('.button, .nav');
        if (box.width === 0 || inText) return false;
        return box.width < 24 || box.height < 23.5;
      })
      .map((control) => `${control.tagName} ${control.ariaLabel ?? control.textContent.trim()}`),
  );
}

/** Something lies over the screen: a dialog or a menu. */
async function hasLayer(page: Page): Promise<boolean> {
  const layers = page.locator('[role="dialog"], [role="alertdialog"], [role="menu"]');
  return (await layers.count()) > 0;
}

for (const screen of screens) {
  test.describe(screen.name, () => {
    test.use({ state: screen.state });

    test(`${screen.name} is accessible and fits 800 × 600`, async ({ app }) => {
      await app.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await screen.open(app);
      expect(await axe(app)).toEqual([]);
      expect(await tooSmall(app)).toEqual([]);
      if (!(await hasLayer(app))) {
        await app.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
        expect(await axe(app)).toEqual([]);
      }
      await app.setViewportSize({ width: 800, height: 600 });
      expect(await sideways(app)).toEqual([]);
    });
  });
}
