/**
 * Keys in a table whose rows can be focused: arrows, Home, End and Page keys move, Enter opens. One
 * row at a time is in the tab order, so Tab passes the whole table in one step.
 */

const rowsPerPage = 10;

export interface RowMoves {
  readonly count: number;
  readonly index: number;
  readonly focus: (index: number) => void;
  readonly open?: (index: number) => void;
}

/** True when the key was one of these and was used. */
export function handleRowKey(event: KeyboardEvent, rows: RowMoves): boolean {
  // A button inside the row keeps its own Enter and Space.
  const inControl = event.target instanceof HTMLElement && event.target.closest('button,a,input');
  const { index, count } = rows;
  const target = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    Home: 0,
    End: count - 1,
    PageDown: index + rowsPerPage,
    PageUp: index - rowsPerPage,
  }[event.key];
  if (target !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    rows.focus(Math.min(count - 1, Math.max(0, target)));
    return true;
  }
  if (event.key === 'Enter' && inControl === null && rows.open !== undefined) {
    event.preventDefault();
    rows.open(index);
    return true;
  }
  return false;
}
