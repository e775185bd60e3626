/** What a report is made of. Times are UTC epoch milliseconds, sizes bytes. */
import type { Protection } from '#contract/domain.ts';

export interface ReportMachine {
  readonly name: string;
  readonly host: string;
  readonly protection: Protection;
  /** Why it is not protected, and what it waits for; '' when it is. */
  readonly words: string;
  /** The newest point that is not known to be damaged. */
  readonly lastGood: number | null;
  /** Made in the time of the report. */
  readonly points: number;
}

/** A planned run, or several times in one row, that did not do what it was meant to. */
export interface ReportRun {
  readonly due: number;
  readonly times: number;
  readonly plan: string;
  readonly machine: string;
  readonly repository: string;
  /** What happened, as the row of the run says it. */
  readonly words: string;
  /** What to do; '' where nothing is to be done. */
  readonly advice: string;
}

export interface ReportRepository {
  readonly name: string;
  readonly path: string;
  /** Null: it can be used now. */
  readonly trouble: string | null;
  /** Null while it cannot be looked at. */
  readonly usedBytes: number | null;
  readonly freeBytes: number | null;
  readonly addedBytes: number;
  readonly points: number;
  /** How long ago its oldest point was made. */
  readonly historyMs: number;
  /** When it is full if it grows as it did in the last weeks; null: not in sight, or not known. */
  readonly fullAt: number | null;
  readonly verified: { readonly time: number; readonly ok: boolean } | null;
}

export interface ReportFacts {
  readonly computer: string;
  readonly version: string;
  readonly from: number;
  readonly to: number;
  /** IANA name; every time of the report is in it. */
  readonly zone: string;
  readonly machines: readonly ReportMachine[];
  /** Planned times of the week by what came of them. */
  readonly counts: { readonly [Kind in 'done' | 'problems' | 'failed' | 'missed']: number };
  readonly failed: readonly ReportRun[];
  readonly problems: readonly ReportRun[];
  /** Missed, skipped and cancelled. */
  readonly missed: readonly ReportRun[];
  /** Waiting when the report was made. */
  readonly waiting: readonly ReportRun[];
  readonly paused: readonly { readonly name: string; readonly words: string }[];
  readonly repositories: readonly ReportRepository[];
}
