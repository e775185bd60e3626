/** Times as the words of a run say them: on the plan's clock, without seconds. */

/** "03:00" */
export function clockWords(time: number, zone: string): string {
  return written(time, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

/** "03:00:12" */
export function secondWords(time: number, zone: string): string {
  const seconds = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
  return written(time, zone, { ...seconds, hourCycle: 'h23' });
}

/** "29 March 2026" */
export function dayWords(time: number, zone: string): string {
  return written(time, zone, { day: 'numeric', month: 'long', year: 'numeric' });
}

/** "29 March 2026 at 03:00" */
export function momentWords(time: number, zone: string): string {
  return `${dayWords(time, zone)} at ${clockWords(time, zone)}`;
}

/** "29 March 2026 at 22:00 to 30 March 2026 at 06:58", the day said once where it is one. */
export function spanWords(from: number, to: number, zone: string): string {
  const sameDay = dayWords(from, zone) === dayWords(to, zone);
  return `${momentWords(from, zone)} to ${sameDay ? clockWords(to, zone) : momentWords(to, zone)}`;
}

/** "3 days", "5 hours", "12 minutes": the largest unit that is there. */
export function lengthWords(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const;
  for (const [name, length] of units) {
    const count = Math.floor(ms / length);
    if (count > 0) return `${count} ${name}${count === 1 ? '' : 's'}`;
  }
  return 'less than a minute';
}

/** Formats by zone and shape: making one takes longer than using it a hundred times. */
const formats = new Map<string, Intl.DateTimeFormat>();
const maxFormats = 64;

function written(time: number, zone: string, shape: Intl.DateTimeFormatOptions): string {
  const key = `${zone} ${Object.keys(shape).join(' ')}`;
  let format = formats.get(key);
  if (format === undefined) {
    if (formats.size >= maxFormats) formats.clear();
    format = new Intl.DateTimeFormat('en-GB', { ...shape, timeZone: knownZone(zone) });
    formats.set(key, format);
  }
  return format.format(time);
}

/** A zone that a newer computer knew must not keep a row from being written. */
function knownZone(zone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
}
