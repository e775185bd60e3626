/**
 * The hours in which a plan may begin runs, on the clock of its zone. When that clock is put
 * forward or back, the window goes with it: 22:00 to 06:00 is an hour shorter or longer then.
 */
import type { PlanDraft } from '#contract/plans.ts';

type TimeWindow = NonNullable<PlanDraft['conditions']['window']>;

const minutesOfDay = 24 * 60;
/** Making a formatter costs more than using it a hundred times; there are about 600 zones. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * @param epochMs UTC.
 * @throws RangeError when the zone is not known here
 */
export function isWithin(window: TimeWindow, zone: string, epochMs: number): boolean {
  const from = minutesOf(window.from);
  const length = (minutesOf(window.to) - from + minutesOfDay) % minutesOfDay;
  if (length === 0) return true; // from noon to noon is the whole day
  const since = (minuteNow(zone, epochMs) - from + minutesOfDay) % minutesOfDay;
  return since < length;
}

/** Of "HH:MM", since midnight. */
function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

function minuteNow(zone: string, epochMs: number): number {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formatters.set(zone, formatter);
  }
  return minutesOf(formatter.format(epochMs));
}
