/**
 * Plans: which machines are backed up, when, to where, how long points stay, what is looked at
 * before and after, and every run that came of it. Times are UTC epoch milliseconds, sizes bytes.
 */
import * as v from 'valibot';
import type {
  Brand,
  JobId,
  MachineId,
  Named,
  PointId,
  Protection,
  RepositoryId,
  HostId,
} from './domain.ts';
import type { WireError } from './errors.ts';

export type PlanId = Brand<string, 'PlanId'>;
export type PlanRunId = Brand<string, 'PlanRunId'>;

// What a person says -----------------------------------------------------------------------------

/** Most machines, repositories and words of a hook in one plan. */
export const maxPlanMachines = 1000;
export const maxPlanRepositories = 8;
export const maxArguments = 64;
const maxExcluded = 64;

const idOf = <T extends string>() =>
  v.custom<T>((value) => typeof value === 'string' && value.length > 0 && value.length <= 256);
const whole = (min: number, max: number) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
/** `HH:MM`, 24 hours, in the plan's zone. */
const timeOfDay = v.pipe(v.string(), v.regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'Hours and minutes'));
const target = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const machines = v.pipe(v.array(idOf<MachineId>()), v.maxLength(maxPlanMachines));

/** Which machines: those named, or all of a kind with what is new there included by itself. */
const planMachinesCheck = v.variant('kind', [
  v.strictObject({ kind: v.literal('chosen'), machines }),
  v.strictObject({ kind: v.literal('host'), host: idOf<HostId>(), except: machines }),
  v.strictObject({ kind: v.literal('all'), except: machines }),
]);
export type PlanMachines = v.InferOutput<typeof planMachinesCheck>;

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** When by the calendar, on the clock of the plan's zone. */
const calendarCheck = v.variant('kind', [
  v.strictObject({ kind: v.literal('hourly'), minute: whole(0, 59) }),
  v.strictObject({
    kind: v.literal('daily'),
    at: v.pipe(v.array(timeOfDay), v.minLength(1), v.maxLength(24)),
  }),
  v.strictObject({
    kind: v.literal('weekly'),
    days: v.pipe(v.array(v.picklist(weekdays)), v.minLength(1), v.maxLength(7)),
    at: timeOfDay,
  }),
  v.strictObject({
    kind: v.literal('monthly'),
    /** 29 to 31 are the last day in a shorter month. */
    day: v.union([whole(1, 31), v.literal('last')]),
    at: timeOfDay,
  }),
  /** Five fields; checked by the calendar, which says what is wrong with it. */
  v.strictObject({
    kind: v.literal('cron'),
    expression: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  }),
]);
export type Calendar = v.InferOutput<typeof calendarCheck>;

/** How many points stay, newest of each hour, day … that has one. All zero keeps nothing. */
const retentionCheck = v.strictObject({
  last: whole(0, 100_000),
  hourly: whole(0, 100_000),
  daily: whole(0, 100_000),
  weekly: whole(0, 10_000),
  monthly: whole(0, 10_000),
  yearly: whole(0, 1000),
});
export type Retention = v.InferOutput<typeof retentionCheck>;

/** A program run before or after, without a shell. */
const hookCheck = v.strictObject({
  argv: v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(4096))),
    v.minLength(1),
    v.maxLength(maxArguments),
  ),
  timeoutSeconds: whole(1, 24 * 3600),
  /** Before only: the run does not begin when this fails. */
  stopOnFailure: v.boolean(),
});
export type Hook = v.InferOutput<typeof hookCheck>;

