/**
 * A clock turned by hand. Nothing happens until a test advances it; then every timer and sleep that
 * is due fires in order, each at its own moment, and what they start gets its turn in between.
 */
import { AppError } from '#contract/errors.ts';
import type { Clock } from '#engine/world/clock.ts';

export interface HandClock extends Clock {
  /** Moves time on and lets everything that follows from it happen. Milliseconds. */
  advance(ms: number): Promise<void>;
  /** Lets started work take its turn without time passing. */
  settle(): Promise<void>;
  /** Sets the wall clock alone, as a person or NTP does; monotonic time does not notice. */
  setWallClock(epochMs: number): void;
  /** The computer sleeps: time goes on outside, and no timer notices. Milliseconds. */
  sleepComputer(ms: number): void;
  /** Timers and sleeps not fired yet. */
  readonly waiting: number;
}

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** 23 November 2026, 08:00 UTC. */
export const handClockStart = Date.UTC(2026, 10, 23, 8);
const turns = 5; // a promise chain started by a timer is done within these

export function handClock(startMs: number = handClockStart): HandClock {
  let elapsed = 0;
  let wallOffset = startMs;
  let slept = 0;
  let count = 0;
  const waiting = new Set<Waiting>();

  const wait = (ms: number, fire: () => void): (() => void) => {
    count += 1;
    const entry: Waiting = { at: elapsed + Math.max(0, ms), order: count, fire };
    waiting.add(entry);
    return () => {
      waiting.delete(entry);
    };
  };
  const nextDue = (until: number): Waiting | undefined =>
    [...waiting]
      .filter(({ at }) => at <= until)
      .sort((a, b) => a.at - b.at || a.order - b.order)[0];
  const settle = async () => {
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    sinceBoot: () => elapsed + slept,
    timer: wait,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const abort = () => {
          stop();
          reject(new AppError('cancelled', 'Cancelled.'));
        };
        const stop = wait(ms, () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        });
        if (signal?.aborted === true) abort();
        else signal?.addEventListener('abort', abort, { once: true });
      }),
    advance: async (ms) => {
      const until = elapsed + ms;
      await settle();
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        waiting.delete(due);
        elapsed = Math.max(elapsed, due.at);
        due.fire();
        await settle();
      }
      elapsed = until;
      await settle();
    },
    settle,
    setWallClock: (epochMs) => {
      wallOffset = epochMs - elapsed;
    },
    sleepComputer: (ms) => {
      slept += ms;
      wallOffset += ms;
    },
    get waiting() {
      return waiting.size;
    },
  };
}
