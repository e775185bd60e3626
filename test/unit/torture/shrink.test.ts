import { expect, test } from 'vitest';
import type { Operation } from '../../torture/operation.ts';
import { shrink } from '../../torture/shrink.ts';

const sequence = (...numbers: readonly number[]) =>
  numbers.map((n): Operation => ({ n, do: 'stop' }));
const numbers = (operations: readonly Operation[]) => operations.map(({ n }) => n);

/** Fails at the last operation when all the wanted ones came before it. */
function failsWith(...wanted: readonly number[]) {
  return (operations: readonly Operation[]) => {
    const all = wanted.every((n) => numbers(operations).includes(n));
    return Promise.resolve(all ? { operations } : null);
  };
}

test('leaves out all that is not needed', async () => {
  const first = { operations: sequence(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) };
  const { operations } = await shrink(first, failsWith(3, 8, 10), () => true);
  expect(numbers(operations)).toEqual([3, 8, 10]);
});

test('what fails sooner is taken as it is', async () => {
  const first = { operations: sequence(1, 2, 3, 4, 5, 6) };
  const fails = (operations: readonly Operation[]) =>
    Promise.resolve(
      numbers(operations).includes(2) ? { operations: operations.slice(0, 2) } : null,
    );
  expect((await shrink(first, fails, () => true)).operations.length).toBeLessThanOrEqual(2);
});

test('what does not fail again stays whole, and the time is kept', async () => {
  const first = { operations: sequence(1, 2, 3, 4) };
  const never = () => Promise.resolve(null);
  expect(numbers((await shrink(first, never, () => true)).operations)).toEqual([1, 2, 3, 4]);
  const late = await shrink(first, failsWith(4), () => false);
  expect(late).toMatchObject({ tries: 0, operations: first.operations });
});
