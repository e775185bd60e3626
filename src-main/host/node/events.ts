/**
 * WebSocket /events: one way, engine to window. The first frame a window sends is the token and
 * must come within two seconds; anything else it sends ends the connection.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Transport } from '#contract/client.ts';
import { createEventGate } from '../event-gate.ts';
import { deny, sameToken, type Throttle } from './auth.ts';
import type { Idle } from './idle.ts';

/** A window has this long to say its token. */
export const tokenWithinMs = 2_000;
export const maxWindows = 32;
/** A token is 43 characters; nothing else is ever sent to us. */
const maxFrameBytes = 1024;
const pingEveryMs = 30_000;
/** Close codes of our own, beyond those the protocol reserves. */
export const closeUnauthorized = 4401;
const closePolicy = 1008;
const closeGoingAway = 1001;

export interface EventsOptions {
  readonly transport: Transport;
  readonly token: string;
  readonly throttle: Throttle;
  readonly idle: Idle;
  port(): number;
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.from(data as Buffer).toString('utf8');
}

/** Sends events to a window that has shown its token, until it goes. */
function feed(socket: WebSocket, options: EventsOptions): void {
  const release = options.idle.hold();
  const gate = createEventGate(
    () => socket.bufferedAmount,
    (name, payload) => {
      socket.send(JSON.stringify({ name, payload }), () => {
        gate.drained();
      });
    },
  );
  const unsubscribe = options.transport.subscribe(gate.send);
  let answered = true;
  const ping = setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    socket.ping();
  }, pingEveryMs);
  socket.on('pong', () => {
    answered = true;
  });
  socket.once('close', () => {
    clearInterval(ping);
    unsubscribe();
    release();
  });
  socket.on('message', () => {
    socket.close(closePolicy, 'Nothing is expected here.');
  });
}

function welcome(socket: WebSocket, options: EventsOptions): void {
  // An error here is a broken frame or connection; 'close' follows and cleans up.
  socket.on('error', () => {
    socket.terminate();
  });
  const late = setTimeout(() => {
    socket.close(closeUnauthorized, 'No token came.');
  }, tokenWithinMs);
  socket.once('close', () => {
    clearTimeout(late);
  });
  socket.once('message', (data) => {
    clearTimeout(late);
    if (sameToken(textOf(data), options.token)) feed(socket, options);
    else {
      const tooMany = options.throttle.failed();
      socket.close(closeUnauthorized, tooMany ? 'Too many wrong tokens.' : 'A wrong token.');
    }
  });
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Answers upgrades of `server`; returns the function that ends every event connection. */
export function serveEvents(server: Server, options: EventsOptions): () => void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => {
      stream.destroy();
    });
    const { method = '', headers, url } = request;
    if (deny({ method, headers, upgrade: true }, options.port()) !== null) {
      refuse(stream, '403 Forbidden');
    } else if (url !== '/events') refuse(stream, '404 Not Found');
    else if (sockets.clients.size >= maxWindows) refuse(stream, '503 Service Unavailable');
    else {
      sockets.handleUpgrade(request, stream, head, (socket) => {
        welcome(socket, options);
      });
    }
  });
  return () => {
    for (const socket of sockets.clients) {
      socket.close(closeGoingAway);
      socket.terminate();
    }
    sockets.close();
  };
}
