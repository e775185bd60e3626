/** Whose turn it is among planned runs. Pure; what other jobs do is the table of the jobs room. */
import type { HostId } from '#contract/domain.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { Wait } from './conditions.ts';
import { momentWords } from './time-words.ts';

/** Most planned runs at once, over all hosts: the queue of jobs stays free for a person. */
export const maxActiveRuns = 16;

/** A planned run that has begun. */
export interface ActiveRun {
  readonly run: PlanRunRecord;
  readonly host: HostId;
}

/** Null: it may begin. */
export function turnOf(
  run: PlanRunRecord,
  about: { readonly host: HostId; readonly atOnce: number; readonly zone: string },
  active: readonly ActiveRun[],
): Wait | null {
  const same = active.find((one) => one.run.machine.uuid === run.machine.uuid);
  if (same !== undefined) {
    const words =
      `Waits until the run of ${momentWords(same.run.due, about.zone)} to ` +
      `${same.run.repository.name} has ended.`;
    return { reason: 'other-job', words };
  }
  const here = active.filter(({ host }) => host === about.host).length;
  // A person who said "now anyway" about this one run does not mean the count.
  const counts = !run.forced || run.cause === 'manual';
  if (counts && here >= about.atOnce) {
    return turn(`${here} ${here === 1 ? 'machine' : 'machines'} of this host at once, no more.`);
  }
  const writer = active.find((one) => isWriting(one.run) && sameRepository(one.run, run));
  if (writer !== undefined) {
    return turn(`${writer.run.machine.name} is being backed up to ${run.repository.name}.`);
  }
  return active.length < maxActiveRuns ? null : turn(`${maxActiveRuns} runs at once, no more.`);
}

/** One backup at a time writes to a repository: a second would only stand in the queue of jobs. */
function isWriting({ state }: PlanRunRecord): boolean {
  return state.kind === 'running' && (state.step === 'before' || state.step === 'backup');
}

function sameRepository(a: PlanRunRecord, b: PlanRunRecord): boolean {
  return a.repository.id === b.repository.id;
}

function turn(why: string): Wait {
  return { reason: 'turn', words: `Waits for its turn: ${why}` };
}

/** Most overdue first: what a person asked for, the older time, the older last point, by name. */
export function inTurn(
  runs: readonly PlanRunRecord[],
  lastGood: (run: PlanRunRecord) => number | null,
): readonly PlanRunRecord[] {
  const keyed = runs.map((run) => ({ run, good: lastGood(run) ?? 0 }));
  return keyed
    .sort(
      (a, b) =>
        Number(b.run.forced) - Number(a.run.forced) ||
        a.run.due - b.run.due ||
        a.good - b.good ||
        a.run.machine.name.localeCompare(b.run.machine.name),
    )
    .map(({ run }) => run);
}
