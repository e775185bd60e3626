/** A raw image is compared while it is written: in which order, and what each failure leaves. */
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#contract/errors.ts';
import type { ImageProgress, ImageSpec } from '#engine/restore/image-spec.ts';
import { RawFilling } from '#engine/restore/raw-image.ts';
import { createRepository, type StoreRepository, type TreeRoot } from '#engine/store/repository.ts';
import type { OpenFile } from '#engine/world/files.ts';
import { backUp, fixture, kib, noise, type Fixture } from '../../../fakes/store-fixture.ts';

const block = 64 * kib;
const mib = 1024 * kib;
/** Twelve batches with a hole between, and a last block that ends within a page. */
const disk = Buffer.alloc(20 * mib + 700);
noise('first', 7 * mib).copy(disk, 0);
noise('second', 5 * mib).copy(disk, 15 * mib);
noise('end', 700).copy(disk, 20 * mib);
const dataBytes = 12 * mib + 700;
const stretch = 2 * mib;

let place: Fixture;
let repository: StoreRepository;
let root: TreeRoot;

beforeAll(async () => {
  place = await fixture();
  const scryptCost = { n: 1024, r: 8, p: 1 };
  const options = { password: 'secret', indexPath: place.indexPath, scryptCost };
  ({ repository } = await createRepository(place.world, place.path, options));
  root = await backUp(repository, 'p1', disk);
});

afterAll(async () => {
  await repository.close();
  await place.remove();
});

interface Event {
  readonly what: 'write' | 'sync' | 'read';
  readonly offset: number;
  readonly end: number;
}

describe('filling a raw image', () => {
  let path: string;
  let written: number;
  let checked: number;
  let cancel: AbortController;
  let progress: ImageProgress;

  beforeEach(() => {
    path = join(place.folder, `${randomUUID()}.raw`);
    written = 0;
    checked = 0;
    cancel = new AbortController();
    progress = {
      signal: cancel.signal,
      onWritten: (bytes) => (written += bytes),
      onChecked: (bytes) => (checked += bytes),
    };
  });

  /** Fills a new file; `spoil` may change what the file does. */
  async function fill(spoil: (file: OpenFile) => Partial<OpenFile> = () => ({})): Promise<number> {
    const made = await place.world.files.open(path, 'create');
    await made.truncate(disk.length);
    await made.close();
    const { files } = place.world;
    const file = (await files.openDirect(path)) ?? (await files.open(path, 'write'));
    const spec: ImageSpec = {
      path: '/new.raw',
      format: 'raw',
      root,
      owner: null,
      socketFolder: '',
    };
    try {
      const tree = repository.openTree(root);
      return await new RawFilling(tree, { ...file, ...spoil(file) }, spec, progress, stretch).run();
    } finally {
      await file.close();
    }
  }

  test('makes the disk, sparse, and counts what it wrote and compared', async () => {
    expect(await fill()).toBe(dataBytes);
    expect(readFileSync(path).equals(disk)).toBe(true);
    expect([written, checked]).toEqual([dataBytes, dataBytes]);
    expect(statSync(path).blocks * 512).toBeLessThan(14 * mib);
  });

  test('reads nothing back before it is on the disk, and all of it', async () => {
    const events: Event[] = [];
    await fill((file) => ({
      write: async (bytes, offset) => {
        await file.write(bytes, offset);
        events.push({ what: 'write', offset, end: offset + bytes.length });
      },
      dataSync: async () => {
        const synced = events.length; // what comes while it runs may not be on the disk
        await file.dataSync();
        events.splice(synced, 0, { what: 'sync', offset: 0, end: 0 });
      },
      read: (buffer, offset) => {
        events.push({ what: 'read', offset, end: offset + buffer.length });
        return file.read(buffer, offset);
      },
    }));
    const reads = events.filter(({ what }) => what === 'read');
    expect(reads.reduce((sum, { offset, end }) => sum + end - offset, 0)).toBe(dataBytes);
    for (const [at, event] of events.entries()) {
      if (event.what !== 'read') continue;
      const lastSync = events.slice(0, at).findLastIndex(({ what }) => what === 'sync');
      const late = events
        .slice(Math.max(0, lastSync))
        .filter(({ what }) => what === 'write')
        .filter(({ offset, end }) => offset < event.end && end > event.offset);
      expect(late, `written after the flush that came before the read at ${at}`).toEqual([]);
    }
    // Comparing goes on beside writing: that is what stretches are for.
    const firstRead = events.findIndex(({ what }) => what === 'read');
    expect(events.slice(firstRead).some(({ what }) => what === 'write')).toBe(true);
    const syncs = events.filter(({ what }) => what === 'sync');
    expect(syncs.length).toBeGreaterThanOrEqual(3);
  });

  test.each([0, 6 * mib, 15 * mib + block, 20 * mib])(
    'a disk that gives back something else at byte %i is found out',
    async (at) => {
      const lying = fill((file) => ({
        read: async (buffer, offset) => {
          const got = await file.read(buffer, offset);
          const inside = at - offset;
          if (inside >= 0 && inside < got) buffer[inside] = (buffer[inside] ?? 0) ^ 1;
          return got;
        },
      }));
      const offset = Math.floor(at / block) * block;
      const data = { path: '/new.raw', offset };
      await expect(lying).rejects.toMatchObject({ code: 'verify-mismatch', data });
    },
  );

  test('a write that never arrived is found out', async () => {
    const losing = fill((file) => ({
      write: (bytes, offset) =>
        offset === 15 * mib ? Promise.resolve() : file.write(bytes, offset),
    }));
    const data = { offset: 15 * mib };
    await expect(losing).rejects.toMatchObject({ code: 'verify-mismatch', data });
  });

  test('what was in the memory before the file ended counts for nothing', async () => {
    const cut = fill((file) => ({
      read: async (buffer, offset) => {
        const got = await file.read(buffer, offset);
        return offset < 17 * mib ? got : 0;
      },
    }));
    await expect(cut).rejects.toMatchObject({
      code: 'verify-mismatch',
      data: { offset: 17 * mib },
    });
  });

  test.each([1, 5, 12])('a full disk at write %i ends it with nothing under way', async (nth) => {
    let count = 0;
    let underWay = 0;
    const full = fill((file) => ({
      write: async (bytes, offset) => {
        count += 1;
        if (count === nth) throw new AppError('no-space', 'Full.');
        underWay += 1;
        await file.write(bytes, offset).finally(() => (underWay -= 1));
      },
    }));
    await expect(full).rejects.toMatchObject({ code: 'no-space' });
    expect(underWay).toBe(0);
  });

  test('a flush that fails is told, and what it should have flushed is not compared', async () => {
    const failing = fill(() => ({
      dataSync: () => Promise.reject(new AppError('file-failed', 'The disk is gone.')),
    }));
    await expect(failing).rejects.toMatchObject({ code: 'file-failed' });
    expect(checked).toBe(0);
  });

  test('cancelled in the middle it ends', async () => {
    const filling = fill((file) => ({
      write: async (bytes, offset) => {
        await file.write(bytes, offset);
        if (written > 4 * mib) cancel.abort();
      },
    }));
    await expect(filling).rejects.toMatchObject({ code: 'cancelled' });
    expect(written).toBeLessThan(dataBytes);
  });
});
