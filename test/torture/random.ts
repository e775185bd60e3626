/**
 * Dice that fall the same way for the same seed. Each operation has dice of its own, made of the
 * seed and its number, so that leaving one out does not change the others.
 */
export interface Dice {
  /** 0 up to, and not including, `end`. */
  int(end: number): number;
  /** From 0 up to 1. */
  fraction(): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A key, each as likely as its weight; weights of 0 never. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key;
}

/** `parts` are mixed into one state: seed, number of the operation, what for. */
export function diceOf(...parts: readonly number[]): Dice {
  let state = parts.reduce((mixed, part) => mix(mixed ^ mix(part >>> 0)), 0x9e_37_79_b9);
  const next = () => {
    state = (state + 0x9e_37_79_b9) >>> 0; // SplitMix32
    return mix(state);
  };
  const fraction = () => next() / 2 ** 32;
  const int = (end: number) => Math.floor(fraction() * end);
  return {
    int,
    fraction,
    chance: (probability) => fraction() < probability,
    pick: <T>(from: readonly T[]): T => {
      if (from.length === 0) throw new Error('Nothing to pick from');
      return from[int(from.length)] as T;
    },
    weighted: <Key extends string>(weights: Readonly<Record<Key, number>>): Key => {
      const entries = Object.entries<number>(weights) as [Key, number][];
      const sum = entries.reduce((total, [, weight]) => total + weight, 0);
      let at = fraction() * sum;
      for (const [key, weight] of entries) {
        if (weight > 0 && at < weight) return key;
        at -= weight;
      }
      throw new Error('Every weight is zero');
    },
  };
}

function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21_f0_aa_ad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x73_5a_2d_97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
