/** Sizes, durations and times as a person writes them in an option → numbers. */
import { usage } from './command.ts';

const unitBytes: Readonly<Record<string, number>> = {
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};
const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "50M", "1.5 GiB", "50M/s" → bytes; a number without its unit may mean anything. */
export function bytesOf(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?(?:\/s)?$/i.exec(text.trim());
  const unit = unitBytes[match?.[2]?.toUpperCase() ?? ''];
  const bytes = Math.round(Number(match?.[1]) * (unit ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw usage(`--${option} takes a size with its unit: 500M, 20G. It was "${text}".`);
}

/** "45m", "12h", "3d" → seconds. */
export function secondsOf(option: string, text: string): number {
  const match = /^(\d+)\s*([smhd])$/i.exec(text.trim());
  const unit = unitSeconds[match?.[2]?.toLowerCase() ?? ''];
  const seconds = Number(match?.[1]) * (unit ?? Number.NaN);
  if (Number.isSafeInteger(seconds)) return seconds;
  throw usage(`--${option} takes a number with s, m, h or d: 45m, 3d. It was "${text}".`);
}

/** A whole number within its limits. */
export function wholeOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
  throw usage(`--${option} takes a number from ${min} to ${max}. It was "${text}".`);
}

/** "9:30" → "09:30". */
export function timeOfDay(option: string, text: string): string {
  const padded = text.trim().padStart(5, '0');
  if (/^([01]\d|2[0-3]):[0-5]\d$/.test(padded)) return padded;
  throw usage(`--${option}: "${text}" is no time of day from 00:00 to 23:59.`);
}

/**
 * "2026-12-01", "2026-12-01 08:00", "2026-12-01T08:00+01:00" → UTC epoch milliseconds. Without an
 * offset it is the time of this computer's zone.
 */
export function momentOf(option: string, text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?)\s*(Z|[+-]\d\d:\d\d)?)?$/.exec(
    text.trim(),
  );
  const [, day = '', time = '00:00', offset = ''] = match ?? [];
  const epochMs = Date.parse(`${day}T${time}${offset}`);
  if (!Number.isNaN(epochMs)) return epochMs;
  throw usage(`--${option} takes a time such as 2026-12-01 or "2026-12-01 08:00".`);
}
