/**
 * Runs that were cut off, because Waymark was killed, crashed or closed in the middle. Each is
 * explained; one whose restore point exists goes on with the next step; else a new run takes its
 * place, once: what was cut off twice has failed, when its program after has run. The backup
 * itself was undone by the recovery.
 */
import type { Named, RepositoryId } from '#contract/domain.ts';
import { AppError, type WireError } from '#contract/errors.ts';
import type { PlanRunId, PlanRunState, PlanRunStep } from '#contract/plans.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import { keptPlan } from './claim.ts';
import type { ScheduleParts } from './parts.ts';
import { futureMs } from './retention.ts';
import { cutOffError, newRun, whileWords } from './run-record.ts';
import { tellEnd } from './run-news.ts';

/** How long a repository may take to say what is in it; milliseconds. */
const answerMs = 15_000;

/** `from` null: the row only changed or is new, and begins in its turn. */
export interface Continued {
  readonly run: PlanRunRecord;
  readonly from: PlanRunStep | null;
  /** What it failed with, where only the program after is left to run; null: it goes on. */
  readonly lost: WireError | null;
}

/** @param signal fires when the engine stops: what was not looked at by then stays as it is. */
export async function continueCutOff(
  parts: ScheduleParts,
  active: { has(id: PlanRunId): boolean },
  signal: AbortSignal,
): Promise<readonly Continued[]> {
  const cutOff = parts.catalog.planRuns
    .open()
    .filter((run) => run.state.kind === 'running' && !active.has(run.id));
  const silent = new Set<RepositoryId>();
  const continued: Continued[] = [];
  for (const run of cutOff) {
    const whole = await withPoint(parts, run, silent, signal);
    if (signal.aborted) break;
    try {
      continued.push(...continueOne(parts, whole));
    } catch (thrown) {
      // It stays as it is, and is explained at the next start. The others go on.
      parts.world.log.error(`A cut-off run of ${run.plan.name} could not be explained`, thrown);
    }
  }
  return continued;
}

/**
 * With the restore point it had made, if the repository answers; else it is looked for later.
 * Adds a repository that did not answer to `silent`: it is not asked for the next run again.
 */
async function withPoint(
  parts: ScheduleParts,
  run: PlanRunRecord,
  silent: Set<RepositoryId>,
  signal: AbortSignal,
): Promise<PlanRunRecord> {
  const { state, point, startedAt, repository } = run;
  if (state.kind !== 'running' || state.step !== 'backup' || point !== null) return run;
  if (silent.has(repository.id)) return run;
  try {
    await readWithin(parts, repository, signal);
  } catch (thrown) {
    silent.add(repository.id);
    const error = String(thrown);
    parts.world.log.warn('What a cut-off run left is not known yet', { run: run.id, error });
    return run;
  }
  const good = startedAt === null ? null : goodSince(parts, run, startedAt);
  return good === null ? run : { ...run, point: good.id };
}

/** The newest good restore point of the run's machine there, unless it is older than `since`. */
export function goodSince(
  { catalog, world }: ScheduleParts,
  { machine, repository }: PlanRunRecord,
  since: number,
) {
  const atMost = world.clock.now() + futureMs;
  const good = catalog.points.newestGood(machine.uuid, repository.id, atMost);
  return good === null || good.time < since ? null : good;
}

/** A folder on a server that went away answers neither yes nor no: nothing waits for it here. */
async function readWithin(
  { readPoints, world }: ScheduleParts,
  { id, name }: Named<RepositoryId>,
  signal: AbortSignal,
): Promise<void> {
  const answered = new AbortController();
  const late = world.clock.sleep(answerMs, AbortSignal.any([answered.signal, signal])).then(() => {
    throw new AppError('repository-unavailable', `The repository ${name} does not answer.`);
  });
  try {
    await Promise.race([readPoints(id), late]);
  } finally {
    answered.abort();
  }
}

function continueOne(parts: ScheduleParts, run: PlanRunRecord): readonly Continued[] {
  const { catalog } = parts;
  if (run.state.kind !== 'running') return [];
  const { step } = run.state;
  const record = catalog.plans.get(run.plan.id);
  const plan = record?.removedAt === null ? record : null;
  const made = run.point !== null;
  if (plan !== null && (made || step === 'verify' || step === 'after' || step === 'keep')) {
    const whole = step === 'backup' ? ' Its restore point is there.' : '';
    const line = `Waymark was ended ${whileWords(step)}.${whole} The run goes on.`;
    const next = { ...run, log: [...run.log, line] };
    // Checked once more where it was past that: what it found is not written down.
    return [{ run: next, from: made ? 'verify' : 'after', lost: null }];
  }
  if (plan === null) {
    const whole = made ? ' Its restore point is there.' : '';
    return [endForGood(parts, run, step, `Its plan was removed.${whole}`)];
  }
  if (run.cause === 'continued') {
    const words = 'It was cut off for the second time and is not begun again by itself.';
    return [endForGood(parts, run, step, words)];
  }
  return catalog.transaction(() => {
    const ended = end(parts, run, step, 'A new run goes on from there.');
    const words = 'Waits for its turn.';
    const state: PlanRunState = {
      kind: 'waiting',
      reason: 'turn',
      words,
      since: parts.world.clock.now(),
    };
    const line = `Goes on from a run that was cut off ${whileWords(step)}.`;
    const next = newRun(parts.world.ids.ulid() as PlanRunId, {
      plan: keptPlan(plan),
      machine: run.machine,
      repository: run.repository,
      cause: 'continued',
      due: run.due,
      state,
      forced: run.forced,
      continuesFrom: run.startedAt,
      log: [line],
    });
    catalog.planRuns.insert(next);
    return [ended, { run: next, from: null, lost: null }];
  });
}

function end(
  { catalog, world }: ScheduleParts,
  run: PlanRunRecord,
  step: PlanRunStep,
  more: string,
): Continued {
  const at = world.clock.now();
  const state: PlanRunState = { kind: 'failed', at, error: cutOffError(step, more) };
  const ended = { ...run, state };
  catalog.planRuns.update(ended);
  return { run: ended, from: null, lost: null };
}

/** No run takes its place. The program after is run first: it ends what the one before began. */
function endForGood(
  parts: ScheduleParts,
  run: PlanRunRecord,
  step: PlanRunStep,
  more: string,
): Continued {
  const hooks = parts.catalog.plans.get(run.plan.id)?.draft.hooks;
  const begun = step === 'before' ? hooks?.before !== null : step !== 'keep';
  if (begun && (hooks?.after ?? null) !== null) {
    return { run, from: 'after', lost: cutOffError(step, more) };
  }
  const ended = end(parts, run, step, more);
  tellEnd(parts, ended.run);
  return ended;
}
