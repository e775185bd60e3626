/** Until when a plan can be paused: the next evening, the next morning, a week, open end. Pure. */

const eveningHour = 20;
const morningHour = 8;
const weekDays = 7;

export interface PauseChoice {
  readonly kind: 'tonight' | 'tomorrow' | 'week' | 'open';
  /** Epoch milliseconds; null: until somebody resumes it. */
  readonly until: number | null;
}

/** An hour of the local clock, some days from a moment. */
function hourAfter(now: number, days: number, hour: number): number {
  const date = new Date(now);
  date.setDate(date.getDate() + days);
  return date.setHours(hour, 0, 0, 0);
}

/** Tonight is not offered once the evening has come. */
export function pauseChoices(now: number): readonly PauseChoice[] {
  const evening = hourAfter(now, 0, eveningHour);
  return [
    ...(now < evening ? [{ kind: 'tonight', until: evening } as const] : []),
    { kind: 'tomorrow', until: hourAfter(now, 1, morningHour) },
    { kind: 'week', until: hourAfter(now, weekDays, morningHour) },
    { kind: 'open', until: null },
  ];
}
