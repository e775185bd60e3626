import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstDifference, type ComparedImage } from '#engine/restore/compare-image.ts';
import { createRepository } from '#engine/store/repository.ts';
import type { StoreRepository, TreeReader } from '#engine/store/repository.ts';
import { backUp, fixture, noise, type Fixture } from '../../../fakes/store-fixture.ts';

const kib = 1024;
const block = 64 * kib;
/** A full batch, a gap, a block of its own, zeroes, and a last block that is short. */
const disk = Buffer.alloc(40 * block + 512);
noise('batch', 20 * block).copy(disk, 0);
noise('alone', block).copy(disk, 30 * block);
noise('short', 512).copy(disk, 40 * block);

let place: Fixture;
let repository: StoreRepository;
let tree: TreeReader;

beforeAll(async () => {
  place = await fixture();
  const options = { password: null, indexPath: place.indexPath };
  ({ repository } = await createRepository(place.world, place.path, options));
  tree = repository.openTree(await backUp(repository, 'p1', disk));
});

afterAll(async () => {
  await repository.close();
  await place.remove();
});

/** An image in memory that says where its data is in 4 KiB pieces. */
function imageOf(bytes: Buffer, reads: number[] = []): ComparedImage {
  const piece = 4 * kib;
  return {
    sizeBytes: bytes.length,
    contexts: ['base:allocation'],
    readInto: (offset, target) => {
      reads.push(target.length);
      target.set(bytes.subarray(offset, offset + target.length));
      return Promise.resolve();
    },
    blockStatus: (offset, length) => {
      const extents: { offset: number; length: number; flags: number }[] = [];
      for (let at = offset; at < offset + length; at += piece) {
        const end = Math.min(at + piece, offset + length);
        const isZero = bytes.subarray(at, end).every((byte) => byte === 0);
        extents.push({ offset: at, length: end - at, flags: isZero ? 3 : 0 });
      }
      return Promise.resolve(new Map([['base:allocation', extents]]));
    },
  };
}

const never = new AbortController().signal;

async function difference(change: (image: Buffer) => void): Promise<number | null> {
  const image = Buffer.from(disk);
  change(image);
  return firstDifference(tree, imageOf(image), never, () => undefined);
}

describe('comparing an image with its restore point', () => {
  test('what was restored is equal, and only what is not zero is read', async () => {
    const reads: number[] = [];
    let checked = 0;
    const count = (bytes: number) => (checked += bytes);
    expect(await firstDifference(tree, imageOf(disk, reads), never, count)).toBeNull();
    expect(checked).toBe(21 * block + 512);
    expect(reads.reduce((sum, bytes) => sum + bytes, 0)).toBe(checked);
  });

  test.each([0, 17, 30, 40])('one changed bit in block %i is found', async (number) => {
    const flip = (image: Buffer) => {
      const at = number * block + 100;
      image[at] = (image[at] ?? 0) ^ 1;
    };
    expect(await difference(flip)).toBe(number * block);
  });

  test('a block that was lost is found', async () => {
    expect(await difference((image) => image.fill(0, 30 * block, 31 * block))).toBe(30 * block);
  });

  test('two blocks that changed places are found', async () => {
    const swap = (image: Buffer) => {
      const first = Buffer.from(image.subarray(0, block));
      image.copyWithin(0, block, 2 * block);
      first.copy(image, block);
    };
    expect(await difference(swap)).toBe(0);
  });

  test('data where the point is zero is found', async () => {
    const at = 35 * block + 5000;
    expect(await difference((image) => (image[at] = 1))).toBe(at);
  });

  test('a read that fails is told as it is', async () => {
    const image = { ...imageOf(disk), readInto: () => Promise.reject(new Error('no')) };
    await expect(firstDifference(tree, image, never, () => undefined)).rejects.toThrow('no');
  });

  test('a cancelled comparison ends as cancelled', async () => {
    const signal = AbortSignal.abort();
    const comparing = firstDifference(tree, imageOf(disk), signal, () => undefined);
    await expect(comparing).rejects.toMatchObject({ code: 'cancelled' });
  });
});
