import { uptime } from 'node:os';
import { AppError } from '#contract/errors.ts';

/** Where time comes from. Everything that waits or stamps takes one of these. */
export interface Clock {
  /** Wall clock, UTC epoch milliseconds. */
  now(): number;
  /** Milliseconds that never go back; only differences mean anything. */
  monotonic(): number;
  /** Milliseconds since the computer was started, those it slept included; to 10 ms or so. */
  sinceBoot(): number;
  /** Resolves after `ms`; rejects with `cancelled` when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `action` once after `ms`; the returned function cancels it. Never keeps Node alive. */
  timer(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sinceBoot: () => uptime() * 1000, // CLOCK_BOOTTIME where there is one
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const abort = () => {
        clearTimeout(timeout);
        reject(new AppError('cancelled', 'Cancelled.'));
      };
      const timeout = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, ms);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    }),
  timer: (ms, action) => {
    const timeout = setTimeout(action, ms);
    timeout.unref();
    return () => {
      clearTimeout(timeout);
    };
  },
};
