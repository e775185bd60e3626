import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Extent } from '#engine/nbd/client.ts';
import {
  allocatedRegions,
  dirtyRegions,
  windowBytes,
  type Region,
  type StatusSource,
} from '#engine/nbd/extents.ts';

const bitmap = 'qemu:dirty-bitmap:b';
type Lengths = readonly (readonly [length: number, flags: number])[];

function source(sizeBytes: number, contexts: Readonly<Record<string, Lengths>>): StatusSource {
  return {
    sizeBytes,
    contexts: Object.keys(contexts),
    blockStatus: async (offset, length) =>
      new Map(
        Object.entries(contexts).map(([name, lengths]) => [
          name,
          cut(lengths, offset, offset + length),
        ]),
      ),
  };
}

function cut(lengths: Lengths, from: number, to: number): Extent[] {
  let at = 0;
  return lengths.flatMap(([length, flags]) => {
    const start = Math.max(at, from);
    at += length;
    const end = Math.min(at, to);
    return start < end ? [{ offset: start, length: end - start, flags }] : [];
  });
}

async function collect(regions: AsyncIterable<Region>): Promise<string[]> {
  const found: string[] = [];
  for await (const { kind, offset, length } of regions) found.push(`${kind} ${offset} ${length}`);
  return found;
}

describe('allocated regions', () => {
  it('merge neighbours of a kind, across windows too', async () => {
    const disk = source(windowBytes + 3000, {
      'base:allocation': [
        [1000, 0],
        [500, 1],
        [100, 3],
        [windowBytes, 2],
        [1400, 0],
      ],
    });
    expect(await collect(allocatedRegions(disk))).toEqual([
      'data 0 1500', // a hole whose content nobody promises is data
      `zero 1500 ${windowBytes + 100}`,
      `data ${windowBytes + 1600} 1400`,
    ]);
  });

  it('are one of data where the server does not tell, and none of an empty disk', async () => {
    expect(await collect(allocatedRegions(source(5000, {})))).toEqual(['data 0 5000']);
    expect(await collect(allocatedRegions(source(0, {})))).toEqual([]);
  });

  it('stop when told to', async () => {
    const regions = allocatedRegions(source(5000, {}), AbortSignal.abort());
    await expect(collect(regions)).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('dirty regions', () => {
  it('refuse to guess when the bitmap is not offered', async () => {
    const regions = dirtyRegions(source(5000, { 'base:allocation': [[5000, 0]] }), bitmap, 512);
    await expect(collect(regions)).rejects.toMatchObject({ code: 'nbd-option' });
  });

  it('widen to blocks, keep the short last one, and call only whole zero blocks zero', async () => {
    const disk = source(10_340, {
      [bitmap]: [
        [1536, 0],
        [10, 1],
        [2550, 0],
        [3072, 1],
        [3122, 0],
        [50, 1],
      ],
      'base:allocation': [
        [4608, 0],
        [1024, 3],
        [1536, 2],
        [2048, 0],
        [1124, 3],
      ],
    });
    expect(await collect(dirtyRegions(disk, bitmap, 1024))).toEqual([
      'data 1024 1024',
      'data 4096 1024',
      'zero 5120 2048',
      'zero 10240 100',
    ]);
  });

  it('agree with a slow count of every byte', async () => {
    const block = 4;
    const run = fc.tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 0, max: 3 }));
    const runs = fc.array(run, { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(runs, runs, async (dirty, allocation) => {
        const size = dirty.reduce((sum, [length]) => sum + length, 0);
        const padded: Lengths = [...allocation, [size, 0]];
        const disk = source(size, { [bitmap]: dirty, 'base:allocation': padded });
        const found = await collect(dirtyRegions(disk, bitmap, block));
        expect(found).toEqual(slowly(flagsOf(dirty), flagsOf(padded), size, block));
      }),
      { numRuns: 300 },
    );
  });
});

function flagsOf(lengths: Lengths): number[] {
  return lengths.flatMap(([length, flags]) => Array.from({ length }, () => flags));
}

function slowly(dirty: number[], allocation: number[], size: number, block: number): string[] {
  const kinds: { kind: string; start: number; end: number }[] = [];
  for (let start = 0; start < size; start += block) {
    const end = Math.min(start + block, size);
    if (!dirty.slice(start, end).some((flags) => (flags & 1) !== 0)) continue;
    const zero = allocation.slice(start, end).every((flags) => (flags & 2) !== 0);
    const kind = zero ? 'zero' : 'data';
    const last = kinds.at(-1);
    if (last?.kind === kind && last.end === start) last.end = end;
    else kinds.push({ kind, start, end });
  }
  return kinds.map(({ kind, start, end }) => `${kind} ${start} ${end - start}`);
}
