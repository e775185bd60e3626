/**
 * Every item of the Electron checklist that can be judged without its runtime: typed stand-ins take
 * the place of Electron's own objects.
 */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { realFiles } from '#engine/world/files.ts';
import type { checkSender } from '../../../../src-main/host/electron/ipc.ts';
import { desktopHandlers, links, noDesktop } from '../../../../src-main/host/desktop.ts';
import { createDispatcher, inProcess } from '../../../../src-main/host/dispatcher.ts';
import { createFakeEngine } from '../../../fakes/handlers.ts';

type Handler = (...args: readonly unknown[]) => unknown;

const stand = vi.hoisted(() => {
  const state = {
    handlers: new Map<string, (...args: readonly unknown[]) => unknown>(),
    exposed: new Map<string, Record<string, (...args: never[]) => unknown>>(),
    received: new Map<string, (...args: readonly unknown[]) => unknown>(),
    invoked: [] as (readonly unknown[])[],
    opened: [] as string[],
    revealed: [] as string[],
    windows: [] as { options: Record<string, unknown>; url: string }[],
    dialog: { canceled: false, filePaths: ['/srv/attic'], filePath: '/srv/new.img' },
    asked: [] as Record<string, unknown>[],
    notes: [] as unknown[],
  };
  return state;
});

vi.mock('electron', () => ({
  ipcMain: {
    handle: (channel: string, handler: Handler) => stand.handlers.set(channel, handler),
    removeHandler: (channel: string) => stand.handlers.delete(channel),
  },
  ipcRenderer: {
    invoke: async (...args: readonly unknown[]) => {
      stand.invoked.push(args);
      return { ok: true, value: null };
    },
    on: (channel: string, listener: Handler) => stand.received.set(channel, listener),
    off: (channel: string) => stand.received.delete(channel),
  },
  contextBridge: {
    exposeInMainWorld: (name: string, value: Record<string, () => unknown>) => {
      stand.exposed.set(name, value);
    },
  },
  BrowserWindow: class {
    constructor(options: Record<string, unknown>) {
      stand.windows.push({ options, url: '' });
    }
    once(): void {}
    async loadURL(url: string): Promise<void> {
      stand.windows.at(-1)!.url = url;
    }
  },
  shell: {
    openExternal: async (url: string) => stand.opened.push(url),
    showItemInFolder: (path: string) => stand.revealed.push(path),
  },
  dialog: {
    showOpenDialog: async (_window: unknown, options: Record<string, unknown>) => {
      stand.asked.push(options);
      return stand.dialog;
    },
    showSaveDialog: async (_window: unknown, options: Record<string, unknown>) => {
      stand.asked.push(options);
      return stand.dialog;
    },
  },
  Notification: class {
    static isSupported = () => true;
    constructor(options: unknown) {
      stand.notes.push(options);
    }
    on(): void {}
    show(): void {}
  },
}));

const { callChannel, eventChannel } =
  await import('../../../../src-main/host/electron/channels.ts');
const { electronDesktop } = await import('../../../../src-main/host/electron/desktop.ts');
const { serveCalls, serveEvents } = await import('../../../../src-main/host/electron/ipc.ts');
const { isOurs } = await import('../../../../src-main/host/electron/origin.ts');
const { appSchemePrivileges, serveInterface } =
  await import('../../../../src-main/host/electron/protocol.ts');
const { createWindow, hardenContents, hardenSession } =
  await import('../../../../src-main/host/electron/window.ts');

type Sender = Parameters<typeof checkSender>[0];

/** A message as it comes from a page at `url`; in a subframe if asked. */
function message(url: string, where: 'main' | 'subframe' | 'gone' = 'main'): Sender {
  const frame = { url };
  const mainFrame = where === 'subframe' ? { url: 'app://bundle/' } : frame;
  const senderFrame = where === 'gone' ? null : frame;
  return { senderFrame, sender: { mainFrame } } as unknown as Sender;
}

const foreign = [
  'https://evil.example/',
  'app://bundle.evil.example/',
  'app://bundleevil/',
  'app://bundle@evil.example/',
  'app://evil@bundle/',
  'app://bundle:81/',
  'file:///srv/index.html',
  'data:text/html,hello',
  'about:blank',
  'about:srcdoc',
  'javascript:alert(1)',
  'devtools://devtools/x.html',
  '',
  'not an address',
];

beforeEach(() => {
  stand.invoked.length = 0;
  stand.opened.length = 0;
  stand.windows.length = 0;
  stand.asked.length = 0;
});