export const planDraftCheck = v.strictObject({
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(128)),
  machines: planMachinesCheck,
  /** Disks that stay out, per machine. */
  exclude: v.pipe(
    v.array(
      v.strictObject({
        machine: idOf<MachineId>(),
        targets: v.pipe(v.array(target), v.minLength(1), v.maxLength(maxExcluded)),
      }),
    ),
    v.maxLength(maxPlanMachines),
  ),
  /** Null: only by the triggers, or when a person asks. */
  calendar: v.nullable(calendarCheck),
  /** IANA name: `Europe/Berlin`. */
  zone: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  /** A missed time is made up for, once, as soon as possible. */
  catchUp: v.boolean(),
  triggers: v.strictObject({
    /** When this much was written since the last point; null: never because of it. */
    changedBytes: v.nullable(whole(1, Number.MAX_SAFE_INTEGER)),
    /** When the machine has just been shut down. */
    shutdown: v.boolean(),
    /** Before it goes back to a snapshot. */
    beforeRevert: v.boolean(),
    /** A trigger waits until the last point is at least this old. Seconds. */
    shortestIntervalSeconds: whole(0, 366 * 86_400),
  }),
  conditions: v.strictObject({
    notOnBattery: v.boolean(),
    notMetered: v.boolean(),
    /** Only between these, in the plan's zone; `to` before `from` goes over midnight. */
    window: v.nullable(v.strictObject({ from: timeOfDay, to: timeOfDay })),
    /** Not while the guest reads and writes more than this a second; null: always. */
    busyBytesPerSecond: v.nullable(whole(1, Number.MAX_SAFE_INTEGER)),
  }),
  repositories: v.pipe(
    v.array(idOf<RepositoryId>()),
    v.minLength(1),
    v.maxLength(maxPlanRepositories),
  ),
  /** Null: everything stays. */
  keep: v.nullable(retentionCheck),
  /** What is looked at when a point is made. */
  verify: v.picklist(['nothing', 'structure', 'data']),
  hooks: v.strictObject({ before: v.nullable(hookCheck), after: v.nullable(hookCheck) }),
  limits: v.strictObject({
    /** Most machines of one host at once. */
    machinesAtOnce: whole(1, 4),
    bytesPerSecond: v.nullable(whole(1, Number.MAX_SAFE_INTEGER)),
  }),
  notify: v.strictObject({
    success: v.boolean(),
    /** Without a good point for this long a machine is told of, once. Seconds. */
    overdueAfterSeconds: whole(3600, 366 * 86_400),
  }),
});
export type PlanDraft = v.InferOutput<typeof planDraftCheck>;

// What comes of it -------------------------------------------------------------------------------

export type Pause =
  | { readonly kind: 'no' }
  /** Nothing begins by itself before `until`; null: until a person resumes it. */
  | { readonly kind: 'paused'; readonly until: number | null };

export interface Plan extends PlanDraft {
  readonly id: PlanId;
  readonly createdAt: number;
  readonly pause: Pause;
  /** The next time of the calendar; null without one. */
  readonly nextDue: number | null;
  /** The machines it means now. */
  readonly members: readonly PlanMember[];
  readonly lastRun: PlanRun | null;
  readonly lastGood: number | null;
  /** Runs that wait, each with its reason. */
  readonly waiting: readonly PlanRun[];
  /** What makes the plan impossible now: its machine, disk or repository is gone. */
  readonly troubles: readonly string[];
}

export interface PlanMember {
  readonly machine: MachineId;
  readonly name: string;
  readonly protection: Protection;
  readonly lastGood: number | null;
}

/** Why a run began. */
export type Cause =
  'schedule' | 'catch-up' | 'manual' | 'changed' | 'shutdown' | 'before-revert' | 'continued';

export type WaitReason =
  | 'on-battery'
  | 'metered'
  | 'outside-window'
  | 'machine-busy'
  | 'repository-absent'
  | 'repository-locked'
  | 'host-unreachable'
  | 'unfinished-change'
  | 'other-job'
  | 'turn'; // as many machines as may are running

export type PlanRunState =
  /** `words` says it whole: "Waits for the folder of attic, which is not there." */
  | {
      readonly kind: 'waiting';
      readonly reason: WaitReason;
      readonly words: string;
      readonly since: number;
    }
  | { readonly kind: 'running'; readonly step: PlanRunStep }
  | { readonly kind: 'done'; readonly at: number }
  | { readonly kind: 'problems'; readonly at: number; readonly problems: readonly string[] }
  | { readonly kind: 'failed'; readonly at: number; readonly error: WireError }
  | { readonly kind: 'cancelled'; readonly at: number }
  /** Not begun, on purpose: paused, a person said so, a newer time came. */
  | { readonly kind: 'skipped'; readonly at: number; readonly words: string }
  /** Not begun because nothing ran here then. */
  | { readonly kind: 'missed'; readonly at: number; readonly words: string };

