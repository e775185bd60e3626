import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../../../src-renderer/views/machine/entries.ts';
import {
  inOrder,
  nextListSort,
  type ListColumn,
} from '../../../../../src-renderer/views/machine/list-order.ts';

const point = (id: string, time: number, storedBytes: number) =>
  ({ kind: 'point', id, time, of: { storedBytes } }) as unknown as Entry;
const snapshot = (id: string, time: number, memoryBytes: number | null) =>
  ({ kind: 'snapshot', id, time, of: { memoryBytes } }) as unknown as Entry;
const checkpoint = (id: string, time: number) =>
  ({ kind: 'checkpoint', id, time, of: {} }) as unknown as Entry;

const entries = [
  snapshot('step-10', 10, null),
  point('p1', 20, 500),
  snapshot('step-9', 30, 800),
  checkpoint('c', 40),
  point('p2', 40, 100),
];
const words = { name: ({ id }: Entry) => id, where: ({ kind }: Entry) => kind };
const order = (column: ListColumn, descending: boolean) =>
  inOrder(entries, { column, descending }, words).map(({ id }) => id);

describe('the list', () => {
  test('is newest first, and turns around', () => {
    expect(order('time', true)).toEqual(['p2', 'c', 'step-9', 'p1', 'step-10']);
    expect(order('time', false)).toEqual(['step-10', 'p1', 'step-9', 'p2', 'c']);
  });

  test('sorts by kind with the newest of each first', () => {
    expect(order('kind', false)).toEqual(['p2', 'p1', 'step-9', 'step-10', 'c']);
  });

  test('sorts by size; what has none is smallest', () => {
    expect(order('size', true)).toEqual(['step-9', 'p1', 'p2', 'c', 'step-10']);
  });

  test('sorts names as people count', () => {
    expect(order('name', false)).toEqual(['c', 'p1', 'p2', 'step-9', 'step-10']);
  });

  test('a column pressed again turns, another begins with the most telling end', () => {
    expect(nextListSort({ column: 'time', descending: true }, 'time').descending).toBe(false);
    expect(nextListSort({ column: 'time', descending: true }, 'size').descending).toBe(true);
    expect(nextListSort({ column: 'time', descending: true }, 'name').descending).toBe(false);
  });
});
