import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fittingLabels, leftInside } from '../../../../../src-renderer/views/machine/labels.ts';

test('of two that touch the more important one stays', () => {
  const labels = [
    { key: 'old', left: 0, right: 50, rank: 2 },
    { key: 'selected', left: 40, right: 90, rank: 0 },
    { key: 'new', left: 100, right: 140, rank: 1 },
  ];
  expect([...fittingLabels(labels, 200)].sort()).toEqual(['new', 'selected']);
});

test('a label that leaves the lane is not drawn', () => {
  expect(fittingLabels([{ key: 'a', left: -1, right: 20, rank: 0 }], 200).size).toBe(0);
  expect(fittingLabels([{ key: 'a', left: 190, right: 201, rank: 0 }], 200).size).toBe(0);
});

test('a centred label is moved inside', () => {
  expect(leftInside(5, 40, 200)).toBe(0);
  expect(leftInside(195, 40, 200)).toBe(160);
  expect(leftInside(100, 40, 200)).toBe(80);
});

test('property: no two drawn labels overlap, and the first in rank is always drawn', () => {
  const label = fc.record({
    left: fc.integer({ min: 0, max: 500 }),
    size: fc.integer({ min: 1, max: 90 }),
  });
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 40 }), (list) => {
      const labels = list.map(({ left, size }, rank) => ({
        key: String(rank),
        left,
        right: left + size,
        rank,
      }));
      const kept = labels.filter((one) => fittingLabels(labels, 600).has(one.key));
      expect(kept[0]?.key).toBe('0');
      for (const a of kept) {
        for (const b of kept)
          if (a !== b) expect(a.right <= b.left || a.left >= b.right).toBe(true);
      }
    }),
  );
});
