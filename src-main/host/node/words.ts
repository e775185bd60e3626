/** Sizes, times and tables in words for a terminal. */
import type { JobState, Part, Verification } from '#contract/domain.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** IEC, one decimal from KiB on: "4.0 GiB". */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Local time with its distance from UTC, sortable: "2026-11-23 02:00:05 +01:00". */
export function moment(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const offset = -date.getTimezoneOffset();
  const away = Math.abs(offset);
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(away / 60))}:${two(away % 60)}`;
  return `${day} ${time} ${zone}`;
}

/** "0.8 s", "38 s", "6 min 52 s", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Names come from elsewhere: nothing in them may steer a terminal. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}

/** The same for text of several lines, which stay lines. */
export function plainLines(text: string): string {
  return text.split('\n').map(plain).join('\n');
}

/** Columns a terminal gives it, near enough: code points. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

/** Columns aligned by their widest cell; a header in capitals, as terminals have it. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header.map((title) => title.toUpperCase()), ...rows.map((row) => row.map(plain))];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => widthOf(line[column] ?? ''))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** "name: value" lines with aligned values. */
export function sheet(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length)) + 2;
  return fields.map(([name, value]) => `${name}:`.padEnd(width) + plain(value)).join('\n');
}

export function jobStateWords(state: JobState): string {
  switch (state.kind) {
    case 'queued':
      return `waits for ${state.waitsFor}`;
    case 'problems':
      return 'finished with problems';
    case 'failed':
      return `failed: ${state.error.message}`;
    default:
      return state.kind;
  }
}

export function partWords(part: Part): string {
  switch (part.kind) {
    case 'included':
      return `included, ${size(part.sizeBytes)}`;
    case 'none':
      return 'none';
    case 'not-included':
      return `not included: ${part.reason}`;
  }
}

export function verifiedWords(verified: Verification | null): string {
  if (verified === null) return 'not verified';
  const depth = { structure: 'structure', data: 'all data', restore: 'restored' }[verified.depth];
  return `${verified.ok ? 'good' : 'DAMAGED'}, ${depth}, ${moment(verified.time)}`;
}
