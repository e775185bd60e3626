/**
 * Sets of restore points, each known by a number. Points are numbered machine by machine in the
 * order of time, and most blocks belong to a stretch of one machine's points, so a set is a list of
 * stretches: nearly all sets are two numbers, whatever they hold.
 */
import { AppError } from '#contract/errors.ts';

/** First and last number of each stretch, ascending, with a gap between any two. */
export type Stretches = readonly number[];

/** Different sets one repository may need; more would be hundreds of megabytes. */
export const maxPointSets = 2_000_000;

export class PointSets {
  readonly #numbers = new Map<string, number>();
  readonly #sets: Stretches[] = [];

  get count(): number {
    return this.#sets.length;
  }

  get(set: number): Stretches {
    return this.#sets[set] ?? [];
  }

  /** The number of a set; the same for equal sets. Throws unsupported beyond `maxPointSets`. */
  numberOf(stretches: Stretches): number {
    const key = stretches.join(' ');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#sets.length;
    if (number >= maxPointSets) {
      throw new AppError('unsupported', 'Too many restore points share blocks in different ways.', {
        maxPointSets,
      });
    }
    this.#sets.push(stretches);
    this.#numbers.set(key, number);
    return number;
  }

  union(a: number, b: number): number {
    return a === b ? a : this.numberOf(merge(this.get(a), this.get(b)));
  }
}

/** All that is in one or the other, as few stretches as that takes. */
export function merge(a: Stretches, b: Stretches): Stretches {
  const merged: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && (a[i] ?? 0) <= (b[j] ?? 0));
    const from = fromA ? a : b;
    const at = fromA ? i : j;
    const first = from[at] ?? 0;
    const last = from[at + 1] ?? 0;
    if (fromA) i += 2;
    else j += 2;
    const end = merged.at(-1);
    if (end !== undefined && first <= end + 1) merged[merged.length - 1] = Math.max(end, last);
    else merged.push(first, last);
  }
  return merged;
}
