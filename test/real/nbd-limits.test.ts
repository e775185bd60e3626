/** The client's limits and ways to end, against a pretend server on a real socket. */
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connectNbd } from '#engine/nbd/client.ts';
import { maxInFlightRequests, maxQueuedRequests } from '#engine/nbd/constants.ts';
import { openNbdPool } from '#engine/nbd/pool.ts';
import { connect, onRead, server } from '../fakes/nbd-connection.ts';
import { dataChunk, structuredFlags, type SeenRequest } from '../fakes/nbd-server.ts';

describe('limits', () => {
  it('keep at most so many requests under way and the rest waiting', async () => {
    const held: { request: SeenRequest; socket: Socket }[] = [];
    const { client, fake } = await connect({
      onRequest: onRead((request, socket) => held.push({ request, socket })),
    });
    const reads = Array.from({ length: maxInFlightRequests + 5 }, (_, i) => client.read(i, 1));
    await wait(50);
    expect(fake.requests).toHaveLength(maxInFlightRequests);
    expect(client.busyBytes).toBe(maxInFlightRequests + 5);
    while (held.length > 0) {
      const { request, socket } = held.pop()!;
      socket.write(dataChunk(request.cookie, request.offset, Buffer.from([1]), true));
      if (held.length === 0) await wait(20);
    }
    expect((await Promise.all(reads)).every((bytes) => bytes[0] === 1)).toBe(true);
    expect(client.busyBytes).toBe(0);
  });

  it('refuse one request more than may wait', async () => {
    const { client } = await connect({ onRequest: onRead(() => undefined) });
    const most = maxInFlightRequests + maxQueuedRequests;
    const results = Promise.allSettled(Array.from({ length: most }, () => client.read(0, 1)));
    await expect(client.read(0, 1)).rejects.toMatchObject({ code: 'nbd-request' });
    await client.close();
    expect((await results).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('refuse what lies outside the disk, or is no number of bytes', async () => {
    const { client } = await connect();
    for (const [offset, length] of [
      [0, 1048577],
      [1048576, 1],
      [-1, 1],
      [0.5, 1],
      [NaN, 1],
      [2 ** 53, 1],
    ]) {
      await expect(client.read(offset!, length!)).rejects.toMatchObject({ code: 'nbd-request' });
    }
    expect(await client.read(1048576, 0)).toHaveLength(0);
  });

  it('refuse a socket path longer than the kernel takes', async () => {
    const options = { socketPath: `/${'x'.repeat(107)}`, exportName: '', contexts: [] };
    await expect(connectNbd(options)).rejects.toMatchObject({ code: 'socket-path-too-long' });
    const fits = { ...options, socketPath: `/${'x'.repeat(106)}` };
    await expect(connectNbd(fits)).rejects.toMatchObject({ data: { errno: 'ENOENT' } });
  });
});

describe('ending', () => {
  it('says goodbye, once', async () => {
    const { client, fake } = await connect();
    await client.read(0, 1);
    await Promise.all([client.close(), client.close()]);
    expect(await client.closed).toBeNull();
    expect(fake.requests.map(({ type }) => type)).toEqual([0, 2]);
    await expect(client.read(0, 1)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('by a signal cancels every waiter and leaves their memory alone', async () => {
    const abort = new AbortController();
    const { client } = await connect(
      {
        onRequest: onRead((request, socket) => {
          const whole = dataChunk(request.cookie, 0, Buffer.alloc(request.length, 5), true);
          socket.write(whole.subarray(0, 40_000));
          setTimeout(() => socket.write(whole.subarray(40_000)), 50);
        }),
      },
      { signal: abort.signal },
    );
    const target = Buffer.alloc(100_000);
    const reading = client.readInto(0, target);
    setTimeout(() => abort.abort(), 20);
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    target.fill(1);
    await wait(80);
    expect(target.equals(Buffer.alloc(100_000, 1))).toBe(true);
    expect(await client.closed).toMatchObject({ code: 'cancelled' });
  });

  it('of one connection of a pool ends all, with the same error', async () => {
    const fake = await server({ onRequest: onRead(() => undefined) });
    const { socketPath } = fake;
    const pool = await openNbdPool({ socketPath, exportName: '', contexts: [] }, 3);
    expect(pool.connections).toBe(3);
    const reads = [pool.read(0, 100), pool.read(0, 100), pool.read(0, 100)];
    const results = Promise.allSettled(reads);
    await wait(30);
    expect(fake.requests).toHaveLength(3);
    [...fake.sockets][1]!.end(Buffer.alloc(64, 1));
    for (const result of await results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'nbd-protocol' } });
    }
    expect(await pool.closed).toMatchObject({ code: 'nbd-protocol' });
  });

  it('of a pool is in order', async () => {
    const { socketPath } = await server();
    const pool = await openNbdPool({ socketPath, exportName: '', contexts: [] }, 2);
    await pool.close();
    expect(await pool.closed).toBeNull();
  });

  it('a pool has one connection where writes may not be spread', async () => {
    const multi = 1 << 8;
    const { socketPath } = await server({ flags: structuredFlags & ~multi });
    const pool = await openNbdPool({ socketPath, exportName: '', contexts: [] }, 4);
    expect(pool.connections).toBe(1);
    await pool.close();
  });
});
