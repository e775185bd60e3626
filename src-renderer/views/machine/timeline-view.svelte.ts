/**
 * What of a timeline is on the screen: zoom, window, and the size it is drawn at. The selection is
 * not here: it is part of the address, so that a link or a reload shows the same point.
 */
import { scaleLinear } from 'd3-scale';
import type { Entry } from './entries.ts';
import {
  atNow,
  shareOf,
  shifted,
  showing,
  windowAround,
  windowAtNow,
  type TimeWindow,
  type Zoom,
  zooms,
} from './time-window.ts';

const usualZoom: Zoom = 'month';

export class TimelineView {
  #window = $state.raw<TimeWindow>(windowAtNow(usualZoom, 0));
  /** While true the window follows the clock. */
  #follows = $state(true);
  readonly #now: () => number;
  readonly #live: TimeWindow;
  /** Width of the lanes, pixels; bound by the drawing. */
  width = $state(600);

  constructor(now: () => number) {
    this.#now = now;
    this.#live = $derived(windowAtNow(this.#window.zoom, now()));
  }

  get zoom(): Zoom {
    return this.#window.zoom;
  }

  get window(): TimeWindow {
    return this.#follows ? this.#live : this.#window;
  }

  /** True when there is nothing later to show. */
  get atNow(): boolean {
    return atNow(this.window, this.#now());
  }

  readonly #scale = $derived.by(() =>
    scaleLinear().domain([this.window.from, this.window.to]).range([0, this.width]),
  );

  /** Pixels from the left of the lanes for a moment. */
  readonly at = (time: number): number => this.#scale(time);

  /** The moment at a pixel. */
  timeAt(x: number): number {
    return this.#scale.invert(x);
  }

  #set(window: TimeWindow): void {
    this.#window = window;
    this.#follows = atNow(window, this.#now());
  }

  /** Zooms; the selected point stays where it is on the screen. */
  setZoom(zoom: Zoom, anchor: Entry | null): void {
    const now = this.#now();
    const window = this.window;
    const inside = anchor !== null && anchor.time >= window.from && anchor.time < window.to;
    if (this.#follows && !inside) this.#set(windowAtNow(zoom, now));
    else {
      const time = inside ? anchor.time : (window.from + window.to) / 2;
      this.#set(windowAround(zoom, time, shareOf(window, time), now));
    }
  }

  /** One zoom nearer (1) or wider (-1); nothing at the ends. */
  zoomBy(steps: 1 | -1, anchor: Entry | null): void {
    const next = zooms[zooms.indexOf(this.zoom) - steps];
    if (next !== undefined) this.setZoom(next, anchor);
  }

  shift(screens: number): void {
    this.#set(shifted(this.window, screens, this.#now()));
  }

  goToNow(): void {
    this.#set(windowAtNow(this.zoom, this.#now()));
  }

  /** Moves the window only if the moment is outside. */
  show(time: number): void {
    const window = showing(this.window, time, this.#now());
    if (window !== this.window) this.#set(window);
  }

  centre(time: number, zoom: Zoom = this.zoom): void {
    this.#set(windowAround(zoom, time, 0.5, this.#now()));
  }
}
