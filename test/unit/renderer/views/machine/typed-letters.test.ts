import { expect, test } from 'vitest';
import { TypedLetters } from '../../../../../src-renderer/views/machine/typed-letters.ts';

test('letters add up until a pause', () => {
  const typed = new TypedLetters();
  expect(typed.add('u', 0)).toBe('u');
  expect(typed.add('p', 600)).toBe('up');
  expect(typed.add('u', 1400)).toBe('u');
});

test('a space belongs to a name only inside one; other keys are no letters', () => {
  const typed = new TypedLetters();
  expect(typed.add(' ', 0)).toBeNull();
  expect(typed.add('a', 100)).toBe('a');
  expect(typed.add(' ', 200)).toBe('a ');
  expect(typed.add(' ', 2000)).toBeNull();
  expect(typed.add('Shift', 2100)).toBeNull();
  expect(typed.add('é', 2200)).toBe('é');
});
