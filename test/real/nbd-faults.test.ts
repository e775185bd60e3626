/** The client against a server that breaks the rules, on a real socket. */
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connectNbd } from '#engine/nbd/client.ts';
import { maxRequestBytes } from '#engine/nbd/constants.ts';
import { connect, onRead, readType, server } from '../fakes/nbd-connection.ts';
import {
  dataChunk,
  endChunk,
  errorChunk,
  holeChunk,
  optionReply,
  simpleReply,
  statusChunk,
  type SeenRequest,
} from '../fakes/nbd-server.ts';
import { pseudoRandom } from '../fakes/world.ts';

describe('a server that goes wrong', () => {
  it.each<[string, string, (request: SeenRequest, socket: Socket) => void]>([
    [
      'hangs up in the middle of data',
      'nbd-connection-lost',
      (request, socket) => {
        const whole = dataChunk(request.cookie, request.offset, Buffer.alloc(request.length), true);
        socket.end(whole.subarray(0, 1000));
      },
    ],
    [
      'hangs up in the middle of a header',
      'nbd-connection-lost',
      (request, socket) => {
        socket.end(endChunk(request.cookie).subarray(0, 7));
      },
    ],
    ['hangs up unasked', 'nbd-connection-lost', (_, socket) => socket.destroy()],
    [
      'is shutting down',
      'nbd-connection-lost',
      ({ cookie }, socket) => {
        socket.write(errorChunk(cookie, 108, 'going away'));
      },
    ],
    [
      'sends a wrong magic number',
      'nbd-protocol',
      (_, socket) => {
        socket.write(Buffer.alloc(64, 1));
      },
    ],
    [
      'answers somebody else',
      'nbd-protocol',
      ({ cookie }, socket) => {
        socket.write(endChunk(cookie + 1));
      },
    ],
    [
      'sends more than was asked',
      'nbd-protocol',
      ({ cookie, offset, length }, socket) => {
        socket.write(dataChunk(cookie, offset, Buffer.alloc(length + 1), true));
      },
    ],
    [
      'announces 4 GiB',
      'nbd-protocol',
      ({ cookie, offset }, socket) => {
        const bytes = dataChunk(cookie, offset, Buffer.alloc(8));
        bytes.writeUInt32BE(0xffffffff, 16);
        socket.write(bytes);
      },
    ],
    [
      'sends less and calls it done',
      'nbd-protocol',
      ({ cookie, offset }, socket) => {
        socket.write(dataChunk(cookie, offset, Buffer.alloc(1), true));
      },
    ],
  ])('and %s ends the connection for every waiter', async (_, code, answer) => {
    const { client } = await connect({ onRequest: onRead(answer) });
    const waiters = [client.read(0, 65536), client.read(65536, 4096), client.read(0, 1)];
    for (const result of await Promise.allSettled(waiters)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code } });
    }
    expect(await client.closed).toMatchObject({ code });
    await expect(client.read(0, 1)).rejects.toMatchObject({ code });
    await client.close();
  });

  it('and sends an error fails one request and goes on', async () => {
    const failing = onRead(({ cookie, offset }, socket) => {
      socket.write(errorChunk(cookie, 5, 'medium error', offset + 512));
    });
    const { client } = await connect({
      onRequest: (request, socket) => request.offset === 4096 && failing(request, socket),
    });
    await expect(client.read(4096, 1024)).rejects.toMatchObject({
      code: 'nbd-request',
      data: { nbdError: 'EIO', at: 4608, resend: true, command: 'read' },
    });
    expect((await client.read(0, 16)).equals(Buffer.alloc(16, 7))).toBe(true);
  });

  it('and fails one part of a long read fails the whole read', async () => {
    const disk = Buffer.alloc(3 * maxRequestBytes);
    const { client } = await connect({
      disk,
      onRequest: ({ type, offset, cookie }, socket) => {
        if (type !== readType || offset === 0) return false;
        socket.write(errorChunk(cookie, 22, ''));
        return true;
      },
    });
    await expect(client.read(0, disk.length)).rejects.toMatchObject({
      data: { nbdError: 'EINVAL', resend: false },
    });
  });

  it('and says nothing is given up after the time agreed', async () => {
    const { client } = await connect({ onRequest: onRead(() => undefined) }, { timeoutMs: 60 });
    await wait(150); // silence while nothing is owed is fine
    await expect(client.read(0, 1)).rejects.toMatchObject({
      code: 'nbd-connection-lost',
      data: { timeoutMs: 60 },
    });
  });

  it('and never greets is given up, too', async () => {
    const fake = await server({ greeting: Buffer.alloc(0) });
    const options = { socketPath: fake.socketPath, exportName: '', contexts: [], timeoutMs: 50 };
    await expect(connectNbd(options)).rejects.toMatchObject({ code: 'nbd-connection-lost' });
  });

  it('and refuses the export is told goodbye', async () => {
    const seen: number[] = [];
    const fake = await server({
      onOption: (option, _, socket) => {
        seen.push(option);
        if (option === 7) socket.write(optionReply(7, 0x80000006, Buffer.from('nothing here')));
        return option === 7;
      },
    });
    const options = { socketPath: fake.socketPath, exportName: 'x', contexts: [] };
    await expect(connectNbd(options)).rejects.toMatchObject({
      code: 'nbd-option',
      data: { exportName: 'x', serverWords: 'nothing here' },
    });
    await expect.poll(() => [seen, fake.sockets.size]).toEqual([[8, 7, 2], 0]);
  });
});

