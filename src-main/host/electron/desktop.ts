/** What Electron can do for a person: file dialogs, the file manager, links, notifications. */
import { dialog, Notification, shell, type BrowserWindow } from 'electron';
import type { Picked } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import { links, type Desktop } from '../desktop.ts';

const done = { kind: 'done' } as const;

function picked(result: { readonly canceled: boolean; readonly path: string | undefined }): Picked {
  if (result.canceled || result.path === undefined || result.path === '') {
    return { kind: 'cancelled' };
  }
  return { kind: 'picked', path: result.path };
}

/** Since Electron 43 a dialog without a start opens in Downloads, so one is always given. */
function startOf(start: string | null, home: string): { readonly defaultPath: string } {
  return { defaultPath: start ?? home };
}

/** Notices that can still be clicked: one that nothing holds is collected, and its click too. */
const maxNotices = 50;

/** `open` brings the window to the front, at a place of it if one is given. */
export function electronDesktop(
  window: () => BrowserWindow | null,
  open: (at: string | null) => void,
  home: string,
): Desktop {
  const notices = new Set<Notification>();
  /** Dialogs belong to the window, or stand alone when there is none. */
  const owner = (): BrowserWindow => {
    const found = window();
    if (found === null) throw new AppError('unsupported', 'There is no window to ask in.');
    return found;
  };
  return {
    async pickFolder({ title, start }) {
      const { canceled, filePaths } = await dialog.showOpenDialog(owner(), {
        title,
        ...startOf(start, home),
        properties: ['openDirectory', 'createDirectory'],
      });
      return picked({ canceled, path: filePaths[0] });
    },
    async pickFile({ title, start, purpose }) {
      if (purpose === 'save') {
        const { canceled, filePath } = await dialog.showSaveDialog(owner(), {
          title,
          ...startOf(start, home),
        });
        return picked({ canceled, path: filePath });
      }
      const { canceled, filePaths } = await dialog.showOpenDialog(owner(), {
        title,
        ...startOf(start, home),
        properties: ['openFile'],
      });
      return picked({ canceled, path: filePaths[0] });
    },
    reveal(path) {
      shell.showItemInFolder(path);
      return Promise.resolve(done);
    },
    async openLink(link) {
      await shell.openExternal(links[link]);
      return done;
    },
    notify({ title, body, at }) {
      if (!Notification.isSupported()) return Promise.resolve({ kind: 'unsupported' });
      const notification = new Notification({ title, body });
      const [oldest] = notices.size < maxNotices ? [] : notices;
      if (oldest !== undefined) notices.delete(oldest);
      notices.add(notification);
      notification.on('close', () => {
        notices.delete(notification);
      });
      notification.on('click', () => {
        notices.delete(notification);
        open(at);
      });
      notification.show();
      return Promise.resolve(done);
    },
  };
}
