import type { Clock } from '#engine/world/clock.ts';

/** At most four events a second a job: the pause between two, in milliseconds. */
const minPauseMs = 250;

/** Sends a job's record: changes of state at once, everything else at most four times a second. */
export interface Emission {
  now(): void;
  soon(): void;
  stop(): void;
}

export function createEmission(clock: Clock, send: () => void): Emission {
  let sentAt = Number.NEGATIVE_INFINITY;
  let cancelTimer: (() => void) | null = null;
  const now = () => {
    cancelTimer?.();
    cancelTimer = null;
    sentAt = clock.monotonic();
    send();
  };
  return {
    now,
    soon: () => {
      if (cancelTimer !== null) return;
      const wait = sentAt + minPauseMs - clock.monotonic();
      if (wait <= 0) now();
      else cancelTimer = clock.timer(wait, now);
    },
    stop: () => {
      cancelTimer?.();
      cancelTimer = null;
    },
  };
}
