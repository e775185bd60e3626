/** waymark serve and waymark start: the interface on loopback. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createClient, type Transport } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { realFiles } from '#engine/world/files.ts';
import { findBrowser, hasDisplay, openWindow } from '../browser.ts';
import { flag, textValue, usage, type Command, type Context } from '../command.ts';
import { createOwnEngine, openLog } from '../../owner/engine.ts';
import { runtimeFolder } from '../../owner/folders.ts';
import { lastingSession } from '../../owner/lasting.ts';
import { isNeeded } from '../idle.ts';
import { exitCodes, type ExitCode } from '../output.ts';
import { startLoopback, type LoopbackOptions } from '../server.ts';
import { openSession } from '../../owner/session.ts';
import { demoTransport } from '../demo.ts';
import { showNotice } from '../desktop-notices.ts';
import { build, builderOf, isBuilt } from '../build.ts';
import { electronObstacle, electronProgram, packageRoot } from '../runtime.ts';

/** The server of `npm start` ends when no window was open for this long. */
const startIdleMs = 10 * 60_000;
const maxPort = 65_535;

/** The folder of the built interface; in the source tree it is built first where it must be. */
async function interfaceRoot(context: Context, fresh: boolean): Promise<string> {
  const root = packageRoot();
  const folder = join(root, 'dist/renderer');
  const builder = import.meta.url.endsWith('.ts') ? builderOf(root) : null;
  const missing = !existsSync(join(folder, 'index.html'));
  if (builder !== null && (missing || (fresh && !isBuilt(root)))) {
    context.output.note('Building the interface, a few seconds…');
    await build(root, builder);
  } else if (missing) {
    throw new AppError('path-not-found', 'The interface is not built.', {
      unharmed: 'Nothing was started.',
      advice: 'Run npm run build.',
    });
  }
  return folder;
}

function portOf(context: Context): number {
  const text = textValue(context, 'port') ?? '0';
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= maxPort) return port;
  throw usage('--port takes a number from 0 to 65535.');
}

interface Serving {
  readonly transport: Transport;
  readonly owner: () => boolean;
  readonly alone: () => boolean;
  readonly report: LoopbackOptions['report'];
  close(): Promise<void>;
}

async function openServing(context: Context): Promise<Serving> {
  if (flag(context, 'demo')) {
    const demo = await demoTransport(textValue(context, 'demo-state'));
    return { ...demo, owner: () => false, alone: () => true };
  }
  const { dataFolder, environment } = context;
  const log = openLog(dataFolder);
  const report = (message: string, thrown: unknown) => log.error(message, thrown);
  const runtime = runtimeFolder(environment, userInfo().uid);
  const open = () =>
    openSession({
      dataFolder,
      runtimeFolder: runtime,
      role: 'window',
      createEngine: () => createOwnEngine(dataFolder, 'browser', environment, log),
      report,
    });
  return { ...(await lastingSession(open, report)), report };
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The engine and its plans, without an interface and without the secret of one. */
async function runInBackground(context: Context): Promise<ExitCode> {
  const { transport, alone, close } = await openServing(context);
  createClient(transport).on('news', (news) => {
    if (alone()) showNotice(news); // a window shows it itself
  });
  context.output.result({ running: true }, () => 'Waymark runs plans. It ends at SIGTERM.');
  await stopped(context.signal);
  await close();
  return exitCodes.done;
}

/** Serves until Ctrl+C or, with an idle limit, until nobody uses it. */
async function serveUntilEnd(
  context: Context,
  root: string,
  idleMs: number | null,
): Promise<ExitCode> {
  const port = portOf(context);
  const { transport, owner, report, close } = await openServing(context);
  try {
    const server = await startLoopback({
      ...{ transport, report, root, port },
      idle:
        idleMs === null
          ? null
          : { afterMs: idleMs, needed: () => isNeeded(createClient(transport), owner()) },
      disk: realFiles,
      now: context.now,
    });
    const window = openBrowser(context, server.link);
    context.output.result({ link: server.link, port: server.port }, () => server.link);
    await Promise.race([stopped(context.signal), server.closed]);
    window?.end();
    await server.close();
  } finally {
    await close();
  }
  return exitCodes.done;
}

function openBrowser(context: Context, link: string): { readonly end: () => void } | null {
  const { environment } = context;
  const { uid } = userInfo();
  if (flag(context, 'no-open') || uid === 0 || !hasDisplay(environment)) return null;
  const browser = findBrowser(environment);
  return browser === null ? null : openWindow(browser, runtimeFolder(environment, uid), link);
}

const options: Command['options'] = {
  port: {
    type: 'string',
    value: 'N',
    help: 'listen on this port of 127.0.0.1 (default: a free one)',
  },
  'no-open': { type: 'boolean', help: 'open no window, only print the link' },
  demo: { type: 'boolean', help: 'pretend machines instead of real ones (source tree only)' },
  'demo-state': { type: 'string', value: 'NAME', help: 'starting state of the pretend machines' },
};

export const serveCommand: Command = {
  name: 'serve',
  operands: '',
  summary: 'serve the interface on this computer only, and print its link',
  options: {
    ...options,
    background: { type: 'boolean', help: 'only run plans, without an interface: for a service' },
  },
  count: { min: 0, max: 0 },
  details: 'The link holds a secret of this start: who has it can do what you can. Ctrl+C ends it.',
  async run(context) {
    portOf(context); // wrong usage is told before anything is built
    if (flag(context, 'background')) {
      const odd = ['port', 'demo'].find((name) => context.values[name] !== undefined);
      if (odd !== undefined) throw usage(`--${odd} is of no use with --background.`);
      return runInBackground(context);
    }
    return serveUntilEnd(context, await interfaceRoot(context, false), null);
  },
};

function runElectron(program: string, main: string, context: Context): Promise<ExitCode> {
  const child = spawn(program, [main, `--data=${context.dataFolder}`], { stdio: 'inherit' });
  context.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  return new Promise((resolve, reject) => {
    child.on('error', (thrown) => {
      reject(new AppError('internal', 'Electron could not be started.', {}, thrown));
    });
    child.on('exit', (code) => {
      resolve(code === 0 ? exitCodes.done : exitCodes.failed);
    });
  });
}

export const startCommand: Command = {
  name: 'start',
  operands: '',
  summary: 'open the window; in a browser where the desktop application cannot run',
  options,
  count: { min: 0, max: 0 },
  async run(context) {
    portOf(context);
    const root = await interfaceRoot(context, true);
    const obstacle = flag(context, 'demo')
      ? 'pretend machines are shown in a browser'
      : electronObstacle(context.environment, userInfo().uid);
    const program = electronProgram();
    if (obstacle === null && program !== null) {
      return runElectron(program.path, program.main, context);
    }
    context.output.note(`No desktop window: ${obstacle ?? 'there is no Electron runtime'}.`);
    return serveUntilEnd(context, root, startIdleMs);
  },
};
