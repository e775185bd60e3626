/**
 * An engine to talk to: our own when the data folder is free, else the one that owns it, over its
 * socket. A command that owns stays until the commands of others that it serves have ended; a
 * window or service, which somebody ends on purpose, gives them a moment.
 */
import type { Transport } from '#contract/client.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import { desktopHandlers, noDesktop } from '../desktop.ts';
import { createDispatcher, inProcess, type Answerer, type Report } from '../dispatcher.ts';
import { connectToOwner } from './connection.ts';
import { openOwnerSocket, type Role } from './socket.ts';

/** What the host needs of an engine. */
export interface RunningEngine extends Answerer {
  start(): Promise<void>;
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface SessionOptions {
  readonly dataFolder: string;
  readonly runtimeFolder: string;
  readonly role: Role;
  /** Rejects with `data-folder-in-use` when another process owns the folder. */
  readonly createEngine: () => Promise<RunningEngine>;
  readonly report: Report;
  /** How long to wait for an owner that does not answer. */
  readonly patienceMs?: number;
}

export interface Session {
  readonly transport: Transport;
  /** False when another process runs the engine. */
  readonly owner: boolean;
  /** Windows of other processes that see the same engine, as far as this one can tell. */
  others(): number;
  /** Resolves when the engine is gone without `close`: only when another process ran it. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

/** A window or service that is told to end gives the commands of others this long to end too. */
const commandsWithinMs = 5_000;
/** An owner that is starting or leaving has no socket for a moment. */
const ownerWithinMs = 15_000;
const retryEveryMs = 150;

/** Rejects with `data-folder-in-use` when somebody owns the folder and does not answer. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const giveUpAt = performance.now() + (options.patienceMs ?? ownerWithinMs);
  for (;;) {
    try {
      return await own(options);
    } catch (thrown) {
      if (!hasCode(thrown, 'data-folder-in-use')) throw thrown;
      const attached = await attach(options);
      if (attached !== null) return attached;
      if (performance.now() > giveUpAt) throw unanswered(thrown, options.dataFolder);
      await new Promise((resolve) => setTimeout(resolve, retryEveryMs));
    }
  }
}

function unanswered(thrown: AppError, path: string): AppError {
  return new AppError(
    'data-folder-in-use',
    'Another Waymark owns the data folder and does not answer.',
    {
      ...thrown.data,
      path,
      unharmed: 'Nothing was changed.',
      advice: 'End it, or give this command a folder of its own with --data.',
    },
    thrown,
  );
}

async function own(options: SessionOptions): Promise<Session> {
  const { dataFolder, runtimeFolder, report } = options;
  const engine = await options.createEngine();
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), report);
  const transport = inProcess(dispatcher);
  try {
    await engine.start();
    const settled = engine.settled();
    settled.catch(() => undefined); // told to whoever awaits it below
    const socket = await openOwnerSocket({
      ...{ dataFolder, runtimeFolder, transport, report },
      settled: () => settled,
    });
    if (options.role === 'command') await settled;
    return {
      transport,
      owner: true,
      others: () => socket.windows(),
      lost: new Promise(() => undefined),
      close: async () => {
        if (options.role === 'command') await socket.quiet();
        else await within(commandsWithinMs, socket.quiet());
        // A command that still follows a job is told that the job was cancelled, before it is left.
        dispatcher.endCalls();
        await engine.stop();
        await socket.close();
        dispatcher.close();
      },
    };
  } catch (thrown) {
    dispatcher.close();
    await engine.stop();
    throw thrown;
  }
}

/** Resolves when `done` does, or after that long. */
function within(ms: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, ms);
    void done.then(() => {
      clearTimeout(late);
      resolve();
    });
  });
}

async function attach(options: SessionOptions): Promise<Session | null> {
  const { dataFolder, runtimeFolder, role } = options;
  const owner = await connectToOwner(dataFolder, runtimeFolder, role);
  if (owner === null) return null;
  return {
    transport: owner.transport,
    owner: false,
    others: () => 1,
    lost: owner.closed,
    close: () => {
      owner.close();
      return Promise.resolve();
    },
  };
}
