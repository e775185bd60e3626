/** News by its real ways out: an HTTP server, a program, a sendmail. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { giveToProgram } from '#engine/news/run-program.ts';
import { sendWebhook, webhookProblem } from '#engine/news/send-webhook.ts';
import { realWorld } from '#engine/world/world.ts';
import { fakeWorld, temporaryFolder } from '../fakes/world.ts';

const never = new AbortController().signal;

interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers every request with this, and remembers them. */
async function listen(status: number, headers: Readonly<Record<string, string>> = {}) {
  const got: Got[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      got.push({ method, url, headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status, headers).end('an answer nobody reads');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { got, port, address: `http://127.0.0.1:${port}` };
}

describe('a web address', () => {
  test('gets one POST with JSON', async () => {
    const { got, address } = await listen(204);
    await sendWebhook(realWorld(), `${address}/hook?key=s3cret`, '{"title":"Grüße"}', never);
    expect(got).toMatchObject([
      {
        method: 'POST',
        url: '/hook?key=s3cret',
        headers: { 'content-type': 'application/json', 'user-agent': 'Waymark' },
        body: '{"title":"Grüße"}',
      },
    ]);
  });

  test('with a name and a password in it is asked as HTTP says', async () => {
    const { got, port } = await listen(200);
    await sendWebhook(realWorld(), `http://me:p%40ss@127.0.0.1:${port}/`, '{}', never);
    const expected = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(got[0]?.headers.authorization).toBe(expected);
  });

  test('that leads elsewhere is not followed', async () => {
    const other = await listen(200);
    const { address } = await listen(307, { location: `${other.address}/taken` });
    await expect(sendWebhook(realWorld(), address, '{}', never)).rejects.toMatchObject({
      code: 'news-not-sent',
      message: expect.stringContaining(`sends on to 127.0.0.1:${other.port} (307)`) as string,
    });
    expect(other.got).toEqual([]);
  });

  test('that refuses, or is not there, is told in words without its secret', async () => {
    const { address } = await listen(403);
    const closed = await listen(200);
    for (const wrong of [
      `${address}/s3cret`,
      'http://s3cret@127.0.0.1:1/s3cret',
      'http://no-such-host.invalid/s3cret',
    ]) {
      const thrown: unknown = await sendWebhook(realWorld(), wrong, '{}', never).catch(
        (reason: unknown) => reason,
      );
      expect(thrown).toMatchObject({ code: 'news-not-sent', data: { channel: 'webhook' } });
      expect(JSON.stringify(thrown)).not.toContain('s3cret');
    }
    expect(closed.got).toEqual([]);
  });

  test('that never answers is given up after its time', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const world = fakeWorld();
    const sending = sendWebhook(world, `http://127.0.0.1:${port}`, '{}', never);
    const refused = expect(sending).rejects.toMatchObject({
      message: expect.stringContaining('did not answer within 30 s') as string,
    });
    await world.clock.advance(30_000);
    await refused;
  });

  test.each(['ftp://example.org/x', 'file:///etc/passwd', 'javascript:alert(1)', 'example.org'])(
    '%s is none',
    (address) => {
      expect(webhookProblem(address)).not.toBeNull();
    },
  );
});

describe('a program', () => {
  const script = (lines: readonly string[]) => {
    const folder = temporaryFolder();
    const path = join(folder, 'tell');
    writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(path, 0o700);
    return { folder, path };
  };

  test('reads the whole of it from its standard input', async () => {
    const { folder, path } = script(['cat > "$1"']);
    const input = 'x'.repeat(1_000_000);
    await giveToProgram(realWorld(), 'command', [path, join(folder, 'got')], input, never);
    expect(readFileSync(join(folder, 'got'), 'utf8')).toBe(input);
  });

  test('that reads nothing and ends well took it', async () => {
    const { path } = script(['exit 0']);
    await giveToProgram(realWorld(), 'command', [path], 'x'.repeat(1_000_000), never);
  });

  test('that fails is told with its last words', async () => {
    const { path } = script(['echo one', 'echo "cannot connect" >&2', 'exit 75']);
    await expect(giveToProgram(realWorld(), 'mail', [path], '', never)).rejects.toMatchObject({
      code: 'news-not-sent',
      message: expect.stringMatching(/tell ended with 75\. It printed: .*cannot connect/) as string,
      data: { channel: 'mail' },
    });
  });

  test('that is not installed is named', async () => {
    const telling = giveToProgram(realWorld(), 'mail', ['no-such-sendmail'], '', never);
    await expect(telling).rejects.toMatchObject({
      message: 'The program no-such-sendmail is not installed.',
    });
  });
});
