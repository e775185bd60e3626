/**
 * Times and durations in words. Relative for less than seven days, a date beyond (ux.md L4); always
 * the zone of this computer, and `isoText` for the machine-readable attribute.
 */
import { locale } from './numbers.ts';

const secondsPerMinute = 60;
const secondsPerHour = 3600;
const secondsPerDay = 86_400;
const relativeDays = 7;

const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const clockExact = new Intl.DateTimeFormat(locale, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const weekdayLong = new Intl.DateTimeFormat(locale, { weekday: 'long' });
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short' });
const dayMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const dayMonthYear = new Intl.DateTimeFormat(locale, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const month = new Intl.DateTimeFormat(locale, { month: 'short' });
const monthYear = new Intl.DateTimeFormat(locale, { month: 'short', year: 'numeric' });

/** Midnight, local time, of the day a moment is in; epoch milliseconds. */
export function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** Whole calendar days from `time` to `now`, by the local calendar (a day may have 23 hours). */
function daysBetween(time: number, now: number): number {
  return Math.round((startOfDay(now) - startOfDay(time)) / (secondsPerDay * 1000));
}

/** "02:00". */
export function clockText(time: number): string {
  return clock.format(time);
}

/** "22 Nov", with the year when it is not this one. */
export function dateText(time: number, now: number): string {
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayMonth : dayMonthYear).format(time);
}

/** "Today", "Yesterday", "Sun 22 Nov", "3 Jan 2025". */
export function dayText(time: number, now: number): string {
  const days = daysBetween(time, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return sameYear ? `${weekday.format(time)} ${dayMonth.format(time)}` : dayMonthYear.format(time);
}

/** "Sun 22 Nov, 02:00", never "Today": for titles that may stay on the screen. */
export function momentText(time: number, now: number): string {
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  const day = sameYear
    ? `${weekday.format(time)} ${dayMonth.format(time)}`
    : dayMonthYear.format(time);
  return `${day}, ${clock.format(time)}`;
}

/** "today, 02:00", "yesterday, 02:00", "Sun 22 Nov, 02:00": inside a sentence. */
export function whenText(time: number, now: number): string {
  const days = daysBetween(time, now);
  if (days === 0) return `today, ${clock.format(time)}`;
  if (days === 1) return `yesterday, ${clock.format(time)}`;
  return momentText(time, now);
}

/** "Today, 14:00", "Tomorrow, 02:00", "Sun 29 Nov, 18:30": a time that is to come. */
export function comingText(time: number, now: number): string {
  const days = daysBetween(time, now);
  if (days === 0) return `Today, ${clock.format(time)}`;
  if (days === -1) return `Tomorrow, ${clock.format(time)}`;
  return momentText(time, now);
}

/** "today", "yesterday", "Tuesday", "14 Nov": since when something is so. */
export function sinceText(time: number, now: number): string {
  const days = daysBetween(time, now);
  if (days === 0) return 'today';
  if (days === 1) return 'yesterday';
  return days < relativeDays ? weekdayLong.format(time) : dateText(time, now);
}

/** "02:00" today, else "22 Nov": where there is little room. */
export function shortWhenText(time: number, now: number): string {
  return daysBetween(time, now) === 0 ? clock.format(time) : dateText(time, now);
}

/** "Today, 02:00", "22 Nov, 02:00", "3 Jan 2025": a column of moments. */
export function columnTimeText(time: number, now: number): string {
  const days = daysBetween(time, now);
  if (days === 0 || days === 1) return `${dayText(time, now)}, ${clock.format(time)}`;
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return sameYear ? `${dayMonth.format(time)}, ${clock.format(time)}` : dayMonthYear.format(time);
}

/** "22 Nov 2026, 02:00:07 CET", for the hover. */
export function exactTimeText(time: number): string {
  return `${dayMonthYear.format(time)}, ${clockExact.format(time)}`;
}

/** For `<time datetime>`. */
export function isoText(time: number): string {
  return new Date(time).toISOString();
}

/** "Nov", for an axis. */
export function monthText(time: number): string {
  return month.format(time);
}

/** "Nov 2026". */
export function monthYearText(time: number): string {
  return monthYear.format(time);
}

/** "just now", "8 h ago", "3 days ago"; a date from seven days on. Future times are "in 8 h". */
export function relativeText(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1000);
  const size = Math.abs(seconds);
  if (size < secondsPerMinute) return 'just now';
  if (size >= relativeDays * secondsPerDay) return dateText(time, now);
  const amount = coarseText(size);
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

/** A stretch of time, rounded down to one unit: "less than a minute", "8 h", "9 days". */
export function spanText(seconds: number): string {
  return seconds < secondsPerMinute ? 'less than a minute' : coarseText(seconds);
}

function coarseText(seconds: number): string {
  if (seconds < secondsPerHour) return `${Math.floor(seconds / secondsPerMinute)} min`;
  if (seconds < secondsPerDay) return `${Math.floor(seconds / secondsPerHour)} h`;
  const days = Math.floor(seconds / secondsPerDay);
  return days === 1 ? '1 day' : `${days} days`;
}

/** "under 0.1 s", "0.4 s", "38 s", "4 min 10 s", "2 h 5 min", "3 days 4 h". */
export function durationText(seconds: number): string {
  if (seconds > 0 && seconds < 0.05) return 'under 0.1 s';
  if (seconds < 10) return `${Math.max(0, Math.round(seconds * 10) / 10)} s`;
  const whole = Math.round(seconds);
  if (whole < secondsPerMinute) return `${whole} s`;
  if (whole < secondsPerHour) {
    return pair(whole, secondsPerMinute, 'min', 1, 's');
  }
  if (whole < secondsPerDay) {
    return pair(whole, secondsPerHour, 'h', secondsPerMinute, 'min');
  }
  const days = Math.floor(whole / secondsPerDay);
  const hours = Math.floor((whole % secondsPerDay) / secondsPerHour);
  const dayWord = days === 1 ? '1 day' : `${days} days`;
  return hours === 0 ? dayWord : `${dayWord} ${hours} h`;
}

function pair(seconds: number, big: number, bigUnit: string, small: number, unit: string): string {
  const first = Math.floor(seconds / big);
  const rest = Math.floor((seconds % big) / small);
  return rest === 0 ? `${first} ${bigUnit}` : `${first} ${bigUnit} ${rest} ${unit}`;
}

/** Rounded to what an estimate can promise: "about 4 min", "about 20 s", "about 2 h". */
export function aboutText(seconds: number): string {
  if (seconds < 15) return 'about 10 s';
  if (seconds < 55) return `about ${Math.round(seconds / 10) * 10} s`;
  if (seconds < 90 * secondsPerMinute) {
    return `about ${Math.max(1, Math.round(seconds / secondsPerMinute))} min`;
  }
  const halves = Math.round(seconds / (secondsPerHour / 2)) / 2;
  return `about ${halves} h`;
}
