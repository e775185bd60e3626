import { expect, test } from 'vitest';
import { parentsFirst } from '#engine/hypervisor/parents-first.ts';

const moment = (name: string, parent: string | null, time: number) => ({ name, parent, time });
const names = (...moments: readonly ReturnType<typeof moment>[]) =>
  parentsFirst(moments).map(({ name }) => name);

test('oldest first, however they come', () => {
  expect(names(moment('c', 'b', 3), moment('a', null, 1), moment('b', 'a', 2))).toEqual([
    'a',
    'b',
    'c',
  ]);
});

test('a parent comes first although a clock set back made it younger', () => {
  const line = [moment('child', 'parent', 1), moment('parent', 'root', 5), moment('root', null, 9)];
  expect(names(...line)).toEqual(['root', 'parent', 'child']);
});

test('of the same second, by name; branches by time', () => {
  expect(
    names(moment('b', null, 1), moment('a', null, 1), moment('b2', 'b', 3), moment('a2', 'a', 2)),
  ).toEqual(['a', 'b', 'a2', 'b2']);
});

test('a parent that is not there, or stands in a circle, loses none', () => {
  expect(names(moment('a', 'gone', 2), moment('b', null, 1))).toEqual(['b', 'a']);
  expect(names(moment('a', 'b', 1), moment('b', 'a', 2)).sort()).toEqual(['a', 'b']);
});
