/**
 * What a plan is when a person says only its name and where to: the window's wizard and the command
 * line begin with the same draft, so a plan is the same whoever made it.
 */
import type { Plan, PlanDraft, Retention } from './plans.ts';

/** Numbers to begin with; each keeps the newest points whatever day they are of. */
export const retentionPresets = {
  /** Two weeks back. */
  short: { last: 3, hourly: 0, daily: 14, weekly: 0, monthly: 0, yearly: 0 },
  /** One year back. */
  balanced: { last: 3, hourly: 0, daily: 10, weekly: 6, monthly: 12, yearly: 0 },
  /** Three years back. */
  long: { last: 3, hourly: 0, daily: 14, weekly: 8, monthly: 36, yearly: 0 },
} as const satisfies Readonly<Record<string, Retention>>;
export type RetentionPreset = keyof typeof retentionPresets;

/** Where the calendar begins: once a day, while most machines have little to do. */
export const defaultTimeOfDay = '02:00';

const hourSeconds = 3600;
const daySeconds = 24 * hourSeconds;

/**
 * All machines, new ones included, each night; no name and no repository yet, which only a person
 * can say. `zone` is the IANA name of the zone the person lives in.
 */
export function defaultPlanDraft(zone: string): PlanDraft {
  return {
    name: '',
    machines: { kind: 'all', except: [] },
    exclude: [],
    calendar: { kind: 'daily', at: [defaultTimeOfDay] },
    zone,
    catchUp: true,
    triggers: {
      changedBytes: null,
      shutdown: false,
      beforeRevert: false,
      shortestIntervalSeconds: hourSeconds,
    },
    conditions: { notOnBattery: false, notMetered: false, window: null, busyBytesPerSecond: null },
    repositories: [],
    keep: { ...retentionPresets.balanced },
    verify: 'structure',
    hooks: { before: null, after: null },
    limits: { machinesAtOnce: 2, bytesPerSecond: null },
    notify: { success: false, overdueAfterSeconds: 3 * daySeconds },
  };
}

/** What a person said of a plan, without what came of it: to be changed and sent again. */
export function draftOf(plan: Plan): PlanDraft {
  const { name, machines, exclude, calendar, zone, catchUp, triggers, conditions } = plan;
  const { repositories, keep, verify, hooks, limits, notify } = plan;
  return {
    ...{ name, machines, exclude, calendar, zone, catchUp, triggers, conditions },
    ...{ repositories, keep, verify, hooks, limits, notify },
  };
}
