/**
 * The one place that makes windows, and all their hardening: isolated, sandboxed, no way to another
 * page, no new windows, no permission for anything, no devices.
 */
import { BrowserWindow, type Session, type WebContents } from 'electron';
import { appUrl, isOurs } from './origin.ts';

const firstSize = { width: 1280, height: 800 } as const;
const smallest = { minWidth: 640, minHeight: 480 } as const;

/** Denies every way out of a page; `app.on('web-contents-created')` applies it to each. */
export function hardenContents(contents: WebContents): void {
  const stay = (event: { preventDefault(): void; readonly url: string }) => {
    if (!isOurs(event.url)) event.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** Electron grants every permission unless told otherwise. */
export function hardenSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, _permission, answer) => {
    answer(false);
  });
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => {
    event.preventDefault();
  });
}

export interface WindowOptions {
  readonly preload: string;
  readonly icon: string;
  /** Developer tools, for a build that is not packed. */
  readonly developer: boolean;
}

/**
 * A window on the interface; shown once it has something to show. `at` is the place in it, as its
 * address says it; '' is where it begins.
 */
export function createWindow(
  { preload, icon, developer }: WindowOptions,
  at: string,
): BrowserWindow {
  const window = new BrowserWindow({
    ...firstSize,
    ...smallest,
    title: 'Waymark',
    icon,
    show: false,
    autoHideMenuBar: true,
    webPreferences: {
      preload,
      nodeIntegration: false,
      contextIsolation: true,
      sandbox: true,
      webSecurity: true,
      webviewTag: false,
      devTools: developer,
      spellcheck: false,
      navigateOnDragDrop: false,
    },
  });
  window.once('ready-to-show', () => {
    window.show();
  });
  void window.loadURL(appUrl + at);
  return window;
}
