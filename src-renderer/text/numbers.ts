/** Numbers, sizes and rates in words. Sizes are IEC with one decimal (ux.md L3). */

/** The locale of dates and numbers; the words themselves are in en.ts. */
export const locale = 'en-GB';

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(locale, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A count with separators: 12,345. */
export function countText(count: number): string {
  return whole.format(count);
}

interface Scaled {
  readonly value: string;
  readonly unit: string;
}

function scaled(bytes: number): Scaled {
  let value = Math.max(0, bytes);
  let index = 0;
  // 1023.95 would print as "1,024.0 KiB": the next unit begins where rounding would reach it.
  while (value >= 1023.95 && index < units.length - 1) {
    value /= 1024;
    index += 1;
  }
  const unit = units[index] ?? 'bytes';
  if (index === 0) return { value: whole.format(value), unit: value === 1 ? 'byte' : unit };
  const text = oneDecimal.format(value);
  return { value: text.endsWith('.0') ? text.slice(0, -2) : text, unit };
}

/** "1.2 GiB", "40 GiB", "0 bytes". */
export function bytesText(bytes: number): string {
  const { value, unit } = scaled(bytes);
  return `${value} ${unit}`;
}

/** "1,288,490,189 bytes", for the hover. */
export function exactBytesText(bytes: number): string {
  return `${whole.format(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
}

/** "6.1 of 9.4 GiB", or "300 MiB of 9.4 GiB" when the units differ. */
export function bytesOfText(done: number, total: number): string {
  const a = scaled(done);
  const b = scaled(total);
  return a.unit === b.unit
    ? `${a.value} of ${b.value} ${b.unit}`
    : `${a.value} ${a.unit} of ${b.value} ${b.unit}`;
}

/** "58 MiB/s". */
export function rateText(bytesPerSecond: number): string {
  return `${bytesText(Math.round(bytesPerSecond))}/s`;
}

/** "31 %", never 100 before the end. */
export function percentText(fraction: number): string {
  const percent = Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
  return `${percent} %`;
}
