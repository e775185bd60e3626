/**
 * One image from a repository, with the real qemu-nbd and real disks that go wrong: full, changed
 * behind our back, without a way past the page cache. Whatever fails leaves nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeImage } from '#engine/restore/write-image.ts';
import { createRepository, type StoreRepository, type TreeRoot } from '#engine/store/repository.ts';
import type { Files, OpenFile } from '#engine/world/files.ts';
import type { Processes } from '#engine/world/processes.ts';
import type { World } from '#engine/world/world.ts';
import { backUp, fixture, kib, noise, type Fixture } from '../fakes/store-fixture.ts';

const mib = 1024 * kib;
const block = 64 * kib;
/** Data, a hole of 60 MiB, data, a hole, and a last block that ends within a page. */
const disk = Buffer.alloc(100 * mib + 512);
noise('front', 20 * mib).copy(disk, 0);
noise('back', 10 * mib).copy(disk, 80 * mib);
noise('end', 512).copy(disk, 100 * mib);
const dataBytes = 30 * mib + 512;
const formats = ['raw', 'qcow2'] as const;
type Format = (typeof formats)[number];

const root = process.getuid?.() === 0;
if (!root) console.log('restore-image: no full disk, mounting a small one needs root');

let place: Fixture;
let repository: StoreRepository;
let tree: TreeRoot;
let folder: string;
let count = 0;

beforeAll(async () => {
  place = await fixture();
  const scryptCost = { n: 1024, r: 8, p: 1 };
  const options = { password: 'secret', indexPath: place.indexPath, scryptCost };
  ({ repository } = await createRepository(place.world, place.path, options));
  tree = await backUp(repository, 'p1', disk);
});

afterAll(async () => {
  await repository.close();
  await place.remove();
});

beforeEach(() => {
  count += 1;
  folder = join(place.folder, `out-${count}`);
  mkdirSync(folder);
});

interface Told {
  written: number;
  checked: number;
}

function restore(
  format: Format,
  world: World = place.world,
  options: { into?: string; cancel?: AbortController; told?: Told } = {},
): Promise<number> {
  const {
    into = folder,
    cancel = new AbortController(),
    told = { written: 0, checked: 0 },
  } = options;
  const path = join(into, `vda.${format}`);
  const spec = { path, format, root: tree, owner: null, socketFolder: place.folder };
  return writeImage(world, repository, spec, {
    signal: cancel.signal,
    onWritten: (bytes) => (told.written += bytes),
    onChecked: (bytes) => (told.checked += bytes),
  });
}

function content(format: Format): Buffer {
  const path = join(folder, `vda.${format}`);
  if (format === 'raw') return readFileSync(path);
  const flat = join(folder, 'flat');
  execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', path, flat]);
  return readFileSync(flat);
}

const withFiles = (files: Partial<Files>): World => ({
  ...place.world,
  files: { ...place.world.files, ...files },
});

/** A world whose image files, past the cache or not, do what `spoil` says. */
function spoiled(spoil: (file: OpenFile) => Partial<OpenFile>, direct = true): World {
  const { files } = place.world;
  const wrap = (file: OpenFile): OpenFile => ({ ...file, ...spoil(file) });
  return withFiles({
    openDirect: async (path) => {
      const file = direct ? await files.openDirect(path) : null;
      return file === null ? null : wrap(file);
    },
    open: async (path, how, mode) => {
      const file = await files.open(path, how, mode);
      return how === 'write' ? wrap(file) : file;
    },
  });
}

async function flip(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
  await file.close();
}

describe.each(formats)('a %s image', (format) => {
  test('is the disk, sparse, and each byte of it was compared', async () => {
    const told = { written: 0, checked: 0 };
    expect(await restore(format, place.world, { told })).toBe(dataBytes);
    expect(told).toEqual({ written: dataBytes, checked: dataBytes });
    const { blocks } = statSync(join(folder, `vda.${format}`));
    expect(blocks * 512).toBeLessThan(40 * mib);
    expect(content(format).subarray(0, disk.length).equals(disk)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('never replaces what is there', async () => {
    writeFileSync(join(folder, `vda.${format}`), 'mine');
    await expect(restore(format)).rejects.toMatchObject({ code: 'path-exists' });
    expect(readFileSync(join(folder, `vda.${format}`), 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('cancelled in the middle ends within a second and leaves nothing', async () => {
    const cancel = new AbortController();
    const told = { written: 0, checked: 0 };
    const running = restore(format, place.world, { cancel, told });
    await expect.poll(() => told.written, { interval: 1 }).toBeGreaterThan(2 * mib);
    const since = performance.now();
    cancel.abort();
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(performance.now() - since).toBeLessThan(1000);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.skipIf(!root)('on a full disk is said so and leaves nothing', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    try {
      const data = { where: 'target', path: join(folder, `vda.${format}`) };
      await expect(restore(format)).rejects.toMatchObject({ code: 'no-space', data });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      execFileSync('umount', ['--lazy', folder]);
    }
  });
});

describe('a raw image', () => {
  test('on a file system that only has the page cache is the disk all the same', async () => {
    const world = withFiles({ openDirect: () => Promise.resolve(null) });
    expect(await restore('raw', world)).toBe(dataBytes);
    expect(content('raw').equals(disk)).toBe(true);
  });

  test.skipIf(!root)('on a full disk with only the page cache is said so', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    try {
      const world = withFiles({ openDirect: () => Promise.resolve(null) });
      await expect(restore('raw', world)).rejects.toMatchObject({ code: 'no-space' });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      execFileSync('umount', ['--lazy', folder]);
    }
  });

  test.each([
    [0, true],
    [19 * mib + 77, true],
    [85 * mib, true],
    [85 * mib, false],
    [100 * mib + 511, true],
  ])(
    'changed at byte %i after it was flushed is refused (past the cache: %s)',
    async (at, direct) => {
      let flipped = false;
      const world = spoiled((file) => {
        return {
          dataSync: async () => {
            await file.dataSync();
            if (flipped || (await file.stat()).allocatedBytes < dataBytes) return;
            flipped = true;
            await flip(file.path, at); // on the disk itself, as a failing one does
          },
        };
      }, direct);
      const offset = Math.floor(at / block) * block;
      await expect(restore('raw', world)).rejects.toMatchObject({
        code: 'verify-mismatch',
        data: { path: join(folder, 'vda.raw'), offset },
      });
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test.each([50 * mib + 3, 100 * mib - 1])('with stray data at %i is refused', async (at) => {
    const world = spoiled((file) => ({
      close: async () => {
        await file.close();
        await flip(file.path, at);
      },
    }));
    const refused = { code: 'verify-mismatch', data: { offset: at } };
    await expect(restore('raw', world)).rejects.toMatchObject(refused);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('a qcow2 image changed before it is read back is refused', async () => {
  const { processes } = place.world;
  const start: Processes['start'] = async (program, args, options) => {
    const path = args.at(-1) ?? '';
    if (program === 'qemu-nbd' && args.includes('--read-only')) {
      await flip(path, readFileSync(path).indexOf(disk.subarray(85 * mib, 85 * mib + 64)));
    }
    return processes.start(program, args, options);
  };
  const world = { ...place.world, processes: { ...processes, start } };
  const refused = { code: 'verify-mismatch', data: { offset: 85 * mib } };
  await expect(restore('qcow2', world)).rejects.toMatchObject(refused);
  expect(readdirSync(folder)).toEqual([]);
});
