/**
 * Why nothing began at a time: Waymark was not running, the computer slept, or its clock was set.
 * Told from three clocks: the wall clock, one that goes on while the computer sleeps, and one that
 * stands still meanwhile.
 */
import { spanWords } from './time-words.ts';

export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
  readonly sinceBoot: number;
}

export interface Absence {
  /** Wall clock, epoch ms. */
  readonly from: number;
  readonly to: number;
  readonly kind: 'not-running' | 'asleep' | 'clock-set';
}

/** Less than this is no sleep and no clock that was set; milliseconds. */
const noticedMs = 30_000;
/** Most that are remembered; the oldest explain nothing any more. */
const maxAbsences = 100;

/** What two looks tell about the time between them; null when nothing was unusual. */
export function absenceBetween(before: Moment, after: Moment): Absence | null {
  const span = { from: before.wall, to: after.wall };
  const awake = after.monotonic - before.monotonic;
  const passed = after.sinceBoot - before.sinceBoot;
  if (after.wall - before.wall - passed > noticedMs) return { ...span, kind: 'clock-set' };
  return passed - awake > noticedMs ? { ...span, kind: 'asleep' } : null;
}

export function remembered(
  absences: readonly Absence[],
  absence: Absence | null,
): readonly Absence[] {
  return absence === null ? absences : [...absences, absence].slice(-maxAbsences);
}

/** The sentence of a row for a time that passed. */
export function absenceWords(absences: readonly Absence[], due: number, zone: string): string {
  const found = absences.find(({ from, to }) => due > from && due <= to);
  if (found === undefined) return 'Waymark came to it too late.';
  const span = spanWords(found.from, found.to, zone);
  if (found.kind === 'asleep') return `The computer slept from ${span}.`;
  if (found.kind === 'clock-set') return `The clock was set forward from ${span}.`;
  return `Waymark was not running from ${span}.`;
}
