/**
 * A backup held to so many bytes a second: a token bucket, kept as the moment from which on the
 * next read is free. A short while of doing nothing may be made up for, a long one may not.
 */
import type { Clock } from '#engine/world/clock.ts';

/** How much of what was not used may still be used, as time. Milliseconds. */
export const burstMs = 250;

export interface Pace {
  /** Resolves when that many bytes may be read; rejects with `cancelled` when the signal fires. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

/**
 * Callers are served in the order they came; any size is let through, and paid for after it.
 * @param bytesPerSecond null: as fast as it goes.
 */
export function createPace(clock: Clock, bytesPerSecond: number | null): Pace {
  if (bytesPerSecond === null) return { take: () => Promise.resolve() };
  let freeAt = clock.monotonic();
  return {
    take: async (bytes, signal) => {
      const now = clock.monotonic();
      const begin = Math.max(freeAt, now - burstMs);
      freeAt = begin + (bytes * 1000) / bytesPerSecond;
      if (begin > now) await clock.sleep(begin - now, signal);
    },
  };
}
