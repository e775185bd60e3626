/**
 * The runs of a plan by the time they were meant for: trouble in full, what went well in one line.
 */
import type { PlanRun } from '#contract/plans.ts';

/** Rows of one time drawn before a person asks for the rest: two hundred machines stay readable. */
export const maxRowsShown = 12;

export interface RunGroup {
  readonly due: number;
  readonly cause: PlanRun['cause'];
  readonly runs: readonly PlanRun[];
  /** What did not go well, or is not over. */
  readonly trouble: readonly PlanRun[];
  readonly done: readonly PlanRun[];
}

function isDone({ state }: PlanRun): boolean {
  return state.kind === 'done';
}

/** Newest first, as the runs are. */
export function groupsOf(runs: readonly PlanRun[]): readonly RunGroup[] {
  const groups = new Map<string, PlanRun[]>();
  for (const run of runs) {
    const key = `${run.due} ${run.cause}`;
    const held = groups.get(key);
    if (held === undefined) groups.set(key, [run]);
    else held.push(run);
  }
  return [...groups.values()].map((held): RunGroup => {
    const [first] = held;
    const sorted = held.toSorted((a, b) =>
      a.machine.name.localeCompare(b.machine.name, undefined, { numeric: true }),
    );
    return {
      due: first?.due ?? 0,
      cause: first?.cause ?? 'schedule',
      runs: sorted,
      trouble: sorted.filter((run) => !isDone(run)),
      done: sorted.filter(isDone),
    };
  });
}

/** Those of one day; all without one. */
export function ofDay(
  runs: readonly PlanRun[],
  day: { readonly start: number; readonly end: number } | null,
): readonly PlanRun[] {
  if (day === null) return runs;
  return runs.filter(({ due }) => due >= day.start && due < day.end);
}

/** Rows that say the same of many machines are one row, until somebody opens it. */
export interface Bundle {
  readonly key: string;
  readonly runs: readonly PlanRun[];
}

/** From so many on, equal rows are bundled. */
const bundleFrom = 4;

/** `reasonOf` is what the rows say; rows that say the same in the same state go together. */
export function bundlesOf(
  runs: readonly PlanRun[],
  reasonOf: (run: PlanRun) => string,
): readonly Bundle[] {
  const bundles = new Map<string, PlanRun[]>();
  for (const run of runs) {
    const key = `${run.state.kind} ${reasonOf(run)}`;
    const held = bundles.get(key);
    if (held === undefined) bundles.set(key, [run]);
    else held.push(run);
  }
  return [...bundles].flatMap(([key, held]): readonly Bundle[] =>
    held.length >= bundleFrom
      ? [{ key, runs: held }]
      : held.map((run) => ({ key: run.id, runs: [run] })),
  );
}
