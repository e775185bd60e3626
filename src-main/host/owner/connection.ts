/** The other end of the owner's socket: a transport to the engine another process runs. */
import { lstatSync, readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import type { Reply, Transport } from '#contract/client.ts';
import { eventNames, type CallName, type EventName } from '#contract/contract.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import type { EventListener } from '../dispatcher.ts';
import { pointerPath, socketPath } from './folders.ts';
import { createFrameDecoder, encodeFrame, maxCallBytes, maxReplyBytes } from './frames.ts';
import type { Role } from './socket.ts';

export interface OwnerConnection {
  readonly transport: Transport;
  /** Resolves when the owner went away or `close` was called. */
  readonly closed: Promise<void>;
  close(): void;
}

/** An owner connects to its hosts before it welcomes; an unreachable one takes this long. */
const welcomeWithinMs = 60_000;

function gone(): AppError {
  return new AppError('not-connected', 'The Waymark that answered has ended.', {
    advice: 'Run the command again: it then runs by itself.',
  });
}

/** The path another process listens on; null when there is none that is ours. */
function pathToOwner(dataFolder: string, runtimeFolder: string): string | null {
  try {
    let path = socketPath(dataFolder, runtimeFolder);
    try {
      path = readFileSync(pointerPath(dataFolder), 'utf8');
    } catch {
      // No pointer: the socket is at its usual place.
    }
    const found = lstatSync(path);
    return found.isSocket() && found.uid === process.getuid?.() ? path : null;
  } catch (thrown) {
    if (hasCode(thrown, 'socket-path-too-long')) throw thrown;
    return null; // nobody listens
  }
}

function connect(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    // A file nobody listens on: its owner was killed.
    const fail = () => {
      resolve(null);
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

interface Pending {
  readonly resolve: (reply: Reply<unknown>) => void;
  readonly reject: (error: AppError) => void;
}

/** Speaks the socket's protocol over one connection. */
class OwnerLink {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<EventListener>();
  readonly #decoder = createFrameDecoder(maxReplyBytes);
  #nextId = 1;
  #ended = false;
  #welcome: (ok: boolean) => void = () => undefined;
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end();
        resolve();
      });
    });
    socket.on('error', () => socket.destroy()); // 'close' follows
    socket.on('data', (bytes) => {
      this.#receive(bytes);
    });
  }

  /** True once the owner is ready; false when it left before. */
  hello(role: Role): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#socket.destroy();
      }, welcomeWithinMs);
      this.#welcome = (ok) => {
        clearTimeout(late);
        resolve(ok);
      };
      this.#socket.write(encodeFrame({ hello: role }, maxCallBytes));
    });
  }

  invoke(name: CallName, input: unknown): Promise<Reply<unknown>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw gone();
      const id = this.#nextId;
      const frame = encodeFrame({ call: true, id, name, input }, maxCallBytes);
      this.#nextId += 1;
      this.#pending.set(id, { resolve, reject });
      this.#socket.write(frame);
    });
  }

  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    try {
      for (const message of this.#decoder.push(bytes)) this.#handle(message);
    } catch {
      this.#socket.destroy(); // it no longer speaks our protocol: every open call is told
    }
  }

  #handle(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    const record = message as Record<string, unknown>;
    if (record['welcome'] === true) this.#welcome(true);
    else if (typeof record['id'] === 'number') {
      const pending = this.#pending.get(record['id']);
      this.#pending.delete(record['id']);
      pending?.resolve(record['reply'] as Reply<unknown>);
    } else {
      const name = eventNames.find((known): known is EventName => known === record['name']);
      if (name === undefined) return; // of a newer Waymark
      for (const listener of [...this.#listeners]) listener(name, record['payload']);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#welcome(false);
    for (const pending of this.#pending.values()) pending.reject(gone());
    this.#pending.clear();
  }
}

/** Connects to the engine that owns a data folder; null when nobody answers there. */
export async function connectToOwner(
  dataFolder: string,
  runtimeFolder: string,
  role: Role,
): Promise<OwnerConnection | null> {
  const path = pathToOwner(dataFolder, runtimeFolder);
  if (path === null) return null;
  const socket = await connect(path);
  if (socket === null) return null;
  const link = new OwnerLink(socket);
  if (!(await link.hello(role))) return null;
  return {
    transport: {
      invoke: (name, input) => link.invoke(name, input),
      subscribe: (listener) => link.subscribe(listener),
    },
    closed: link.closed,
    close: () => {
      link.close();
    },
  };
}
