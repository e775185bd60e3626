import { expect, test } from 'vitest';
import { diceOf } from '../../torture/random.ts';

const throws = (...parts: readonly number[]) => {
  const dice = diceOf(...parts);
  return Array.from({ length: 8 }, () => dice.int(1000));
};

test('the same seed falls the same way, another one does not', () => {
  expect(throws(42, 1)).toEqual(throws(42, 1));
  const seen = [throws(42, 1), throws(42, 2), throws(43, 1), throws(1, 42)].map(String);
  expect(new Set(seen).size).toBe(seen.length);
});

test('every number comes about as often as the others', () => {
  const dice = diceOf(7);
  const counts = [0, 0, 0, 0];
  for (let n = 0; n < 4000; n += 1) {
    const face = dice.int(4);
    counts[face] = (counts[face] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('a weight of zero never comes, the others as often as they weigh', () => {
  const dice = diceOf(9);
  const counts = { often: 0, seldom: 0, never: 0 };
  for (let n = 0; n < 4000; n += 1) counts[dice.weighted({ never: 0, often: 3, seldom: 1 })] += 1;
  expect(counts.never).toBe(0);
  expect(Math.abs(counts.often - 3000)).toBeLessThan(200);
  expect(() => dice.weighted({ never: 0 })).toThrow();
  expect(() => dice.pick([])).toThrow();
});