/** Where a run is; noted before each, so that a killed one can be explained and continued. */
export const planRunSteps = ['before', 'backup', 'verify', 'after', 'keep'] as const;
export type PlanRunStep = (typeof planRunSteps)[number];

/** One machine of one plan to one repository, at one time. */
export interface PlanRun {
  readonly id: PlanRunId;
  readonly plan: Named<PlanId>;
  /** `id` null when it is on no host any more. */
  readonly machine: { readonly id: MachineId | null; readonly uuid: string; readonly name: string };
  readonly repository: Named<RepositoryId>;
  readonly cause: Cause;
  /** The time it was meant for. */
  readonly due: number;
  readonly startedAt: number | null;
  readonly state: PlanRunState;
  readonly job: JobId | null;
  readonly point: PointId | null;
  /** What hooks printed and what the engine did, one line each. */
  readonly log: readonly string[];
}

/** One field that cannot be right, in words: what is wrong and what to do. */
export interface PlanProblem {
  readonly field: string; // "calendar", "repositories", "hooks.before"
  readonly level: 'blocker' | 'warning';
  readonly message: string;
}

export interface PlanCheck {
  readonly problems: readonly PlanProblem[];
  /** The next three times; empty without a calendar. */
  readonly next: readonly number[];
  /** What happens at the next change of the clocks; '' where none concerns this calendar. */
  readonly clockChange: string;
  readonly members: readonly Named<MachineId>[];
}

/** A mark of the calendar strip. */
export interface PlanTime {
  readonly due: number;
  /** `coming` has no runs yet. */
  readonly kind: 'coming' | 'done' | 'problems' | 'failed' | 'missed' | 'skipped' | 'waiting';
  readonly runs: number;
}

// What is kept -----------------------------------------------------------------------------------

/** Why a point stays. */
export type KeepReason =
  | 'last'
  | 'hourly'
  | 'daily'
  | 'weekly'
  | 'monthly'
  | 'yearly'
  | 'pinned'
  | 'newest-good'
  /** Its machine is on no host any more: kept until a person asks. */
  | 'machine-gone'
  /** Damaged, or of another plan's machine: no rule touches it. */
  | 'not-ruled';

export interface PreviewPoint {
  /** Null for one that is only foreseen. */
  readonly id: PointId | null;
  readonly time: number;
  /** Empty: it goes. */
  readonly keep: readonly KeepReason[];
  /** What removing it frees, after those before it went; null while foreseen, or it stays. */
  readonly freesBytes: number | null;
}

export interface PreviewMachine {
  readonly uuid: string;
  readonly name: string;
  readonly repository: Named<RepositoryId>;
  /** Oldest first. */
  readonly now: readonly PreviewPoint[];
  /** The points there would be a year from now: those of today and, of very many, the newest. */
  readonly inAYear: readonly PreviewPoint[];
}

export interface PreviewRepository {
  readonly repository: Named<RepositoryId>;
  readonly stay: number;
  readonly go: number;
  readonly freesBytes: number;
  readonly usedBytes: number;
  readonly freeBytes: number | null;
  /** When it is full at the rate of the last weeks; null when that cannot be told. */
  readonly fullAt: number | null;
}

export interface RetentionPreview {
  readonly machines: readonly PreviewMachine[];
  readonly repositories: readonly PreviewRepository[];
  /** When removal happens first, and how long it can be taken back. */
  readonly firstRemoval: number | null;
  readonly graceSeconds: number;
}

/** A point that was removed and can be taken back until the clean-up. */
export interface RemovedPoint {
  readonly id: PointId;
  readonly machine: { readonly uuid: string; readonly name: string };
  readonly repository: Named<RepositoryId>;
  readonly time: number;
  readonly removedAt: number;
  readonly by: string; // "Plan Nightly", "A person"
  /** From then on a clean-up frees its space. */
  readonly goneAfter: number;
}

/** What a clean-up would do, or did. */
export interface CleanUpPlan {
  readonly repository: Named<RepositoryId>;
  readonly points: readonly RemovedPoint[];
  readonly packsDeleted: number;
  readonly packsRewritten: number;
  readonly freesBytes: number;
  readonly writesBytes: number;
}
