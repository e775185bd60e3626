/**
 * The owner's socket: whoever owns a data folder answers other commands of the same user here. The
 * folder's own lock decides who owns it, so a socket file found here while we own it is a dead
 * one's and is removed. Mode 0600 in a folder of mode 0700 keeps other users out.
 *
 * Frames: { hello: role } → { welcome: true } once the engine has tried everything once, then
 * { call, id, name, input } → { reply, id }, and { name, payload } for events.
 */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Reply, Transport } from '#contract/client.ts';
import { isCallName } from '#contract/check.ts';
import { AppError, toWireError } from '#contract/errors.ts';
import { refusal, type Report } from '../dispatcher.ts';
import { createEventGate } from '../event-gate.ts';
import { pointerPath, socketPath } from './folders.ts';
import { createFrameDecoder, encodeFrame, maxCallBytes, maxReplyBytes } from './frames.ts';

export const maxClients = 64;
export const maxCallsPerClient = 32;
const socketMode = 0o600;

/** A command ends soon; a window stays, and so does a service. See session.ts for what follows. */
export type Role = 'command' | 'window';

export interface OwnerSocket {
  readonly path: string;
  /** Windows and services of other processes that are being served. */
  windows(): number;
  /** Resolves when no command of another process is being served. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

export interface OwnerSocketOptions {
  readonly dataFolder: string;
  readonly runtimeFolder: string;
  readonly transport: Transport;
  /** Resolves when every host and repository was tried once. */
  readonly settled: () => Promise<void>;
  readonly report: Report;
}

interface Clients {
  readonly all: Set<Socket>;
  readonly commands: Set<Socket>;
  changed: () => void;
}

function field(message: unknown, name: string): unknown {
  if (typeof message !== 'object' || message === null) return undefined;
  return (message as Record<string, unknown>)[name];
}

/** Serves one connection until it ends. */
function serve(socket: Socket, clients: Clients, options: OwnerSocketOptions): void {
  const { transport, report } = options;
  const decoder = createFrameDecoder(maxCallBytes);
  let calls = 0;
  const write = (message: unknown) => {
    if (!socket.writable) return;
    socket.write(encodeFrame(message, maxReplyBytes));
  };
  const gate = createEventGate(
    () => socket.writableLength,
    (name, payload) => {
      write({ name, payload });
    },
  );
  const unsubscribe = transport.subscribe(gate.send);
  socket.on('drain', () => {
    gate.drained();
  });

  async function reply(id: unknown, name: unknown, input: unknown): Promise<Reply<unknown>> {
    if (typeof id !== 'number') throw new AppError('invalid-input', 'A call has a number.');
    if (!isCallName(name)) throw new AppError('invalid-input', 'There is no such call.');
    if (calls >= maxCallsPerClient) throw new AppError('refused', 'Too many calls at once.');
    calls += 1;
    try {
      return await transport.invoke(name, input);
    } finally {
      calls -= 1;
    }
  }

  async function receive(message: unknown): Promise<void> {
    if (field(message, 'hello') !== undefined) {
      if (field(message, 'hello') === 'command') clients.commands.add(socket);
      await options.settled();
      write({ welcome: true });
      return;
    }
    const id = field(message, 'id');
    const answer = await reply(id, field(message, 'name'), field(message, 'input')).catch(
      (thrown: unknown): Reply<never> =>
        thrown instanceof AppError
          ? refusal(thrown)
          : { ok: false, error: toWireError(thrown, report('A command failed', thrown)) },
    );
    write({ reply: answer, id });
  }

  socket.on('data', (bytes) => {
    try {
      for (const message of decoder.push(bytes)) {
        receive(message).catch((thrown: unknown) => {
          report('A command on the socket failed', thrown);
          socket.destroy();
        });
      }
    } catch (thrown) {
      // Not our protocol: there is nothing sensible to answer.
      report('The socket got something that is no message', thrown);
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy()); // 'close' follows and cleans up
  socket.on('close', () => {
    unsubscribe();
    clients.all.delete(socket);
    clients.commands.delete(socket);
    clients.changed();
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Starts listening; to be called only by who owns the data folder. */
export async function openOwnerSocket(options: OwnerSocketOptions): Promise<OwnerSocket> {
  const { dataFolder, runtimeFolder } = options;
  const path = socketPath(dataFolder, runtimeFolder);
  const pointer = pointerPath(dataFolder);
  rmSync(path, { force: true });
  rmSync(pointer, { force: true });
  const clients: Clients = { all: new Set(), commands: new Set(), changed: () => undefined };
  const server = createServer((socket) => {
    if (clients.all.size >= maxClients) {
      socket.destroy();
      return;
    }
    clients.all.add(socket);
    serve(socket, clients, options);
  });
  await listen(server, path);
  chmodSync(path, socketMode);
  if (!path.startsWith(`${dataFolder}/`)) writeFileSync(pointer, path, { mode: socketMode });
  return {
    path,
    windows: () => clients.all.size - clients.commands.size,
    quiet: () =>
      new Promise((resolve) => {
        clients.changed = () => {
          if (clients.commands.size === 0) resolve();
        };
        clients.changed();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          rmSync(pointer, { force: true });
          resolve();
        });
        for (const socket of clients.all) socket.destroy();
      }),
  };
}
