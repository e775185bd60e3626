import { describe, expect, test } from 'vitest';
import type { NbdPool } from '#engine/nbd/pool.ts';
import { createDigestList, stretchBytes } from '#engine/restore/digest-list.ts';

/** An image in memory that answers reads and says where its data is, in 4 KiB pieces. */
function imageOf(bytes: Buffer): NbdPool {
  const piece = 4096;
  const extents = (offset: number, length: number) => {
    const found: { offset: number; length: number; flags: number }[] = [];
    for (let at = offset; at < offset + length; at += piece) {
      const zero = bytes.subarray(at, at + piece).every((byte) => byte === 0);
      const left = offset + length - at;
      found.push({ offset: at, length: Math.min(piece, left), flags: zero ? 3 : 0 });
    }
    return found;
  };
  return {
    sizeBytes: bytes.length,
    contexts: ['base:allocation'],
    blockSize: { minimum: 1, preferred: 4096, maximum: 32 * 1024 * 1024 },
    read: (offset: number, length: number) =>
      Promise.resolve(Buffer.from(bytes.subarray(offset, offset + length))),
    blockStatus: (offset: number, length: number) =>
      Promise.resolve(new Map([['base:allocation', extents(offset, length)]])),
  } as unknown as NbdPool;
}

async function difference(image: Buffer, written: readonly [number, Buffer][]) {
  const digests = createDigestList();
  for (const [offset, bytes] of written) digests.add(offset, bytes);
  const checked: number[] = [];
  const found = await digests.firstDifference(imageOf(image), new AbortController().signal, (n) =>
    checked.push(n),
  );
  return { found, checked: checked.reduce((sum, n) => sum + n, 0) };
}

describe('digest list', () => {
  const data = Buffer.alloc(64 * 1024, 7);

  test('what was written is what is read, across a stretch bound', async () => {
    const image = Buffer.alloc(stretchBytes + 1024 * 1024);
    const offset = stretchBytes - 32 * 1024;
    data.copy(image, offset);
    const result = await difference(image, [[offset, data]]);
    expect(result).toEqual({ found: null, checked: data.length });
  });

  test('one changed bit is found', async () => {
    const image = Buffer.alloc(1024 * 1024);
    data.copy(image, 131072);
    image[131072 + 5] = 6;
    expect((await difference(image, [[131072, data]])).found).toBe(131072);
  });

  test('data where nothing was written is found', async () => {
    const image = Buffer.alloc(1024 * 1024);
    data.copy(image, 0);
    image[500_000] = 1;
    expect((await difference(image, [[0, data]])).found).toBe(500_000);
  });

  test('nothing written, nothing there', async () => {
    expect((await difference(Buffer.alloc(65536), [])).found).toBeNull();
  });
});
