import { describe, expect, test } from 'vitest';
import {
  across,
  along,
  endOf,
  far,
  firstChoice,
  type Entry,
  type Lane,
} from '../../../../../src-renderer/views/machine/entries.ts';

// What an entry stands for does not matter to the way between entries.
const entry = (kind: Lane, id: string, time: number) =>
  ({ kind, id, time, of: null }) as unknown as Entry;

const entries = [
  entry('snapshot', 's1', 10),
  entry('point', 'p1', 20),
  entry('point', 'p2', 30),
  entry('snapshot', 's2', 34),
  entry('checkpoint', 'c1', 40),
  entry('point', 'p3', 40),
];
const [s1, p1, p2, s2, c1, p3] = entries as [Entry, Entry, Entry, Entry, Entry, Entry];

describe('the way from one entry to the next', () => {
  test('left and right stay in the lane', () => {
    expect(along(entries, p1, 1)).toBe(p2);
    expect(along(entries, p2, -1)).toBe(p1);
    expect(along(entries, p3, 1)).toBeNull();
    expect(along(entries, s1, 1)).toBe(s2);
  });

  test('up and down go to the nearest in time of the next lane', () => {
    expect(across(entries, p2, -1)).toBe(c1);
    expect(across(entries, c1, -1)).toBe(s2);
    expect(across(entries, s1, 1)).toBe(c1);
    expect(across(entries, s2, -1)).toBeNull();
  });

  test('an empty lane is stepped over', () => {
    const without = entries.filter((one) => one.kind !== 'checkpoint');
    expect(across(without, p2, -1)).toBe(s2);
    expect(across(without, s1, 1)).toBe(p1);
  });

  test('Home, End and a screen of time', () => {
    expect(endOf(entries, 'point', 'first')).toBe(p1);
    expect(endOf(entries, 'snapshot', 'last')).toBe(s2);
    expect(far(entries, p3, -10)).toBe(p2);
    expect(far(entries, p3, -1000)).toBe(p1);
    expect(far(entries, p1, 1000)).toBe(p3);
  });

  test('at first the newest restore point is selected', () => {
    expect(firstChoice(entries)).toBe(p3);
    expect(firstChoice([s1, s2])).toBe(s2);
    expect(firstChoice([])).toBeNull();
  });
});
