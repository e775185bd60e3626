import { expect, test } from 'vitest';
import { usualName } from '../../../../../src-renderer/views/action/usual-name.ts';

const now = new Date(2026, 10, 3, 9, 5).getTime();

test('is the day and minute', () => {
  expect(usualName(now, [])).toBe('2026-11-03-0905');
});

test('is never one that is taken', () => {
  expect(usualName(now, ['2026-11-03-0905'])).toBe('2026-11-03-0905-2');
  expect(usualName(now, ['2026-11-03-0905', '2026-11-03-0905-2'])).toBe('2026-11-03-0905-3');
});
