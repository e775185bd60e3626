/**
 * Which stretch of time the timeline shows. Four zooms; each window is made of whole cells of the
 * local calendar (an hour, a day, a week), so a mark keeps its cell when the clock moves on. Days
 * of 23 or 25 hours are handled by the calendar, never by adding 24 hours.
 */

export type Zoom = 'day' | 'week' | 'month' | 'year';
export const zooms: readonly Zoom[] = ['day', 'week', 'month', 'year'];

export interface TimeWindow {
  readonly zoom: Zoom;
  readonly from: number; // epoch milliseconds, inclusive
  readonly to: number; // exclusive
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Cells left and right of the one that holds now; what is right of Now belongs to plans. */
const cellsBefore: { readonly [Z in Zoom]: number } = { day: 24, week: 7, month: 28, year: 52 };
const cellsAfter: { readonly [Z in Zoom]: number } = { day: 4, week: 2, month: 5, year: 9 };

/** The start of the cell a moment is in: its hour, its day, or the Monday of its week. */
export function cellStart(zoom: Zoom, time: number): number {
  const date = new Date(time);
  if (zoom === 'day') return date.setMinutes(0, 0, 0);
  date.setHours(0, 0, 0, 0);
  if (zoom === 'year') date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  return date.getTime();
}

/** The start of the cell `count` cells on; negative goes back. */
function cellAfter(zoom: Zoom, start: number, count: number): number {
  const date = new Date(start);
  if (zoom === 'day') return date.getTime() + count * 3_600_000;
  date.setDate(date.getDate() + count * (zoom === 'year' ? 7 : 1));
  return date.getTime();
}

/** The window whose last part is now. */
export function windowAtNow(zoom: Zoom, now: number): TimeWindow {
  const cell = cellStart(zoom, now);
  return {
    zoom,
    from: cellAfter(zoom, cell, -cellsBefore[zoom]),
    to: cellAfter(zoom, cell, cellsAfter[zoom]),
  };
}

function notPastNow(window: TimeWindow, now: number): TimeWindow {
  const last = windowAtNow(window.zoom, now);
  return window.to > last.to ? last : window;
}

/** The window that holds `time` at the given share of its width (0 left, 1 right). */
export function windowAround(zoom: Zoom, time: number, share: number, now: number): TimeWindow {
  const count = cellsBefore[zoom] + cellsAfter[zoom];
  const before = Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  const from = cellAfter(zoom, cellStart(zoom, time), -before);
  return notPastNow({ zoom, from, to: cellAfter(zoom, from, count) }, now);
}

/** One screen of time earlier or later, never past the window at now. */
export function shifted(window: TimeWindow, screens: number, now: number): TimeWindow {
  const cells = screens * cellsBefore[window.zoom];
  const { zoom } = window;
  return notPastNow(
    { zoom, from: cellAfter(zoom, window.from, cells), to: cellAfter(zoom, window.to, cells) },
    now,
  );
}

/** The same window, or the nearest one that shows `time`. */
export function showing(window: TimeWindow, time: number, now: number): TimeWindow {
  if (time >= window.from && time < window.to) return window;
  return windowAround(window.zoom, time, time < window.from ? 0.1 : 0.8, now);
}

/** True when the window reaches now, so that later shows nothing new. */
export function atNow(window: TimeWindow, now: number): boolean {
  return window.to >= windowAtNow(window.zoom, now).to;
}

export function shareOf(span: Span, time: number): number {
  return (time - span.from) / (span.to - span.from);
}

/** The cells of a window, oldest first. */
export function cellsOf(window: TimeWindow): readonly Span[] {
  const cells: Span[] = [];
  for (let from = window.from; from < window.to;) {
    const to = cellAfter(window.zoom, from, 1);
    cells.push({ from, to });
    from = to;
  }
  return cells;
}

export interface Tick {
  readonly time: number;
  /** Major ticks have a line through all lanes and a label. */
  readonly major: boolean;
}

/** Hours of a day that get a label; days of the week at 0 (Sunday) to 6. */
const hoursPerLabel = 4;
const monday = 1;

/** The ticks of the axis, oldest first. */
export function ticksOf(window: TimeWindow): readonly Tick[] {
  if (window.zoom === 'year') return monthTicks(window);
  return cellsOf(window).map(({ from }) => {
    const date = new Date(from);
    if (window.zoom === 'day') {
      return { time: from, major: date.getHours() % hoursPerLabel === 0 };
    }
    return { time: from, major: window.zoom === 'week' || date.getDay() === monday };
  });
}

/** The first of every month in a stretch of time. */
export function monthTicks(span: Span): readonly Tick[] {
  const ticks: Tick[] = [];
  const date = new Date(span.from);
  date.setHours(0, 0, 0, 0);
  date.setDate(1);
  for (; date.getTime() < span.to; date.setMonth(date.getMonth() + 1)) {
    if (date.getTime() >= span.from) ticks.push({ time: date.getTime(), major: true });
  }
  return ticks;
}

/** The whole history for the strip below: from the oldest point to past now, at least a month. */
export function overviewSpan(oldest: number | null, now: number): Span {
  const shortest = windowAtNow('month', now);
  const from = Math.min(shortest.from, oldest === null ? shortest.from : cellStart('week', oldest));
  const ahead = Math.max(shortest.to - now, (now - from) * 0.03);
  return { from, to: Math.max(shortest.to, now + ahead) };
}
