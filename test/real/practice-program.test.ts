/**
 * The practice machine's program, run by QEMU alone: it must agree with the reader of its disk on
 * what is whole and what is broken.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Child } from '#engine/world/processes.ts';
import { realWorld } from '#engine/world/world.ts';
import {
  checksum,
  headerOffset,
  logBytes,
  logOffset,
  makePracticeDisk,
  maxRecords,
  readPracticeLog,
  recordBytes,
} from './practice-log.ts';

const world = realWorld();
const resources = join(import.meta.dirname, '../../resources/practice');
const boot = readFileSync(join(resources, 'boot.img'));
const bootLimitMs = 30_000;
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-program-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const limit = world.clock.monotonic() + bootLimitMs;
  while (world.clock.monotonic() < limit) {
    const found = await look();
    if (found !== null) return found;
    await world.clock.sleep(50);
  }
  throw new Error(`${what}: not within ${bootLimitMs} ms`);
}

/** Starts QEMU on the disk; resolves when the serial port has said `LOG …` or worse. */
async function start(disk: string): Promise<{ child: Child; words: string }> {
  const serial = join(folder, `serial-${world.ids.ulid()}`);
  const child = await world.processes.start('qemu-system-x86_64', [
    ...['-machine', 'pc', '-accel', 'tcg', '-m', '32', '-nodefaults', '-display', 'none'],
    ...['-device', 'VGA', '-serial', `file:${serial}`],
    ...['-drive', `file=${disk},format=raw,if=virtio`],
  ]);
  const words = await until('a line about the log', async () => {
    const text = await readFile(serial, 'latin1').catch(() => '');
    return /(LOG|HEADER|DISK) .*\r\n/.test(text) ? text : null;
  }).catch((thrown: unknown) => {
    child.kill('SIGKILL');
    throw thrown;
  });
  return { child, words };
}

async function kill(child: Child): Promise<void> {
  child.kill('SIGKILL');
  await child.exited;
}

async function lineAboutLog(disk: Buffer): Promise<string | undefined> {
  const path = join(folder, 'disk.raw');
  await writeFile(path, disk);
  const { child, words } = await start(path);
  await kill(child);
  return words.trim().split('\r\n').at(-1);
}

test('the built image is what nasm makes of the source', async () => {
  const out = join(folder, 'boot.img');
  const source = join(resources, 'boot.asm');
  const { code, stderr } = await world.processes.run('nasm', [
    ...['-f', 'bin', '-w+all', '-w+error', '-o', out, source],
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect((await readFile(out)).equals(boot)).toBe(true);
});

test('counts survive kill -9 and go on in the next generation', async () => {
  const disk = join(folder, 'disk.raw');
  await writeFile(disk, boot);
  const file = await open(disk, 'r+');
  await file.truncate(64 * 1024 * 1024);
  await file.close();
  let before = 0;
  for (const generation of [1, 2, 3]) {
    const { child, words } = await start(disk);
    expect(words).toContain('WAYMARK PRACTICE MACHINE\r\n');
    expect(words).toContain(`Generation ${generation}\r\nLOG OK ${before} records\r\n`);
    const grown = await until('20 more records', async () => {
      const log = readPracticeLog(await readFile(disk));
      return log.newest >= before + 20 ? log : null;
    });
    expect(grown).toMatchObject({ generation, newestGeneration: generation, brokenAt: null });
    await kill(child);
    const after = readPracticeLog(await readFile(disk));
    expect(after.brokenAt).toBeNull();
    before = after.newest;
  }
});

describe('program and reader agree', () => {
  const agree = async (disk: Buffer, words: string, brokenAt: number | null) => {
    expect(readPracticeLog(disk).brokenAt).toBe(brokenAt);
    expect(await lineAboutLog(disk)).toBe(words);
  };

  test('on the second lap', async () => {
    const disk = makePracticeDisk(boot, maxRecords + 5);
    expect(readPracticeLog(disk).newest).toBe(maxRecords + 5);
    await agree(disk, `LOG OK ${maxRecords} records`, null);
  });

  test('on a record with one bit turned', async () => {
    const disk = makePracticeDisk(boot, 1000);
    const at = logOffset + 700 * recordBytes + 13;
    disk.writeUInt8(disk.readUInt8(at) ^ 1, at);
    await agree(disk, 'LOG BROKEN at 701', 701);
  });

  test('on a hole of 64 KiB', async () => {
    const disk = makePracticeDisk(boot, 10_000);
    disk.fill(0, logOffset + 65_536, logOffset + 131_072);
    await agree(disk, 'LOG BROKEN at 2049', 2049);
  });

  test('on an older state with a piece of a newer one', async () => {
    const disk = makePracticeDisk(boot, 1000);
    const newer = makePracticeDisk(boot, 10_000);
    newer.copy(disk, logOffset + 131_072, logOffset + 131_072, logOffset + 196_608);
    await agree(disk, 'LOG BROKEN at 1001', 1001);
  });

  test('on two histories with the same numbers', async () => {
    const disk = makePracticeDisk(boot, 10_000, 2);
    const other = makePracticeDisk(boot, 10_000, 2);
    // The other history differs in one tick of its first record, and so in every checksum after.
    for (let slot = 0, previous = 0; slot < 10_000; slot += 1) {
      const at = logOffset + slot * recordBytes;
      const record = other.subarray(at, at + recordBytes);
      if (slot === 0) record.writeUInt32LE(77, 12);
      record.writeUInt32LE(previous, 16);
      previous = checksum(record.subarray(0, 28));
      record.writeUInt32LE(previous, 28);
    }
    expect(readPracticeLog(other).brokenAt).toBeNull();
    other.copy(disk, logOffset + 65_536, logOffset + 65_536, logOffset + logBytes);
    await agree(disk, 'LOG BROKEN at 2049', 2049);
  });

  test('on records newer than the header', async () => {
    const disk = makePracticeDisk(boot, 100, 1);
    makePracticeDisk(boot, 100, 2).copy(disk, logOffset, logOffset, logOffset + logBytes);
    await agree(disk, 'LOG BROKEN at 1', 1);
  });

  test('on a damaged header', async () => {
    const disk = makePracticeDisk(boot, 100);
    disk.writeUInt8(9, headerOffset + 20);
    expect(() => readPracticeLog(disk)).toThrow('header');
    expect(await lineAboutLog(disk)).toContain('HEADER BROKEN');
  });
});

test('a broken log is left as it was found', async () => {
  const disk = makePracticeDisk(boot, 100);
  disk.fill(0, logOffset, logOffset + recordBytes);
  const path = join(folder, 'disk.raw');
  await writeFile(path, disk);
  const { child } = await start(path);
  await world.clock.sleep(500);
  await kill(child);
  const after = await readFile(path);
  expect(after.subarray(logOffset).equals(disk.subarray(logOffset))).toBe(true);
});
