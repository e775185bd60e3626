/** Where the lines left of the snapshot tree stand: the deeper the tree, the closer together. */

/** Pixels for all lines together; what is left belongs to the names. */
const room = 132;
const widestStep = 18;
const narrowestStep = 5;
/** Half a mark, so that the first and the last are not cut. */
const edge = 9;

export interface Rails {
  /** Middle of the line of a level, pixels; the first level is 1. */
  readonly at: (level: number) => number;
  readonly edge: number;
}

/** Levels that find no room even close together stand on the last line. */
export function railsFor(deepest: number): Rails {
  const step = Math.max(narrowestStep, Math.min(widestStep, Math.floor(room / deepest)));
  const last = Math.floor(room / step);
  return { at: (level) => edge + (Math.min(level, last) - 1) * step, edge };
}
