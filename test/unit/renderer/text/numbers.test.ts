import { expect, test } from 'vitest';
import {
  bytesOfText,
  bytesText,
  countText,
  exactBytesText,
  percentText,
  rateText,
} from '../../../../src-renderer/text/numbers.ts';

const gib = 1024 ** 3;

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1,023 bytes'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [1024 * 1024 - 1, '1 MiB'],
  [40 * gib, '40 GiB'],
  [Math.round(86.4 * gib), '86.4 GiB'],
  [2 ** 53 - 1, '8 PiB'],
  [-5, '0 bytes'],
])('%d bytes are %s', (bytes, words) => {
  expect(bytesText(bytes)).toBe(words);
});

test('exact bytes for the hover', () => {
  expect(exactBytesText(1_288_490_189)).toBe('1,288,490,189 bytes');
  expect(exactBytesText(1)).toBe('1 byte');
});

test('done of total names the unit once when it is the same', () => {
  expect(bytesOfText(6.1 * gib, 9.4 * gib)).toBe('6.1 of 9.4 GiB');
  expect(bytesOfText(300 * 1024 ** 2, 9.4 * gib)).toBe('300 MiB of 9.4 GiB');
});

test('rates, counts and shares', () => {
  expect(rateText(58 * 1024 ** 2)).toBe('58 MiB/s');
  expect(countText(12_345)).toBe('12,345');
  expect(percentText(0.999)).toBe('99 %');
  expect(percentText(1.2)).toBe('100 %');
});
