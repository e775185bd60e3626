/** The one window: made when it is wanted, brought to the front when it is there. */
import type { BrowserWindow } from 'electron';
import { appUrl } from './origin.ts';
import { createWindow, type WindowOptions } from './window.ts';

export interface OneWindow {
  current(): BrowserWindow | null;
  /** `at` is a place in the interface as its address says it: "#/plan/01J…"; null: where it is. */
  show(at: string | null): void;
}

export function createOneWindow(
  options: WindowOptions,
  opened: (window: BrowserWindow) => void,
): OneWindow {
  let window: BrowserWindow | null = null;

  function goTo(found: BrowserWindow, at: string): void {
    const address = appUrl + at;
    // The same address again would load the page anew and lose what is typed in it.
    if (found.webContents.getURL() !== address) void found.loadURL(address);
  }

  return {
    current: () => window,
    show(at) {
      if (window !== null) {
        if (window.isMinimized()) window.restore();
        if (at !== null) goTo(window, at);
        window.show();
        window.focus();
        return;
      }
      const made = createWindow(options, at ?? '');
      window = made;
      opened(made);
      made.once('closed', () => {
        window = null;
      });
    },
  };
}
