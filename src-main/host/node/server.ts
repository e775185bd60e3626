/**
 * The loopback host: the built interface, POST /call/<name> and WebSocket /events on 127.0.0.1,
 * each call with the token of this start. It promises that no other address is bound, that no
 * cookie and no CORS header exist, and that every limit below has a test. It does not know the
 * engine: it speaks to any transport, so that it serves an engine of another process just as well.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Reply, Transport } from '#contract/client.ts';
import { isCallName } from '#contract/check.ts';
import { AppError, toWireError, type ErrorCode } from '#contract/errors.ts';
import { securityHeaders } from '../content-policy.ts';
import { refusal, type Report } from '../dispatcher.ts';
import { interfaceFile, type Disk } from '../interface-files.ts';
import { bearer, createThrottle, deny, newToken, sameToken, type Throttle } from './auth.ts';
import { readBody } from './body.ts';
import { serveEvents } from './events.ts';
import { createIdle, type Idle, type IdleRule } from './idle.ts';

const address = '127.0.0.1';
/** The longest legal call is a list of a thousand ids. */
export const maxBodyBytes = 1024 * 1024;
export const maxConnections = 128;
/** Calls being answered at once. */
export const maxCalls = 64;
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;

export interface LoopbackOptions {
  readonly transport: Transport;
  readonly disk: Disk;
  /** Folder of the built interface. */
  readonly root: string;
  readonly port: number; // 0 lets the system choose
  readonly report: Report;
  readonly now: () => number;
  /** When it ends by itself because nobody uses it; null: never. */
  readonly idle: IdleRule | null;
}

export interface Loopback {
  readonly port: number;
  readonly token: string;
  /** With the token after the hash: it reaches no log and no other site. */
  readonly link: string;
  /** Resolves when it closed, by `close` or by itself for lack of use. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

interface Context extends Omit<LoopbackOptions, 'idle'> {
  readonly token: string;
  readonly throttle: Throttle;
  readonly idle: Idle;
  port: number;
  calls: number;
}

function answerJson(response: ServerResponse, status: number, reply: Reply<unknown>): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  response.end(JSON.stringify(reply));
}

function answerError(
  response: ServerResponse,
  status: number,
  code: ErrorCode,
  message: string,
): void {
  answerJson(response, status, refusal(new AppError(code, message, { status })));
}

async function serveFile(
  context: Context,
  path: string,
  method: string,
  response: ServerResponse,
): Promise<void> {
  const file = await interfaceFile(context.disk, context.root, path);
  if (file === null) {
    answerError(response, 404, 'not-found', 'There is nothing here.');
    return;
  }
  response.writeHead(200, {
    'Content-Type': file.type,
    'Content-Length': file.bytes.length,
    'Cache-Control': file.immutable ? 'private, max-age=31536000, immutable' : 'no-cache',
  });
  response.end(method === 'HEAD' ? undefined : file.bytes);
}

async function serveCall(
  context: Context,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!sameToken(bearer(request.headers), context.token)) {
    const status = context.throttle.failed() ? 429 : 401;
    answerError(response, status, 'unauthorized', 'This link is not valid any more.');
    return;
  }
  context.idle.touch();
  if (!isCallName(name)) {
    answerError(response, 404, 'invalid-input', 'There is no such call.');
    return;
  }
  if (context.calls >= maxCalls) {
    answerError(response, 503, 'refused', 'Too many calls at once.');
    return;
  }
  context.calls += 1;
  try {
    const body = await readBody(request, maxBodyBytes);
    if (body.kind === 'too-large') {
      response.setHeader('Connection', 'close');
      answerError(response, 413, 'invalid-input', `A call has at most ${maxBodyBytes} bytes.`);
    } else if (body.kind === 'not-json') {
      answerError(response, 400, 'invalid-input', 'The call is not JSON.');
    } else {
      answerJson(response, 200, await context.transport.invoke(name, body.value));
    }
  } finally {
    context.calls -= 1;
  }
}

async function serve(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  const { method = '', headers, url = '' } = request;
  const denial = deny({ method, headers, upgrade: false }, context.port);
  if (denial !== null) {
    response.setHeader('Connection', 'close');
    answerError(response, denial.status, 'unauthorized', `Refused: ${denial.why}.`);
    return;
  }
  const path = url.split('?')[0] ?? '';
  if (method !== 'POST') await serveFile(context, path, method, response);
  else if (path.startsWith('/call/')) {
    await serveCall(context, path.slice('/call/'.length), request, response);
  } else answerError(response, 404, 'not-found', 'There is nothing here.');
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (thrown: NodeJS.ErrnoException) => {
      const taken = thrown.code === 'EADDRINUSE' || thrown.code === 'EACCES';
      const message = taken
        ? `Port ${port} cannot be used: another program has it, or it is reserved.`
        : `Port ${port} cannot be used.`;
      const advice = 'Leave --port out: a free one is chosen.';
      reject(new AppError('refused', message, { port, advice }, thrown));
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Starts serving; rejects with `refused` when the port cannot be had. */
export async function startLoopback(options: LoopbackOptions): Promise<Loopback> {
  const { transport, report, now } = options;
  const idle = createIdle(options.idle, () => void close());
  const token = newToken();
  const throttle = createThrottle(now);
  const context: Context = { ...options, token, throttle, idle, calls: 0 };
  const server = createServer((request, response) => {
    serve(context, request, response).catch((thrown: unknown) => {
      const logId = report('A request failed', thrown);
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { ok: false, error: toWireError(thrown, logId) });
    });
  });
  server.maxConnections = maxConnections;
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  const endEvents = serveEvents(server, {
    ...{ transport, token, throttle, idle },
    port: () => context.port,
  });
  context.port = await listen(server, options.port);
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const close = (): Promise<void> => {
    idle.stop();
    endEvents();
    server.close();
    server.closeAllConnections();
    return closed;
  };
  const link = `http://${address}:${context.port}/#token=${token}`;
  return { port: context.port, token, link, closed, close };
}
