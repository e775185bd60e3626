/**
 * Whether a removal is as old as the clock says. A clock that jumps ahead makes the removals of
 * yesterday look weeks old, and what a clean-up frees is gone for good. So one that begins by
 * itself frees only what this installation has itself seen removed on enough earlier looks, hours
 * apart from each other: a jump of any length is one look. Pure.
 */

/** What was seen of one repository at a time. */
export interface Look {
  /** Wall clock, epoch ms. */
  readonly at: number;
  /** When the newest of the removals seen then was made, epoch ms; 0 when there was none. */
  readonly newestRemoval: number;
}

/** Looks closer together than this count once; daily plans are not always punctual. */
export const lookApartMs = 20 * 3600 * 1000;
/** The last one and the seven days before it. */
export const looksNeeded = 8;

/** What `JSON.stringify` made of looks; anything else is none, which frees nothing. */
export function readLooks(stored: string | null): readonly Look[] {
  try {
    const looks: unknown = JSON.parse(stored ?? '[]');
    return Array.isArray(looks) && looks.every(isLook) ? looks : [];
  } catch {
    return [];
  }
}

function isLook(one: unknown): one is Look {
  if (typeof one !== 'object' || one === null) return false;
  const { at, newestRemoval } = one as Partial<Record<keyof Look, unknown>>;
  return typeof at === 'number' && typeof newestRemoval === 'number';
}

/** With a look at `now` where it counts. Looks from later than now were under a wrong clock. */
export function withLook(
  looks: readonly Look[],
  now: number,
  removals: readonly number[],
): readonly Look[] {
  const past = looks.filter(({ at }) => at <= now);
  const last = past.at(-1);
  if (last !== undefined && now - last.at < lookApartMs) return past;
  const newestRemoval = Math.max(0, ...removals.filter((at) => at <= now));
  return [...past, { at: now, newestRemoval }].slice(-looksNeeded);
}

/** Removals made until then were seen long enough; null: none was. */
export function seenUntil(looks: readonly Look[]): number | null {
  return looks.length < looksNeeded ? null : (looks[0]?.newestRemoval ?? null);
}
