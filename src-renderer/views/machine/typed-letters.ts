/** Letters typed one after the other in a tree or list, to find a name that begins with them. */

const pauseMilliseconds = 700;
const maxLetters = 64;

export class TypedLetters {
  #letters = '';
  #lastAt = Number.NEGATIVE_INFINITY;

  /**
   * What has been typed so far, this key included; null for a key that is no letter. `at` is the
   * time of the key event, milliseconds. After a pause a new name begins.
   */
  add(key: string, at: number): string | null {
    const begins = at - this.#lastAt > pauseMilliseconds;
    // Only inside a name is a space a letter.
    if (!/^.$/u.test(key) || (key === ' ' && (begins || this.#letters === ''))) return null;
    this.#letters = `${begins ? '' : this.#letters}${key}`.slice(-maxLetters);
    this.#lastAt = at;
    return this.#letters;
  }
}
