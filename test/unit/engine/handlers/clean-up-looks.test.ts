import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  looksNeeded,
  readLooks,
  seenUntil,
  withLook,
  type Look,
} from '#engine/handlers/clean-up-looks.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const start = Date.UTC(2026, 10, 26);

describe('looks at what is removed', () => {
  test('a removal was seen long enough on the eighth day, however often was looked', () => {
    let looks: readonly Look[] = [];
    for (let hour = 0; hour < 7 * 20; hour += 1) {
      looks = withLook(looks, start + hour * hourMs, [start]);
      expect(seenUntil(looks)).toBeNull();
    }
    expect(seenUntil(withLook(looks, start + 7 * 20 * hourMs, [start]))).toBe(start);
  });

  test('one made later is not meant, nor one that is dated in the future', () => {
    let looks: readonly Look[] = [];
    for (let day = 0; day < looksNeeded; day += 1) {
      const made = Array.from({ length: day + 1 }, (_, at) => start + at * dayMs);
      looks = withLook(looks, start + day * dayMs, [...made, start + 9999 * dayMs]);
    }
    expect(looks).toHaveLength(looksNeeded);
    expect(seenUntil(looks)).toBe(start);
  });

  test('a jump of any length is one look, and is forgotten when the clock is set back', () => {
    const one = fc.record({
      jumpMs: fc.integer({ min: dayMs, max: 40_000 * dayMs }),
      looked: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(one, ({ jumpMs, looked }) => {
        let looks: readonly Look[] = [];
        for (let day = 0; day < looked; day += 1) {
          looks = withLook(looks, start + day * dayMs, [start]);
        }
        const at = start + looked * dayMs;
        const jumped = withLook(looks, at + jumpMs, [start]);
        expect(jumped).toHaveLength(looked + 1);
        expect(withLook(jumped, at + jumpMs + hourMs, [start])).toHaveLength(looked + 1);
        expect(withLook(jumped, at - 5 * hourMs, [start])).toEqual(looks);
      }),
    );
  });

  test('what is stored and cannot be read is no look', () => {
    const looks = withLook([], start, [start]);
    expect(readLooks(JSON.stringify(looks))).toEqual(looks);
    for (const stored of [
      null,
      '',
      '{',
      '{}',
      '[1]',
      '[{"at":1}]',
      '[{"at":1,"newestRemoval":"x"}]',
    ]) {
      expect(readLooks(stored)).toEqual([]);
    }
  });
});
