import { expect, test } from 'vitest';
import { railsFor } from '../../../../../src-renderer/views/machine/rails.ts';

test('a shallow tree has wide steps, a deep one closer ones', () => {
  expect([1, 2, 3].map(railsFor(3).at)).toEqual([9, 27, 45]);
  expect(railsFor(12).at(2) - railsFor(12).at(1)).toBe(11);
});

test('however deep, the names keep their room', () => {
  for (const deepest of [1, 7, 26, 27, 1000]) {
    const { at } = railsFor(deepest);
    expect(at(deepest)).toBeLessThan(150);
    expect(at(1)).toBe(9);
  }
  expect(railsFor(1000).at(999)).toBe(railsFor(1000).at(500));
});
