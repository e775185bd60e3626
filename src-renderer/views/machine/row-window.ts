/** Which rows of a long list are drawn: those that are seen, and a few on either side. */

/** Pixels; the style sheet of the rows uses the same. */
export const rowHeight = 36;
/** Rows kept ready beyond each edge, so that scrolling shows no gap. */
const spareRows = 8;

export interface RowSpan {
  readonly from: number;
  /** The one after the last. */
  readonly to: number;
}

export function rowSpan(scrollTop: number, height: number, count: number): RowSpan {
  const first = Math.floor(scrollTop / rowHeight) - spareRows;
  const last = Math.ceil((scrollTop + height) / rowHeight) + spareRows;
  const from = Math.min(Math.max(0, first), count);
  return { from, to: Math.max(from, Math.min(count, last)) };
}

/** The scroll position nearest to the present one that shows all of a row. */
export function scrollToRow(index: number, scrollTop: number, height: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : scrollTop;
}