describe('messages from windows', () => {
  const engine = createFakeEngine();
  const reports: string[] = [];
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), () => 'log-1');
  const transport = inProcess(dispatcher);
  serveCalls(transport, (text) => {
    reports.push(text);
    return 'log-1';
  });
  const send = (from: Sender, name: unknown, input: unknown): unknown =>
    stand.handlers.get(callChannel)!(from, name, input);

  it('are answered when they come from the main frame of our page', async () => {
    const reply = await send(message('app://bundle/'), 'hosts.list', {});
    expect(reply).toEqual({ ok: true, value: engine.state.hosts });
  });

  it.each(foreign)('are refused from %j, and it is noted', async (url) => {
    reports.length = 0;
    await expect(send(message(url), 'hosts.list', {})).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(reports).toHaveLength(1);
  });

  it('are refused from a subframe, even of our page, and from a frame that is gone', async () => {
    for (const where of ['subframe', 'gone'] as const) {
      const sent = send(message('app://bundle/', where), 'hosts.list', {});
      await expect(sent).rejects.toMatchObject({ code: 'unauthorized' });
    }
  });

  it('are refused with a bad payload and for an unknown call', async () => {
    const from = message('app://bundle/');
    expect(await send(from, 'machines.get', { machine: 7 })).toMatchObject({
      error: { code: 'invalid-input' },
    });
    for (const name of ['machines.explode', '__proto__', 7, null, { toString: () => 'app.info' }]) {
      expect(await send(from, name, {})).toMatchObject({ error: { code: 'invalid-input' } });
    }
  });

  it('have one channel', () => {
    expect([...stand.handlers.keys()]).toEqual([callChannel]);
  });

  it('events end with their window', () => {
    const sent: unknown[] = [];
    let destroyed: () => void = () => undefined;
    const contents = {
      isDestroyed: () => false,
      send: (...args: unknown[]) => sent.push(args),
      once: (_name: string, listener: () => void) => (destroyed = listener),
    };
    serveEvents(transport, contents as unknown as Parameters<typeof serveEvents>[1]);
    engine.emit('state.reset', null);
    destroyed();
    engine.emit('state.reset', null);
    expect(sent).toEqual([[eventChannel, 'state.reset', null]]);
  });
});

describe('preload', () => {
  it('exposes two functions and nothing else', async () => {
    await import('../../../../src-main/host/electron/preload.ts');
    expect([...stand.exposed.keys()]).toEqual(['bridge']);
    const bridge = stand.exposed.get('bridge')!;
    expect(Object.keys(bridge).sort()).toEqual(['invoke', 'subscribe']);
  });

  it('passes on calls of the contract only, over the channel the main process has', async () => {
    const bridge = stand.exposed.get('bridge') as unknown as {
      invoke(name: unknown, input: unknown): Promise<unknown>;
    };
    await bridge.invoke('hosts.list', {});
    expect(stand.invoked).toEqual([[callChannel, 'hosts.list', {}]]);
    for (const name of ['shell.openExternal', '__proto__', 7, 'jobs.changed']) {
      expect(await bridge.invoke(name, {})).toMatchObject({ ok: false });
    }
    expect(stand.invoked).toHaveLength(1);
  });

  it('gives a page the event without Electron, only known ones, until it unsubscribes', () => {
    const bridge = stand.exposed.get('bridge') as unknown as {
      subscribe(listener: unknown): () => void;
    };
    const seen: unknown[][] = [];
    const stop = bridge.subscribe((...args: unknown[]) => seen.push(args));
    const receive = stand.received.get(eventChannel)!;
    receive({ sender: 'ipcRenderer' }, 'hosts.changed', []);
    receive({ sender: 'ipcRenderer' }, 'made.up', []);
    expect(seen).toEqual([['hosts.changed', []]]);
    stop();
    expect(stand.received.size).toBe(0);
    expect(() => bridge.subscribe('no function')).toThrow(TypeError);
  });
});

