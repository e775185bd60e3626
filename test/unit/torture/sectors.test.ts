import { expect, test } from 'vitest';
import {
  bytesOf,
  differences,
  equal,
  sectorBytes,
  tell,
  written,
  zeroes,
} from '../../torture/sectors.ts';

const disk = zeroes(8 * sectorBytes);

test('what was written is found equal, and only that', () => {
  const after = written(disk, 2, 3, 101);
  const bytes = Buffer.alloc(8 * sectorBytes);
  bytesOf(101, 2, 3).copy(bytes, 2 * sectorBytes);
  expect(differences(bytes, after)).toEqual([]);
  expect(differences(bytes, disk)).toEqual([
    { first: 2, count: 3, expected: 0, found: 'write 101' },
  ]);
  expect(equal(after, written(disk, 2, 3, 101))).toBe(true);
  expect(equal(after, disk)).toBe(false);
  expect([...disk]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

test('says which write is where it should not be', () => {
  const after = written(written(disk, 0, 4, 101), 1, 1, 0);
  const bytes = Buffer.alloc(8 * sectorBytes, 0);
  bytesOf(102, 5, 2).copy(bytes, 0); // another write, of other sectors
  bytes.fill(0x5a, 2 * sectorBytes, 3 * sectorBytes);
  const found = differences(bytes, after);
  expect(found).toEqual([
    { first: 0, count: 1, expected: 101, found: 'write 102 of sector 5' },
    { first: 1, count: 1, expected: 0, found: 'write 102 of sector 6' },
    { first: 2, count: 1, expected: 101, found: 'other bytes' },
    { first: 3, count: 1, expected: 101, found: 'zeroes' },
  ]);
  expect(tell(found, 2)).toEqual([
    'sector 0: write 101 expected, write 102 of sector 5 found',
    'sector 1: zeroes expected, write 102 of sector 6 found',
    'and 2 more ranges',
  ]);
});

test('one byte is enough, and so is a disk that is too short or too long', () => {
  const after = written(disk, 0, 8, 7);
  const bytes = bytesOf(7, 0, 8);
  bytes[8 * sectorBytes - 1] = (bytes[8 * sectorBytes - 1] ?? 0) ^ 1;
  expect(differences(bytes, after)).toEqual([
    { first: 7, count: 1, expected: 7, found: 'other bytes' },
  ]);
  const short = bytesOf(7, 0, 7);
  expect(differences(short, after)[0]).toMatchObject({ first: 7, found: 'only 0 bytes' });
  const long = bytesOf(7, 0, 9);
  expect(differences(long, after)[0]).toMatchObject({ first: 8, found: 'write 7' });
});
