import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignRegions, copyRegions, maxReadsInFlight } from '#engine/backup/copy-disk.ts';
import type { Region } from '#engine/nbd/extents.ts';
import { createPace } from '#engine/backup/pace.ts';
import type { DiskWriter } from '#engine/store/repository.ts';
import { handClock } from '../../../fakes/clock.ts';

const block = 16;

async function* from(regions: readonly Region[]): AsyncIterable<Region> {
  yield* regions;
}

async function aligned(regions: readonly Region[], diskSizeBytes: number): Promise<Region[]> {
  const all: Region[] = [];
  const grid = { blockSizeBytes: block, diskSizeBytes };
  for await (const region of alignRegions(from(regions), grid)) {
    all.push(region);
  }
  return all;
}

const region = (kind: Region['kind'], offset: number, length: number): Region => ({
  kind,
  offset,
  length,
});

/** A writer that lends memory as the store does; `lent` is what it has not got back. */
function lender(onWrite: (offset: number) => void) {
  const lent = new Set<ArrayBufferLike>();
  const roomBytes = 1024 * 1024;
  const writer = {
    roomBytes,
    room: () => {
      const room = Buffer.allocUnsafeSlow(roomBytes);
      lent.add(room.buffer);
      return Promise.resolve(room);
    },
    giveBack: (room: Buffer) => lent.delete(room.buffer),
    write: (offset: number, bytes: Buffer) => {
      expect(lent.delete(bytes.buffer)).toBe(true);
      onWrite(offset);
      return Promise.resolve();
    },
  } as unknown as DiskWriter;
  return { writer, lent };
}

describe('alignRegions', () => {
  test('data is widened to whole blocks and merged', async () => {
    const given = [region('data', 1, 2), region('data', 17, 2), region('data', 64, 16)];
    expect(await aligned(given, 128)).toEqual([region('data', 0, 32), region('data', 64, 16)]);
  });

  test('zeroes keep only the blocks they cover whole; their edges are read', async () => {
    expect(await aligned([region('zero', 8, 48)], 128)).toEqual([
      region('data', 0, 16),
      region('zero', 16, 32),
      region('data', 48, 16),
    ]);
  });

  test('data wins where both touch a block', async () => {
    const given = [region('zero', 0, 24), region('data', 24, 8), region('zero', 32, 32)];
    expect(await aligned(given, 128)).toEqual([
      region('zero', 0, 16),
      region('data', 16, 16),
      region('zero', 32, 32),
    ]);
  });

  test('the last block of a disk may be short', async () => {
    expect(await aligned([region('data', 97, 3)], 100)).toEqual([region('data', 96, 4)]);
    expect(await aligned([region('zero', 96, 4)], 100)).toEqual([region('zero', 96, 4)]);
  });

  test('property: every byte given as data is read, none given as zero is lost', async () => {
    const pieces = fc.array(
      fc.record({ gap: fc.nat(20), length: fc.integer({ min: 1, max: 60 }), data: fc.boolean() }),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const given: Region[] = [];
        let at = 0;
        for (const { gap, length, data } of parts) {
          at += gap;
          given.push(region(data ? 'data' : 'zero', at, length));
          at += length;
        }
        const size = at + 7;
        const result = await aligned(given, size);
        let last = -1;
        const seen = new Map<number, Region['kind']>();
        for (const { kind, offset, length } of result) {
          expect(offset).toBeGreaterThan(last);
          expect(offset % block).toBe(0);
          expect(length % block === 0 || offset + length === size).toBe(true);
          for (let byte = offset; byte < offset + length; byte += 1) seen.set(byte, kind);
          last = offset + length - 1;
        }
        for (const { kind, offset, length } of given) {
          for (let byte = offset; byte < offset + length; byte += 1) {
            if (kind === 'data') expect(seen.get(byte)).toBe('data');
            else expect(seen.has(byte)).toBe(true);
          }
        }
      }),
    );
  });
});

describe('copyRegions', () => {
  test('writes in order with bounded reads in flight', async () => {
    let inFlight = 0;
    let most = 0;
    const written: number[] = [];
    const source = {
      readInto: async (offset: number, target: Uint8Array) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await new Promise((resolve) => setTimeout(resolve, offset === 0 ? 20 : 1));
        inFlight -= 1;
        target.fill(1);
      },
    };
    const { writer } = lender((offset) => written.push(offset));
    const size = 64 * 1024 * 1024;
    const read = await copyRegions(source, from([region('data', 0, size)]), writer, {
      blockSizeBytes: 65536,
      diskSizeBytes: size,
      signal: new AbortController().signal,
      pace: createPace(handClock(), null),
      onRead: () => undefined,
    });
    expect(read).toBe(size);
    expect(most).toBeLessThanOrEqual(maxReadsInFlight);
    expect(written).toEqual([...written].sort((a, b) => a - b));
  });

  test('a cancelled copy ends as cancelled, whatever the socket said', async () => {
    const control = new AbortController();
    const source = {
      readInto: () => {
        control.abort();
        return Promise.reject(new Error('socket closed'));
      },
    };
    const { writer, lent } = lender(() => undefined);
    const copy = copyRegions(source, from([region('data', 0, 65536)]), writer, {
      blockSizeBytes: 65536,
      diskSizeBytes: 65536,
      signal: control.signal,
      pace: createPace(handClock(), null),
      onRead: () => undefined,
    });
    await expect(copy).rejects.toMatchObject({ code: 'cancelled' });
    expect(lent.size).toBe(0);
  });

  test('held to a pace it takes the time, and a cancelled one does not wait for it', async () => {
    const clock = handClock();
    const control = new AbortController();
    const mib = 1024 * 1024;
    let read = 0;
    const { writer, lent } = lender(() => undefined);
    const source = { readInto: () => Promise.resolve() };
    const copy = copyRegions(source, from([region('data', 0, 100 * mib)]), writer, {
      blockSizeBytes: 65536,
      diskSizeBytes: 100 * mib,
      signal: control.signal,
      pace: createPace(clock, 10 * mib),
      onRead: (bytes) => {
        read += bytes;
      },
    });
    for (let second = 1; second <= 5; second += 1) {
      await clock.advance(1000);
      // What is in flight was let through and is not told yet.
      expect(read).toBeGreaterThanOrEqual((10 * second - maxReadsInFlight - 1) * mib);
      expect(read).toBeLessThanOrEqual((10 * second + 1) * mib);
    }
    control.abort();
    await expect(copy).rejects.toMatchObject({ code: 'cancelled' });
    expect(lent.size).toBe(0);
  });
});