describe('windows', () => {
  it('are isolated, sandboxed, without Node, on our page', () => {
    const options = { preload: '/app/preload.cjs', icon: '/app/icon.png' };
    createWindow({ ...options, developer: false }, '');
    const [window] = stand.windows;
    expect(window!.url).toBe('app://bundle/');
    expect(window!.options['webPreferences']).toEqual({
      preload: '/app/preload.cjs',
      nodeIntegration: false,
      contextIsolation: true,
      sandbox: true,
      webSecurity: true,
      webviewTag: false,
      devTools: false,
      spellcheck: false,
      navigateOnDragDrop: false,
    });
  });

  it('go nowhere else and open nothing', () => {
    const listeners = new Map<string, (event: object) => void>();
    let openHandler: () => unknown = () => null;
    hardenContents({
      on: (name: string, listener: (event: object) => void) => listeners.set(name, listener),
      setWindowOpenHandler: (handler: () => unknown) => (openHandler = handler),
    } as unknown as Parameters<typeof hardenContents>[0]);
    const prevented = (name: string, url: string): boolean => {
      const preventDefault = vi.fn();
      listeners.get(name)!({ url, preventDefault });
      return preventDefault.mock.calls.length === 1;
    };
    for (const name of ['will-navigate', 'will-frame-navigate', 'will-redirect']) {
      for (const url of foreign) expect([url, prevented(name, url)]).toEqual([url, true]);
      expect(prevented(name, 'app://bundle/')).toBe(false);
    }
    expect(prevented('will-attach-webview', 'app://bundle/')).toBe(true);
    expect(openHandler()).toEqual({ action: 'deny' });
  });

  it('get no permission, no device and no download', () => {
    let request: (c: unknown, p: string, answer: (yes: boolean) => void) => void = () => undefined;
    let check: () => boolean = () => true;
    let device: () => boolean = () => true;
    let download: (event: object) => void = () => undefined;
    hardenSession({
      setPermissionRequestHandler: (handler: typeof request) => (request = handler),
      setPermissionCheckHandler: (handler: typeof check) => (check = handler),
      setDevicePermissionHandler: (handler: typeof device) => (device = handler),
      on: (_name: string, listener: typeof download) => (download = listener),
    } as unknown as Parameters<typeof hardenSession>[0]);
    const answers: boolean[] = [];
    for (const name of ['media', 'geolocation', 'notifications', 'fullscreen', 'openExternal']) {
      request({}, name, (yes) => answers.push(yes));
    }
    expect(answers).toEqual([false, false, false, false, false]);
    expect([check(), device()]).toEqual([false, false]);
    const preventDefault = vi.fn();
    download({ preventDefault });
    expect(preventDefault).toHaveBeenCalledOnce();
  });
});

describe('our origin', () => {
  it('is compared by its parts', () => {
    expect(isOurs('app://bundle/')).toBe(true);
    expect(isOurs('app://bundle/assets/main.js?x#y')).toBe(true);
    for (const url of foreign) expect([url, isOurs(url)]).toEqual([url, false]);
  });
});

describe('app://', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waymark-app-'));
  const root = join(folder, 'renderer');
  mkdirSync(root);
  writeFileSync(join(root, 'index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'secret.html'), 'secret');
  symlinkSync('../secret.html', join(root, 'link.html'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const get = (url: string, method = 'GET') => serveInterface(realFiles, root)({ url, method });

  it('is a standard, secure scheme without more', () => {
    expect(appSchemePrivileges).toEqual({
      scheme: 'app',
      privileges: { standard: true, secure: true, supportFetchAPI: true },
    });
  });

  it('serves the page under the content policy', async () => {
    const response = await get('app://bundle/#start');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<!doctype html>');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    'app://bundle/../secret.html',
    'app://bundle/..%2fsecret.html',
    'app://bundle/%2e%2e/secret.html',
    'app://bundle/%2e%2e%2fsecret.html',
    'app://bundle/%252e%252e%252fsecret.html',
    'app://bundle/index.html%00',
    'app://bundle//etc/hosts.html',
    'app://bundle/%2fetc/hosts.html',
    'app://bundle/link.html',
    'app://other/index.html',
    'app://bundle.evil/index.html',
    'app://user@bundle/index.html',
    'file:///etc/hosts.html',
  ])('has nothing for %s', async (url) => {
    const response = await get(url);
    expect(response.status).toBe(404);
    expect(await response.text()).toBe('');
  });

  it('answers only questions', async () => {
    expect((await get('app://bundle/', 'POST')).status).toBe(405);
    expect(await (await get('app://bundle/', 'HEAD')).text()).toBe('');
  });
});

describe('desktop', () => {
  const window = {} as ReturnType<Parameters<typeof electronDesktop>[0]>;
  const opened: (string | null)[] = [];
  const desktop = electronDesktop(
    () => window,
    (at) => opened.push(at),
    '/home/anna',
  );

  it('opens an address by key, never by text', async () => {
    await desktop.openLink('libvirt-connect');
    expect(stand.opened).toEqual([links['libvirt-connect']]);
  });

  it('answers what was picked, or that nothing was', async () => {
    const title = 'Where';
    expect(await desktop.pickFolder({ title, start: null })).toEqual({
      kind: 'picked',
      path: '/srv/attic',
    });
    expect(stand.asked[0]).toMatchObject({ defaultPath: '/home/anna' });
    const save = { title, start: '/srv', purpose: 'save' } as const;
    expect(await desktop.pickFile(save)).toEqual({ kind: 'picked', path: '/srv/new.img' });
    stand.dialog = { canceled: true, filePaths: [], filePath: '' };
    expect(await desktop.pickFolder({ title, start: null })).toEqual({ kind: 'cancelled' });
    expect(await desktop.pickFile(save)).toEqual({ kind: 'cancelled' });
    expect(await desktop.pickFile({ ...save, purpose: 'open' })).toEqual({ kind: 'cancelled' });
  });

  it('has nobody to ask without a window', async () => {
    const none = electronDesktop(
      () => null,
      () => undefined,
      '/home/anna',
    );
    await expect(none.pickFolder({ title: 'Where', start: null })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });
});
