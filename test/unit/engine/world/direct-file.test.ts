/** Files past the page cache, where the temporary folder's file system has them. */
import { constants, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { realFiles, type OpenFile } from '#engine/world/files.ts';
import { pageMemory } from '#engine/world/page-memory.ts';
import { noise } from '../../../fakes/store-fixture.ts';
import { temporaryFolder } from '../../../fakes/world.ts';

const page = 4096;

let path: string;

beforeEach(async (context) => {
  path = join(temporaryFolder(), 'image');
  writeFileSync(path, '');
  const file = await realFiles.openDirect(path);
  if (file === null) context.skip('the temporary folder has only the page cache');
  await file?.close();
});

async function withDirect(size: number, use: (file: OpenFile) => Promise<void>): Promise<void> {
  writeFileSync(path, Buffer.alloc(size));
  const file = await realFiles.openDirect(path);
  if (file === null) throw new Error('It could just now.');
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // the one that listed the folder is closed
  }
}

const fdInfo = (fd: string) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');

function inPages(bytes: Buffer): Buffer {
  const memory = Buffer.from(pageMemory(bytes.length), 0, bytes.length);
  bytes.copy(memory);
  return memory;
}

describe('a file past the page cache', () => {
  test('is open with O_DIRECT', async () => {
    await withDirect(page, () => {
      const open = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === path);
      const flags = open.map((fd) => /^flags:\s*(\d+)/m.exec(fdInfo(fd))?.[1] ?? '0');
      const direct = flags.filter((octal) => (parseInt(octal, 8) & constants.O_DIRECT) !== 0);
      expect(direct).toHaveLength(1);
      return Promise.resolve();
    });
  });

  // Whole pages, less than one, pages and a part, and one byte short of them.
  test.each([16 * page, 512, 5 * page + 700, 7 * page - 1])('of %i bytes', async (size) => {
    const content = noise('direct', size);
    await withDirect(size, async (file) => {
      await file.write(inPages(content), 0);
      await file.dataSync();
      const into = inPages(Buffer.alloc(size));
      expect(await file.read(into, 0)).toBe(size);
      expect(into.equals(content)).toBe(true);
      expect((await file.stat()).sizeBytes).toBe(size);
    });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test('is read where it was written, and what is around stays', async () => {
    const content = noise('middle', 3 * page);
    await withDirect(10 * page, async (file) => {
      await file.write(inPages(content), 4 * page);
      const into = inPages(Buffer.alloc(page));
      expect(await file.read(into, 5 * page)).toBe(page);
      expect(into.equals(content.subarray(page, 2 * page))).toBe(true);
    });
    const expected = Buffer.alloc(10 * page);
    content.copy(expected, 4 * page);
    expect(readFileSync(path).equals(expected)).toBe(true);
  });

  test.each([2 * page, 2 * page + 100])('of %i bytes is read only to its end', async (size) => {
    await withDirect(size, async (file) => {
      expect(await file.read(inPages(Buffer.alloc(8 * page)), 0)).toBe(size);
      expect(await file.read(inPages(Buffer.alloc(page + 10)), 0)).toBe(page + 10);
      expect(await file.read(inPages(Buffer.alloc(page)), 4 * page)).toBe(0);
    });
  });

  test('sees what came through the cache', async () => {
    const content = noise('cached', 2 * page);
    await withDirect(2 * page, async (file) => {
      writeFileSync(path, content, { flag: 'r+' });
      const into = inPages(Buffer.alloc(2 * page));
      await file.read(into, 0);
      expect(into.equals(content)).toBe(true);
    });
  });

  test('that is not there is said so', async () => {
    const opening = realFiles.openDirect(`${path}.not`);
    await expect(opening).rejects.toMatchObject({ code: 'path-not-found' });
  });

  test('is none on a file system that only has the cache', async () => {
    expect(await realFiles.openDirect('/proc/self/comm')).toBeNull();
  });
});
