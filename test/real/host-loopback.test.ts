/** The loopback host on a real port: every rule of its security page, from outside. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventNames, type EventName } from '#contract/contract.ts';
import type { Reply } from '#contract/client.ts';
import { realFiles } from '#engine/world/files.ts';
import { desktopHandlers, noDesktop } from '../../src-main/host/desktop.ts';
import { createDispatcher, inProcess } from '../../src-main/host/dispatcher.ts';
import { maxFailures } from '../../src-main/host/node/auth.ts';
import { closeUnauthorized, maxWindows, tokenWithinMs } from '../../src-main/host/node/events.ts';
import type { IdleRule } from '../../src-main/host/node/idle.ts';
import { maxBodyBytes, startLoopback, type Loopback } from '../../src-main/host/node/server.ts';
import { createFakeEngine, type FakeEngine } from '../fakes/handlers.ts';
import { transportSuite } from '../suites/transport.ts';

const root = mkdtempSync(join(tmpdir(), 'waymark-loopback-'));
writeFileSync(join(root, 'index.html'), '<!doctype html><title>Waymark</title>');

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function start(
  engine: FakeEngine,
  change: { idle?: IdleRule; port?: number; report?: (thrown: unknown) => void } = {},
): Promise<Loopback> {
  const report = (_message: string, thrown: unknown) => {
    change.report?.(thrown);
    return 'log-1';
  };
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), report);
  return startLoopback({
    transport: inProcess(dispatcher),
    disk: realFiles,
    root,
    port: change.port ?? 0,
    report,
    now: () => performance.now(),
    idle: change.idle ?? null,
  });
}

function send(
  server: Loopback,
  method: string,
  path: string,
  headers: Record<string, string | undefined> = {},
  body: string | Buffer = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const given = Object.entries({ Host: `127.0.0.1:${server.port}`, ...headers });
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        method,
        path,
        headers: Object.fromEntries(given.filter(([, value]) => value !== undefined)),
        setHost: false,
        agent: false,
      },
      (response) => {
        let text = '';
        response.on('data', (part) => (text += String(part)));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function callHeaders(server: Loopback, token = server.token): Record<string, string> {
  return {
    Origin: `http://127.0.0.1:${server.port}`,
    'Content-Type': 'application/json',
    Authorization: `Bearer ${token}`,
  };
}

function open(server: Loopback, headers: Record<string, string> = {}): WebSocket {
  const own = { Origin: `http://127.0.0.1:${server.port}` };
  return new WebSocket(`ws://127.0.0.1:${server.port}/events`, { headers: { ...own, ...headers } });
}

/** How a socket ended: its close code, or the HTTP status of a refused upgrade. */
function ended(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('close', resolve);
    socket.on('error', () => undefined);
  });
}

