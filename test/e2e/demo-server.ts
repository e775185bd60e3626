/**
 * The interface served as people get it, with a pretend engine behind it: the real dispatcher, the
 * real loopback host, a starting state by name. Port 0, so that nothing collides.
 */
import { existsSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { desktopHandlers, noDesktop } from '../../src-main/host/desktop.ts';
import { createDispatcher } from '../../src-main/host/dispatcher.ts';
import type { Disk } from '../../src-main/host/interface-files.ts';
import { startLoopback } from '../../src-main/host/node/server.ts';
import { createFakeEngine, type FakeEngine, type FakeOptions } from '../fakes/handlers.ts';

const interfaceFolder = join(import.meta.dirname, '../../dist/renderer');

export interface DemoServer {
  readonly engine: FakeEngine;
  /** With the token after the hash. */
  readonly link: string;
  stop(): Promise<void>;
}

const disk: Disk = {
  realPath: (path) => realpath(path),
  stat: async (path) => {
    const found = await stat(path).catch(() => null);
    return found === null ? null : { kind: found.isFile() ? 'file' : 'folder' };
  },
  read: (path) => readFile(path),
};

export async function startDemoServer(options: FakeOptions): Promise<DemoServer> {
  if (!existsSync(join(interfaceFolder, 'index.html'))) {
    throw new Error(`${interfaceFolder} is not built: run "vite build --app" first.`);
  }
  const engine = createFakeEngine(options);
  await engine.start();
  const report = (message: string, thrown: unknown) => {
    console.error(message, thrown);
    return 'demo';
  };
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), report);
  const loopback = await startLoopback({
    transport: {
      invoke: (name, input) => dispatcher.answer(name, input),
      subscribe: (listener) => dispatcher.listen(listener),
    },
    disk,
    root: interfaceFolder,
    port: 0,
    report,
    now: () => Date.now(),
    idle: null,
  });
  return {
    engine,
    link: loopback.link,
    stop: async () => {
      await loopback.close();
      dispatcher.close();
      await engine.stop();
    },
  };
}
