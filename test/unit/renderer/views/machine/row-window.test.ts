import { describe, expect, test } from 'vitest';
import {
  rowHeight,
  rowSpan,
  scrollToRow,
} from '../../../../../src-renderer/views/machine/row-window.ts';

const height = 10 * rowHeight;

describe('rowSpan', () => {
  test('what is seen and a few more, never past the ends', () => {
    expect(rowSpan(0, height, 1000)).toEqual({ from: 0, to: 18 });
    expect(rowSpan(500 * rowHeight, height, 1000)).toEqual({ from: 492, to: 518 });
    expect(rowSpan(990 * rowHeight, height, 1000)).toEqual({ from: 982, to: 1000 });
    expect(rowSpan(0, height, 3)).toEqual({ from: 0, to: 3 });
  });

  test('a list that got shorter than it was scrolled draws nothing beyond its end', () => {
    expect(rowSpan(500 * rowHeight, height, 3)).toEqual({ from: 3, to: 3 });
    expect(rowSpan(0, 0, 0)).toEqual({ from: 0, to: 0 });
  });
});

describe('scrollToRow', () => {
  test('moves only as far as is needed', () => {
    expect(scrollToRow(5, 0, height)).toBe(0);
    expect(scrollToRow(10, 0, height)).toBe(rowHeight);
    expect(scrollToRow(2, 5 * rowHeight, height)).toBe(2 * rowHeight);
  });
});
