/**
 * The desktop application: one window over the engine of this user's data folder, ours or, when
 * another Waymark runs it, that one's over its socket. Closing the window keeps jobs and plans
 * going; the application ends when there is neither. What a second start says is never looked at.
 */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { app, dialog, protocol, session } from 'electron';
import { createClient, type Client } from '#contract/client.ts';
import { realFiles } from '#engine/world/files.ts';
import { desktopHandlers, type Desktop } from '../desktop.ts';
import { withDesktop } from '../desktop-transport.ts';
import { createOwnEngine, openLog } from '../owner/engine.ts';
import { dataFolder, runtimeFolder } from '../owner/folders.ts';
import { lastingSession, type Lasting } from '../owner/lasting.ts';
import { openSession } from '../owner/session.ts';
import { dataArgument, inBackground } from './arguments.ts';
import { electronDesktop } from './desktop.ts';
import { serveCalls, serveEvents } from './ipc.ts';
import { installMenu } from './menu.ts';
import { standStillNote } from './notices.ts';
import { createOneWindow, type OneWindow } from './one-window.ts';
import type { Overview } from './overview.ts';
import { appSchemePrivileges, serveInterface } from './protocol.ts';
import { appScheme } from './origin.ts';
import { surround } from './surround.ts';
import { hardenContents, hardenSession } from './window.ts';

process.umask(0o077);
const environment = process.env;
const folder = dataFolder(dataArgument(process.argv), environment);
const log = openLog(folder);
const report = (message: string, thrown: unknown) => log.error(message, thrown);
const bundles = join(import.meta.dirname, '..');
const developer = !app.isPackaged;
const icons = app.isPackaged
  ? join(process.resourcesPath, 'icons')
  : join(bundles, '../resources/icons');

const trayIcons = app.isPackaged
  ? join(process.resourcesPath, 'tray')
  : join(bundles, '../resources/tray');

let lasting: Lasting | null = null;
let quitting = false;

/** An application of its own for each data folder; the lock below is per this folder too. */
app.setPath('userData', join(folder, 'electron'));
app.enableSandbox();
protocol.registerSchemesAsPrivileged([appSchemePrivileges]);
app.on('web-contents-created', (_event, contents) => {
  hardenContents(contents);
});

function open(): Promise<Lasting> {
  const runtime = runtimeFolder(environment, userInfo().uid);
  const openOne = () =>
    openSession({
      dataFolder: folder,
      runtimeFolder: runtime,
      role: 'window',
      createEngine: () => createOwnEngine(folder, 'electron', environment, log),
      report,
    });
  return lastingSession(openOne, report);
}

async function leave(): Promise<void> {
  quitting = true;
  await lasting?.close().catch((thrown: unknown) => report('Closing failed', thrown));
  app.exit(0);
}

/** Quitting cancels what runs, so it asks first; and it says so when plans stand still then. */
async function askToLeave(client: Client, desktop: Desktop, { jobs, plans }: Overview) {
  if (jobs.length > 0) {
    const { response } = await dialog.showMessageBox({
      type: 'warning',
      message: 'A job is running',
      detail: 'Quitting cancels it. Earlier restore points are not affected.',
      buttons: ['Keep running', 'Quit and cancel it'],
      defaultId: 0,
      cancelId: 0,
    });
    if (response === 0) return;
  }
  const background = await client.call('background.get', {}).catch(() => null);
  const note = background === null ? null : standStillNote(plans, background);
  if (note !== null) await desktop.notify(note);
  await leave();
}

async function begin(): Promise<void> {
  await app.whenReady();
  hardenSession(session.defaultSession);
  protocol.handle(appScheme, serveInterface(realFiles, join(bundles, 'renderer')));
  installMenu(developer);
  lasting = await open();
  const window: OneWindow = createOneWindow(
    {
      preload: join(bundles, 'preload/preload.cjs'),
      icon: join(icons, '256x256.png'),
      developer,
    },
    ({ webContents }) => {
      serveEvents(transport, webContents);
    },
  );
  const show = (at: string | null) => {
    window.show(at);
  };
  const desktop = electronDesktop(window.current, show, homedir());
  const transport = withDesktop(lasting.transport, desktopHandlers(desktop), report);
  const client = createClient(transport);
  serveCalls(transport, report);
  if (!inBackground(process.argv)) show(null);
  const overview = surround({
    ...{ client, desktop, window, report },
    icons: trayIcons,
    leave: () => (quitting ? Promise.resolve() : leave()),
  });
  app.on('second-instance', () => {
    show(null);
  });
  app.on('before-quit', (event) => {
    if (quitting) return;
    event.preventDefault();
    void askToLeave(client, desktop, overview());
  });
  process.on('SIGTERM', () => void leave());
  process.on('SIGINT', () => void leave());
}

if (app.requestSingleInstanceLock()) {
  begin().catch((thrown: unknown) => {
    const id = report('The application could not start', thrown);
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    dialog.showErrorBox('Waymark could not start', `${words}\n\nThe log has it as ${id}.`);
    app.exit(1);
  });
} else {
  app.exit(0);
}
