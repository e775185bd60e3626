/** The times a calendar comes in the year ahead, as many as a rule can tell apart. */
import type { Times } from './calendar.ts';

/** Once an hour for a year, and the hour that a leap year or the end of summer time adds. */
const maxTimes = 366 * 24 + 24;
/** A calendar that comes more often than this is looked at only at the end of each slot. */
const slotMs = 15 * 60_000;
const newestExactly = 1000;
/** Times asked for before other work gets its turn: croner needs up to 0.1 ms for each. */
const atOnce = 100;

/**
 * All times from now on to `to`. Where they come so often that there would be too many: the newest
 * of each quarter of an hour, which is what decides every hour, day and longer, and the newest ones
 * exactly.
 */
export async function foreseenTimes(
  times: Times,
  now: number,
  to: number,
  pause: () => Promise<void>,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let from = now; found.length < maxTimes;) {
    const some = times.between(from, to, atOnce);
    found.push(...some);
    const last = some.at(-1);
    if (last === undefined || some.length < atOnce) return found;
    from = last + 1;
    await pause();
  }
  return sampled(times, now, to, pause);
}

async function sampled(
  times: Times,
  now: number,
  to: number,
  pause: () => Promise<void>,
): Promise<readonly number[]> {
  const found = new Set<number>();
  const first = Math.ceil(now / slotMs) * slotMs;
  for (let end = first, asked = 0; end <= to; end += slotMs, asked += 1) {
    const [time] = times.last(end - 1, 1);
    if (time !== undefined && time > now) found.add(time);
    if (asked % atOnce === 0) await pause();
  }
  for (const time of times.last(to - 1, newestExactly)) if (time > now) found.add(time);
  return [...found].sort((a, b) => a - b);
}
