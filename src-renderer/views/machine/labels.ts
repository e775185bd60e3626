/** Which labels of a row are drawn: those that would touch a more important one are left out. */

export interface Label {
  readonly key: string;
  readonly left: number;
  readonly right: number;
  /** Smaller is more important: the selected one first, then the newest. */
  readonly rank: number;
}

/** Pixels kept free between two labels. */
const space = 6;

/** The keys of the labels that fit, without overlap, inside 0 to `width`. */
export function fittingLabels(labels: readonly Label[], width: number): ReadonlySet<string> {
  const kept: Label[] = [];
  for (const label of [...labels].sort((a, b) => a.rank - b.rank)) {
    if (label.left < 0 || label.right > width) continue;
    const free = kept.every(
      (other) => label.right + space <= other.left || label.left >= other.right + space,
    );
    if (free) kept.push(label);
  }
  return new Set(kept.map((label) => label.key));
}

/** Left edge of a label centred on `x`, moved so that it stays between 0 and `width`. */
export function leftInside(x: number, labelWidth: number, width: number): number {
  return Math.max(0, Math.min(x - labelWidth / 2, width - labelWidth));
}
