/** `serve --demo`: a pretend engine from the tests, in the source tree only. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Transport } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import { desktopHandlers, noDesktop } from '../desktop.ts';
import { createDispatcher, inProcess, type Answerer, type Report } from '../dispatcher.ts';

interface FakeModule {
  readonly createFakeEngine: (options: { readonly state?: string }) => Answerer & {
    stop(): Promise<void>;
  };
}

export async function demoTransport(state: string | undefined): Promise<{
  readonly transport: Transport;
  readonly report: Report;
  close(): Promise<void>;
}> {
  const path = join(import.meta.dirname, '../../..', 'test', 'fakes', 'handlers.ts');
  if (!import.meta.url.endsWith('.ts') || !existsSync(path)) {
    throw new AppError('unsupported', 'Pretend machines exist only in the source tree.');
  }
  // Loaded by address: no source file may depend on the tests, and no bundle should hold them.
  const { createFakeEngine } = (await import(pathToFileURL(path).href)) as FakeModule;
  const engine = createFakeEngine(state === undefined ? {} : { state });
  const report: Report = (message, thrown) => {
    console.error(message, thrown);
    return 'demo';
  };
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), report);
  return {
    transport: inProcess(dispatcher),
    report,
    close: async () => {
      dispatcher.close();
      await engine.stop();
    },
  };
}