transportSuite('loopback', async (engine, report) => {
  const server = await start(engine, { report });
  const socket = open(server);
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(server.token);
  const listeners = new Set<(name: EventName, payload: unknown) => void>();
  socket.on('message', (data) => {
    const { name, payload } = JSON.parse((data as Buffer).toString('utf8')) as {
      name: EventName;
      payload: unknown;
    };
    expect(eventNames).toContain(name);
    for (const listener of listeners) listener(name, payload);
  });
  const transport = {
    invoke: async (name: string, input: unknown) => {
      const body = JSON.stringify(input);
      const path = `/call/${encodeURIComponent(name)}`;
      const answer = await send(server, 'POST', path, callHeaders(server), body);
      return JSON.parse(answer.body) as Reply<unknown>;
    },
    subscribe: (listener: (name: EventName, payload: unknown) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  await transport.invoke('app.info', {}); // by now the socket's token has been read
  return {
    transport,
    close: async () => {
      socket.terminate();
      await server.close();
    },
  };
});

describe('loopback', () => {
  let engine: FakeEngine;
  let server: Loopback;
  beforeEach(async () => {
    engine = createFakeEngine();
    server = await start(engine);
  });
  afterEach(async () => {
    await server.close();
    await engine.stop();
  });
  const call = (headers: Record<string, string | undefined> = {}, body = '{}') =>
    send(server, 'POST', '/call/app.info', { ...callHeaders(server), ...headers }, body);

  it('answers on 127.0.0.1 and on no other address of this computer', async () => {
    expect((await call()).status).toBe(200);
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .map(({ address }) => address)
      .filter((address) => address !== '127.0.0.1' && !address.startsWith('fe80'));
    for (const host of [...others, '127.0.0.2']) {
      const outcome = await new Promise((resolve) => {
        const socket = connect({ host, port: server.port }, () => {
          socket.destroy();
          resolve('connected');
        });
        socket.on('error', () => {
          resolve('refused');
        });
      });
      expect([host, outcome]).toEqual([host, 'refused']);
    }
  });

  it('hands its token out after the hash only', () => {
    const url = new URL(server.link);
    expect(url.hash).toBe(`#token=${server.token}`);
    expect(url.search).toBe('');
    expect(url.pathname).toBe('/');
  });

  it('serves the page to anyone local, with every protecting header and no cookie', async () => {
    const { status, headers, body } = await send(server, 'GET', '/');
    expect(status).toBe(200);
    expect(body).toContain('Waymark');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'; " +
        'trusted-types svelte-trusted-html',
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['permissions-policy']).toContain('camera=()');
    const answers = [headers, (await call()).headers];
    for (const answer of answers) {
      expect(Object.keys(answer).join(' ')).not.toMatch(/set-cookie|access-control/);
    }
    expect(answers[1]!['cache-control']).toBe('no-store');
  });

  it('refuses a rebound Host, a foreign or missing Origin, a cross-site request', async () => {
    const evil = `evil.example:${server.port}`;
    expect((await call({ Host: evil, Origin: `http://${evil}` })).status).toBe(403);
    expect((await send(server, 'GET', '/', { Host: evil })).status).toBe(403);
    for (const origin of ['http://evil.example', 'null', undefined]) {
      expect((await call({ Origin: origin })).status).toBe(403);
    }
    expect((await call({ 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
  });

  it('refuses a missing and a wrong token; throttling never locks the owner out', async () => {
    expect((await call({ Authorization: undefined })).status).toBe(401);
    for (let n = 1; n < maxFailures; n += 1) {
      expect((await call({ Authorization: 'Bearer wrong' })).status).toBe(401);
    }
    expect((await call({ Authorization: 'Bearer wrong' })).status).toBe(429);
    expect((await call()).status).toBe(200);
  });

  it('takes the token from nowhere but the header', async () => {
    const path = `/call/app.info?token=${server.token}`;
    const headers = { ...callHeaders(server), Authorization: undefined };
    expect((await send(server, 'POST', path, headers, '{}')).status).toBe(401);
    const cookie = { ...headers, Cookie: `token=${server.token}` };
    expect((await send(server, 'POST', '/call/app.info', cookie, '{}')).status).toBe(401);
  });

  it('takes JSON only, up to its limit', async () => {
    expect((await call({ 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await call({}, '{')).status).toBe(400);
    const atLimit = `{}${' '.repeat(maxBodyBytes - 2)}`;
    expect((await call({}, atLimit)).status).toBe(200);
    expect((await call({}, `${atLimit} `)).status).toBe(413);
    expect((await call({}, `{"x":"${'x'.repeat(10 * 1024 * 1024)}"}`)).status).toBe(413);
    const chunked = { 'Transfer-Encoding': 'chunked' };
    expect((await call(chunked, `${atLimit} `)).status).toBe(413);
  });

  it('has no way out of its folder, and no other method', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/..%2f..%2fetc/passwd',
      '/%2e%2e/x.html',
      '//etc/x',
    ]) {
      expect((await send(server, 'GET', path)).status).toBe(404);
    }
    for (const method of ['PUT', 'DELETE', 'OPTIONS']) {
      expect((await send(server, method, '/', callHeaders(server))).status).toBe(405);
    }
    expect((await send(server, 'POST', '/call/__proto__', callHeaders(server), '{}')).status).toBe(
      404,
    );
  });

  it('says so when a port cannot be had', async () => {
    await expect(start(engine, { port: server.port })).rejects.toMatchObject({ code: 'refused' });
  });

  describe('events', () => {
    it('come to who shows the token first', async () => {
      const socket = open(server);
      await new Promise((resolve) => socket.once('open', resolve));
      socket.send(server.token);
      const first = new Promise((resolve) =>
        socket.once('message', (data) => resolve((data as Buffer).toString('utf8'))),
      );
      await call();
      engine.emit('state.reset', null);
      expect(await first).toBe('{"name":"state.reset","payload":null}');
      const closed = ended(socket);
      socket.send('and now?');
      expect(await closed).toBe(1008);
    });

    it('do not come to a wrong token, a late one, or a huge one', async () => {
      const wrong = open(server);
      wrong.once('open', () => {
        wrong.send('wrong');
      });
      expect(await ended(wrong)).toBe(closeUnauthorized);
      const silent = open(server);
      const began = performance.now();
      expect(await ended(silent)).toBe(closeUnauthorized);
      expect(performance.now() - began).toBeGreaterThan(tokenWithinMs - 100);
      const huge = open(server);
      huge.once('open', () => {
        huge.send('x'.repeat(100_000));
      });
      expect(await ended(huge)).toBe(1009);
    });

    it('are refused without Origin, with a foreign one, a rebound Host, another path', async () => {
      const address = `ws://127.0.0.1:${server.port}/events`;
      expect(await ended(new WebSocket(address))).toBe(403);
      expect(await ended(open(server, { Origin: 'http://evil.example' }))).toBe(403);
      expect(await ended(open(server, { Origin: 'null' }))).toBe(403);
      expect(await ended(open(server, { Host: 'evil.example' }))).toBe(403);
      const other = `ws://127.0.0.1:${server.port}/other`;
      const headers = { Origin: `http://127.0.0.1:${server.port}` };
      expect(await ended(new WebSocket(other, { headers }))).toBe(404);
    });

    it('have a limit of windows', async () => {
      const sockets = Array.from({ length: maxWindows }, () => open(server));
      await Promise.all(sockets.map((one) => new Promise((resolve) => one.once('open', resolve))));
      expect(await ended(open(server))).toBe(503);
      for (const socket of sockets) socket.terminate();
    });
  });
});

describe('idle shutdown', () => {
  it('waits for open windows and for jobs, then ends by itself', async () => {
    const engine = createFakeEngine({ secondsPerJob: 0.6 });
    const needed = async () => (await engine.handlers['jobs.list']({ all: false })).length > 0;
    const server = await start(engine, { idle: { afterMs: 150, needed } });
    let closed = false;
    void server.closed.then(() => (closed = true));
    const socket = open(server);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(server.token);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(closed).toBe(false); // a window is open
    await engine.handlers['practice.create']({ repository: false });
    socket.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(closed).toBe(false); // a job runs
    await server.closed;
    expect(await engine.handlers['jobs.list']({ all: false })).toEqual([]);
    await engine.stop();
  });
});

afterAll(() => {
  rmSync(root, { recursive: true });
});
