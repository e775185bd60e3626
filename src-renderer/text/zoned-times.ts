/** Moments on the clock of another zone, for plans that have one (ux.md L7). */
import { locale } from './numbers.ts';

function formatOf(zone: string, year: boolean): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    ...(year ? { year: 'numeric' } : {}),
  });
}

/** The zone of this computer, by its IANA name. */
export function localZone(): string {
  return new Intl.DateTimeFormat(locale).resolvedOptions().timeZone;
}

/** True when this computer knows the zone. */
function isZone(zone: string): boolean {
  try {
    return formatOf(zone, false).resolvedOptions().timeZone !== '';
  } catch {
    return false; // RangeError: no such zone
  }
}

/** "Thu 26 Nov, 02:00" on the clock of a zone, with the year when it is not this one. */
export function zonedMomentText(time: number, now: number, zone: string): string {
  const known = isZone(zone) ? zone : localZone();
  const year = new Date(time).getFullYear() !== new Date(now).getFullYear();
  const parts = formatOf(known, year).formatToParts(time);
  const of = (type: Intl.DateTimeFormatPartTypes) =>
    parts.find((part) => part.type === type)?.value ?? '';
  const date = [of('weekday'), of('day'), of('month'), of('year')].filter((part) => part !== '');
  return `${date.join(' ')}, ${of('hour')}:${of('minute')}`;
}

/** Every zone this computer knows, its own first. */
export function allZones(): readonly string[] {
  const own = localZone();
  return [...new Set([own, 'UTC', ...Intl.supportedValuesOf('timeZone')])];
}