describe('odd but lawful servers', () => {
  it('answer out of order, interleaved and in pieces', async () => {
    const disk = pseudoRandom('interleaved', 8192);
    const held: SeenRequest[] = [];
    const { client } = await connect({
      disk,
      onRequest: onRead((request, socket) => {
        held.push(request);
        if (held.length < 2) return;
        const [first, second] = held as [SeenRequest, SeenRequest];
        const part = (from: number, to: number) => disk.subarray(from, to);
        socket.write(dataChunk(second.cookie, 6000, part(6000, 8192)));
        socket.write(dataChunk(first.cookie, 1000, part(1000, 4096)));
        socket.write(dataChunk(second.cookie, 4096, part(4096, 6000), true));
        socket.write(holeChunk(first.cookie, 0, 1000, true));
      }),
    });
    const [first, second] = await Promise.all([client.read(0, 4096), client.read(4096, 4096)]);
    disk.fill(0, 0, 1000);
    expect(first.equals(disk.subarray(0, 4096))).toBe(true);
    expect(second.equals(disk.subarray(4096))).toBe(true);
  });

  it('know only simple replies', async () => {
    const disk = pseudoRandom('simple', 300_000);
    const { client } = await connect(
      { disk, structured: false },
      { contexts: ['base:allocation'] },
    );
    expect(client.contexts).toEqual([]);
    expect((await client.read(5, 299_990)).equals(disk.subarray(5, 299_995))).toBe(true);
    await client.write(4096, Buffer.alloc(512, 9));
    await client.zero(0, 512);
    await client.flush();
    expect(disk.subarray(4096, 4608).equals(Buffer.alloc(512, 9))).toBe(true);
    expect(await client.blockStatus(0, 512)).toEqual(new Map());
  });

  it('fail a read simply when they must', async () => {
    const { client } = await connect({
      structured: false,
      onRequest: onRead(({ cookie }, socket) => socket.write(simpleReply(cookie, 5))),
    });
    await expect(client.read(0, 512)).rejects.toMatchObject({ data: { nbdError: 'EIO' } });
  });

  it('want aligned requests: reads are widened, writes refused', async () => {
    const disk = pseudoRandom('aligned', 64 * 1024);
    const { client, fake } = await connect({ disk, blockSize: [4096, 4096, 16384] });
    expect((await client.read(4095, 8194)).equals(disk.subarray(4095, 12289))).toBe(true);
    const target = Buffer.alloc(10_000);
    await client.readInto(1, target);
    expect(target.equals(disk.subarray(1, 10_001))).toBe(true);
    await client.read(0, 65536);
    for (const { offset, length } of fake.requests) {
      expect([offset % 4096, length % 4096, length <= 16384]).toEqual([0, 0, true]);
    }
    await expect(client.write(512, Buffer.alloc(4096))).rejects.toMatchObject({
      code: 'nbd-request',
      data: { resend: false },
    });
  });

  it('offer no zeroing: zeroes are written', async () => {
    const disk = Buffer.alloc(maxRequestBytes + 512, 1);
    const { client, fake } = await connect({ disk, flags: 1 });
    await client.zero(0, disk.length);
    await client.flush(); // not offered either: nothing to ask for
    expect(disk.every((byte) => byte === 0)).toBe(true);
    expect(fake.requests.map(({ type }) => type)).toEqual([1, 1]);
  });

  it('tell contexts for different lengths: asked until all is known', async () => {
    const { client, fake } = await connect(
      {
        disk: Buffer.alloc(4096),
        contexts: { a: [[4096, 0]], b: [[4096, 0]] },
        onRequest: ({ type, cookie, offset }, socket) => {
          if (type !== 7) return false;
          socket.write(statusChunk(cookie, 7, [[1000, offset >= 2000 ? 1 : 0]]));
          socket.write(
            statusChunk(
              cookie,
              8,
              [
                [500, 2],
                [5000, 3],
              ],
              true,
            ),
          );
          return true;
        },
      },
      { contexts: ['a', 'b', 'c'] },
    );
    expect(client.contexts).toEqual(['a', 'b']);
    expect(await client.blockStatus(100, 3500)).toEqual(
      new Map([
        [
          'a',
          [
            { offset: 100, length: 2000, flags: 0 },
            { offset: 2100, length: 1500, flags: 1 },
          ],
        ],
        [
          'b',
          [
            { offset: 100, length: 500, flags: 2 },
            { offset: 600, length: 3000, flags: 3 },
          ],
        ],
      ]),
    );
    expect(fake.requests).toHaveLength(4);
  });
});
