/** The one window and the notices that lead into it, with stand-ins for Electron's own objects. */
import { beforeEach, describe, expect, it, vi } from 'vitest';

const stand = vi.hoisted(() => ({
  address: '',
  loads: 0,
  brought: [] as string[],
  close: () => {},
  notes: [] as unknown[],
  clicks: [] as (() => void)[],
}));

vi.mock('electron', () => ({
  BrowserWindow: class {
    readonly webContents = { getURL: () => stand.address };
    once(name: string, listener: () => void): void {
      if (name === 'closed') stand.close = listener;
    }
    async loadURL(url: string): Promise<void> {
      stand.loads += 1;
      stand.address = url;
    }
    isMinimized(): boolean {
      return true;
    }
    restore(): void {
      stand.brought.push('restore');
    }
    show(): void {
      stand.brought.push('show');
    }
    focus(): void {
      stand.brought.push('focus');
    }
  },
  Notification: class {
    static isSupported = () => true;
    constructor(options: unknown) {
      stand.notes.push(options);
    }
    on(name: string, listener: () => void): void {
      if (name === 'click') stand.clicks.push(listener);
    }
    show(): void {}
  },
  dialog: {},
  shell: {},
}));

const { electronDesktop } = await import('../../../../src-main/host/electron/desktop.ts');
const { createOneWindow } = await import('../../../../src-main/host/electron/one-window.ts');

beforeEach(() => {
  Object.assign(stand, { address: '', loads: 0, brought: [], notes: [], clicks: [] });
});

describe('the one window', () => {
  const options = { preload: '/app/preload.cjs', icon: '/app/icon.png', developer: false };

  it('is made at a place, brought to the front, and made again after it was closed', () => {
    const opened: unknown[] = [];
    const window = createOneWindow(options, (made) => opened.push(made));
    window.show('#/plan/a');
    expect(stand.address).toBe('app://bundle/#/plan/a');
    expect(opened).toEqual([window.current()]);
    window.show(null);
    expect(stand.brought).toEqual(['restore', 'show', 'focus']);
    window.show('#/job/b');
    expect([stand.address, stand.loads]).toEqual(['app://bundle/#/job/b', 2]);
    expect(opened).toHaveLength(1);
    stand.close();
    expect(window.current()).toBeNull();
    window.show(null);
    expect(stand.address).toBe('app://bundle/');
    expect(opened).toHaveLength(2);
  });

  it('is not loaded anew for the place it is at: what is typed in it stays', () => {
    const window = createOneWindow(options, () => undefined);
    window.show('#/job/b');
    window.show('#/job/b');
    expect(stand.loads).toBe(1);
  });
});

describe('a notice', () => {
  it('leads where it is about', async () => {
    const opened: (string | null)[] = [];
    const desktop = electronDesktop(
      () => null,
      (at) => opened.push(at),
      '/home/anna',
    );
    const note = { title: 'gitea: failed', body: 'Full.' };
    await desktop.notify({ ...note, at: '#/job/x' });
    await desktop.notify({ ...note, at: null });
    expect(stand.notes).toEqual([note, note]);
    for (const click of stand.clicks) click();
    expect(opened).toEqual(['#/job/x', null]);
  });
});
