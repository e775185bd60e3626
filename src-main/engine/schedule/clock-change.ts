/** What the next change of a zone's clocks does to a calendar, in one sentence. Pure. */
import type { Calendar } from '#contract/plans.ts';
import { timesOf } from './calendar.ts';
import { offsetsOf } from './local-time.ts';
import { clockWords, dayWords } from './time-words.ts';

const dayMs = 86_400_000;
/** How far ahead a change is looked for. */
const aheadMs = 370 * dayMs;
/** Times listed one by one; more are said as a span. */
const maxListed = 3;
const maxInChange = 200;

/** '' where no change within a year concerns this calendar. */
export function clockChangeWords(calendar: Calendar, zone: string, now: number): string {
  const real = timesOf(calendar, zone);
  // The same calendar on a clock that never changes: what a person wrote down.
  const written = timesOf(calendar, 'UTC');
  const change = real === null ? null : nextChange(zone, now);
  if (real === null || written === null || change === null) return '';
  const { at, before, after } = change;
  const length = Math.abs(after - before);
  const first = Math.min(at + before, at + after);
  const meant = written.between(first, first + length, maxInChange);
  if (meant.length === 0) return '';
  const day = dayWords(at + after, 'UTC');
  const from = clockWords(at + before, 'UTC');
  const to = clockWords(at + after, 'UTC');
  const which = listed(meant);
  if (after > before) {
    const moved = real.between(at, at + 1, 1).length > 0;
    const anyway = written.between(at + after, at + after + 1, 1).length > 0;
    const begin = `On ${day} the clocks go forward from ${from} to ${to}: what is planned for `;
    if (moved && !anyway) return `${begin}${which} comes at ${to}.`;
    return `${begin}${which} is left out, and the next comes as usual.`;
  }
  const times = real.between(at - length, at + length, 2 * maxInChange);
  const twice = times.length > meant.length;
  return (
    `On ${day} the clocks go back from ${from} to ${to}: what is planned for ${which} ` +
    (twice ? 'comes both times.' : 'comes once, the first time.')
  );
}

function listed(times: readonly number[]): string {
  const words = times.map((time) => clockWords(time, 'UTC'));
  if (words.length > maxListed) return `${words[0] ?? ''} to ${words.at(-1) ?? ''}`;
  return words.join(' and ').replace(/ and (?=.* and )/g, ', ');
}

interface Change {
  readonly at: number;
  /** How far the zone's clock is ahead of UTC, in milliseconds. */
  readonly before: number;
  readonly after: number;
}

function nextChange(zone: string, now: number): Change | null {
  const offset = offsetsOf(zone);
  const start = now - (now % 60_000);
  for (let day = start; day < start + aheadMs; day += dayMs) {
    if (offset(day) === offset(day + dayMs)) continue;
    let low = day;
    let high = day + dayMs;
    while (high - low > 60_000) {
      const middle = low + Math.floor((high - low) / 120_000) * 60_000;
      if (offset(middle) === offset(day)) low = middle;
      else high = middle;
    }
    return { at: high, before: offset(low), after: offset(high) };
  }
  return null;
}
