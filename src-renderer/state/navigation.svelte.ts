/**
 * Where the window is. The address after the hash is the only truth: going somewhere writes it,
 * and the back button works because nothing else remembers.
 */
import { addressOf, placeAt, type Place } from './place.ts';

export class Navigation {
  #place = $state.raw<Place>(placeAt(window.location.hash));
  /** Asked before leaving a place with unsaved choices; true lets go. */
  #guard: ((to: Place) => boolean) | null = null;
  readonly #stop: () => void;

  constructor() {
    const onHash = (): void => {
      const to = placeAt(window.location.hash);
      if (addressOf(to) === addressOf(this.#place)) return;
      if (this.#guard !== null && !this.#guard(to)) {
        window.history.replaceState(null, '', addressOf(this.#place));
        return;
      }
      this.#place = to;
    };
    window.addEventListener('hashchange', onHash);
    this.#stop = () => window.removeEventListener('hashchange', onHash);
  }

  get place(): Place {
    return this.#place;
  }

  /** Goes there; the back button returns. */
  go(to: Place): void {
    if (addressOf(to) === addressOf(this.#place)) return;
    if (this.#guard !== null && !this.#guard(to)) return;
    window.history.pushState(null, '', addressOf(to));
    this.#place = to;
  }

  /** Changes the address without a step for the back button: a selection, a redirect. */
  replace(to: Place): void {
    window.history.replaceState(null, '', addressOf(to));
    this.#place = to;
  }

  href(to: Place): string {
    return addressOf(to);
  }

  /**
   * While set, every way out of the present place is asked first (ux.md W4: closing with changes
   * asks once). Returns what removes it.
   */
  guard(ask: (to: Place) => boolean): () => void {
    this.#guard = ask;
    return () => {
      if (this.#guard === ask) this.#guard = null;
    };
  }

  stop(): void {
    this.#stop();
  }
}
