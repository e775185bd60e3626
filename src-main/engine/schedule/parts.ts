/**
 * What the scheduler is handed by engine.ts: it starts, proves, keeps awake, removes and tells
 * through these and knows none of the rooms behind them.
 */
import type { JobId, MachineId, Named, PointId, RepositoryId } from '#contract/domain.ts';
import type { News } from '#contract/news.ts';
import type { Cause, Hook, PlanId, PlanRun, PlanRunId } from '#contract/plans.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import type { Jobs } from '#engine/jobs/job-types.ts';
import type { World } from '#engine/world/world.ts';
import type { Conditions, KeptPlan } from './conditions.ts';
import type { Seen } from './members.ts';

/** What a hook is told, through its environment. */
export interface HookAbout {
  readonly when: 'before' | 'after';
  readonly run: PlanRunId;
  readonly plan: Named<PlanId>;
  readonly machine: { readonly uuid: string; readonly name: string };
  readonly repository: Named<RepositoryId>;
  readonly cause: Cause;
  /** How the backup ended; null before. */
  readonly outcome: 'done' | 'problems' | 'failed' | 'cancelled' | null;
  readonly point: PointId | null;
}

export interface HookResult {
  readonly ok: boolean;
  /** What came of it in one sentence: "before.sh ended with 3 after 2 s." */
  readonly words: string;
  /** What it printed, line by line; bounded by the runner, which says so when it cut. */
  readonly output: readonly string[];
}

export interface HookRunner {
  /** Runs the program, without a shell, within its time limit. Never rejects. */
  run(hook: Hook, about: HookAbout, signal: AbortSignal): Promise<HookResult>;
  /** Null when it can be run; else what is wrong and what to do, in words. */
  check(hook: Hook): Promise<string | null>;
}

export interface Awake {
  /** Keeps the computer awake until the returned function is called. Neither ever throws. */
  hold(why: string): () => void;
}

/** How many points went, and that in words for the run's log. */
export interface RemovedByRule {
  readonly removed: number;
  readonly words: string;
}

export interface Retention {
  /** Removes (undoably) what the plan's rule does not keep of this machine there. May reject. */
  removeByRule(
    plan: KeptPlan,
    machine: { readonly uuid: string; readonly name: string },
    repository: Named<RepositoryId>,
  ): Promise<RemovedByRule>;
}

export interface BackupWish {
  readonly machine: MachineId;
  readonly repository: RepositoryId;
  /** Targets of disks that stay out. */
  readonly exclude: readonly string[];
  /** Null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

/** Starts jobs; the scheduler follows them by `jobs.ended`. Each may throw like `jobs.start`. */
export interface Starters {
  backup(wish: BackupWish): JobId;
  /** `data` reads every block, 'structure' only looks whether all are there. */
  verify(point: PointId, depth: 'structure' | 'data'): JobId;
}

/** Something a person should hear of. The receiver gives it its id and time, and keeps it. */
export type ScheduleNews = Omit<News, 'id' | 'time'>;
export type OnNews = (news: ScheduleNews) => void;

/** All the scheduler works with. */
export interface ScheduleParts {
  readonly world: Pick<World, 'clock' | 'ids' | 'log'>;
  readonly catalog: Pick<
    Catalog,
    'plans' | 'planRuns' | 'points' | 'repositories' | 'settings' | 'transaction'
  >;
  readonly jobs: Pick<Jobs, 'get' | 'ended' | 'ofMachine'>;
  readonly conditions: Conditions;
  readonly hooks: HookRunner;
  readonly awake: Awake;
  readonly retention: Retention;
  readonly starters: Starters;
  /** Hosts and machines as they are known now. */
  readonly seen: () => Seen;
  /** Brings the list of points up to what the repository holds; rejects while it is absent. */
  readonly readPoints: (repository: RepositoryId) => Promise<void>;
  readonly onNews: OnNews;
  /** A run was made or changed. */
  readonly onRun: (run: PlanRun) => void;
  /** A plan, its next time or the protection of its machines changed. */
  readonly onPlans: (machineUuids: readonly string[]) => void;
}
