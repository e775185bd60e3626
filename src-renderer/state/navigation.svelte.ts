/**
 * Where the window is. The address after the hash is the only truth: going somewhere writes it,
 * and the back button works because nothing else remembers.
 */
import { addressOf, placeAt, type Place } from './place.ts';

/**
 * Pause between two writings of the address. Chromium ignores more than 200 in 10 s, and a held
 * arrow key selects faster than that.
 */
const addressMilliseconds = 100;

export class Navigation {
  #place = $state.raw<Place>(placeAt(window.location.hash));
  /** Asked before leaving a place with unsaved choices; true lets go. */
  #guard: ((to: Place) => boolean) | null = null;
  readonly #stop: () => void;
  #addressTimer: number | undefined;

  constructor() {
    const onHash = (): void => {
      this.#forgetAddress();
      const to = placeAt(window.location.hash);
      if (addressOf(to) === addressOf(this.#place)) return;
      if (this.#guard !== null && !this.#guard(to)) {
        window.history.replaceState(null, '', addressOf(this.#place));
        return;
      }
      this.#place = to;
    };
    window.addEventListener('hashchange', onHash);
    this.#stop = () => {
      this.#forgetAddress();
      window.removeEventListener('hashchange', onHash);
    };
  }

  #forgetAddress(): boolean {
    const waited = this.#addressTimer !== undefined;
    window.clearTimeout(this.#addressTimer);
    this.#addressTimer = undefined;
    return waited;
  }

  #writeAddress(): void {
    window.history.replaceState(null, '', addressOf(this.#place));
  }

  get place(): Place {
    return this.#place;
  }

  /** Goes there; the back button returns. */
  go(to: Place): void {
    if (addressOf(to) === addressOf(this.#place)) return;
    if (this.#guard !== null && !this.#guard(to)) return;
    if (this.#forgetAddress()) this.#writeAddress();
    window.history.pushState(null, '', addressOf(to));
    this.#place = to;
  }

  /** Changes the address without a step for the back button: a selection, a redirect. */
  replace(to: Place): void {
    this.#place = to;
    if (this.#addressTimer !== undefined) return;
    this.#writeAddress();
    const written = addressOf(to);
    this.#addressTimer = window.setTimeout(() => {
      this.#addressTimer = undefined;
      if (addressOf(this.#place) !== written) this.#writeAddress();
    }, addressMilliseconds);
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
