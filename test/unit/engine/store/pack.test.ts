import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveKeys } from '#engine/store/crypto.ts';
import { BlockIndex, maxRowsPerCall } from '#engine/store/index.ts';
import {
  decodeTrailer,
  encodeTrailer,
  maxPackEntries,
  type PackEntry,
} from '#engine/store/pack.ts';
import { noise } from '../../../fakes/store-fixture.ts';

const packId = 'ab'.repeat(16);
const otherId = 'cd'.repeat(16);
const keys = deriveKeys(Buffer.alloc(32, 3), 'r');
const entry = (n: number, length = 100): PackEntry => ({
  id: noise(String(n), 32),
  kind: 1,
  offset: 24 + n * 100,
  length,
});
const entries = [0, 1, 2].map((n) => entry(n));
const packBytes = (count: number) => 24 + count * 100 + count * 41 + 44;

describe('a trailer', () => {
  it('comes back, and any byte changed or another pack is refused', () => {
    const trailer = encodeTrailer(keys, packId, entries);
    expect(decodeTrailer(keys, packId, trailer, packBytes(3))).toEqual(entries);
    for (let at = 0; at < trailer.length; at += 1) {
      const bad = Buffer.from(trailer);
      bad[at] = (bad[at] ?? 0) ^ 4;
      expect(decodeTrailer(keys, packId, bad, packBytes(3)), `byte ${at}`).toHaveProperty('why');
    }
    expect(decodeTrailer(keys, otherId, trailer, packBytes(3))).toHaveProperty('why');
    expect(decodeTrailer(deriveKeys(null, 'r'), packId, trailer, 1000)).toHaveProperty('why');
  });

  it('that lies well is still kept in bounds', () => {
    const read = (list: PackEntry[], size = packBytes(list.length)) =>
      decodeTrailer(keys, packId, encodeTrailer(keys, packId, list), size);
    expect(read([entry(0, 101)])).toHaveProperty('why');
    expect(read([{ ...entry(0), offset: 23 }])).toHaveProperty('why');
    expect(read([{ ...entry(0), offset: 4_000_000_000 }])).toHaveProperty('why');
    expect(read([entry(0, 0)])).toHaveProperty('why');
    expect(read([{ ...entry(0), kind: 3 }])).toHaveProperty('why');
    expect(read([entry(0)], 60)).toHaveProperty('why');
    const many = Array.from({ length: maxPackEntries + 1 }, () => entry(0));
    expect(read(many, 64 * 1024 * 1024)).toHaveProperty('why');
    expect(read(many.slice(1), 64 * 1024 * 1024)).toHaveLength(maxPackEntries);
  });

  it('is never believed when it is only noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 44, maxLength: 300 }), (bytes) => {
        expect(decodeTrailer(keys, packId, Buffer.from(bytes), 1000)).toHaveProperty('why');
      }),
    );
  });
});

describe('the index', () => {
  const none = async () => {};

  it('finds blocks, forgets packs that are gone, falls back to other copies', async () => {
    const index = new BlockIndex(':memory:', 'r');
    await index.addPack(packId, 1000, entries, none);
    await index.addPack(otherId, 500, [entry(1, 77)], none);
    expect(index.find(entry(1).id)).toMatchObject({ length: 77 });
    index.markDamaged(entry(1).id, otherId, entry(1).offset);
    expect(index.find(entry(1).id)).toMatchObject({ length: 100 });
    index.markDamaged(entry(1).id, packId, entry(1).offset);
    expect(index.find(entry(1).id)).toBe(null);
    expect(index.hasDamage).toBe(true);
    index.clearDamaged(entry(1).id, otherId, entry(1).offset);
    expect(index.packOf(index.find(entry(1).id)!)).toBe(otherId);
    index.dropPack(packId);
    expect(index.find(entry(0).id)).toBe(null);
    expect(index.packBytes).toBe(500);
    await index.addPack(packId, 1000, entries, none);
    expect(index.find(entry(0).id)).toMatchObject({ length: 100 });
    index.close();
  });

  it('lets others run between parts of a large pack, and stays quick', async () => {
    const index = new BlockIndex(':memory:', 'r');
    const many = Array.from({ length: maxPackEntries }, (_, n) => entry(n));
    let pauses = 0;
    let worstMs = 0;
    let before = process.threadCpuUsage();
    await index.addPack(packId, 1000, many, async () => {
      pauses += 1;
      const { user, system } = process.threadCpuUsage(before);
      worstMs = Math.max(worstMs, (user + system) / 1000);
      before = process.threadCpuUsage();
    });
    expect(pauses).toBe(Math.ceil(maxPackEntries / maxRowsPerCall));
    expect(worstMs).toBeLessThan(60);
    index.close();
  });
});
