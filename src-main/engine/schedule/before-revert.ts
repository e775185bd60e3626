/**
 * The backups that plans promise before a machine goes back. Either each is there when this
 * resolves, or it rejects with why it cannot be: a machine never goes back without its backup
 * because nothing was said.
 */
import type { MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { PlanRunId } from '#contract/plans.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import { pairsOf, type Pair } from './claim.ts';
import { earliestClock } from './due.ts';
import { pairKey, pairOf, type Knowledge, type KnownPlan } from './knowledge.ts';
import type { ScheduleParts } from './parts.ts';
import type { RunQueue } from './run-queue.ts';

export interface RevertParts {
  readonly parts: ScheduleParts;
  readonly knowledge: Knowledge;
  readonly queue: Pick<RunQueue, 'ended' | 'runNow'>;
  /** Makes a run of the pair that no condition holds up; null when that was not possible. */
  readonly begin: (plan: KnownPlan, pair: Pair) => PlanRunId | null;
}

/**
 * Resolves with the runs it waited for, in whatever way they ended; none where every newest restore
 * point is new enough for its plan.
 * @throws `refused` when a backup can not even be begun
 */
export async function backUpBefore(
  revert: RevertParts,
  machine: MachineId,
): Promise<readonly PlanRunRecord[]> {
  const { parts, knowledge } = revert;
  knowledge.forget();
  const asked = parts.world.clock.now();
  const needed = knowledge.plans().flatMap((plan) => {
    const { draft, pause } = plan.record;
    if (!draft.triggers.beforeRevert || pause.kind === 'paused') return [];
    const since = asked - Math.max(draft.triggers.shortestIntervalSeconds * 1000, 1);
    return pairsOf(plan)
      .filter((pair) => pair.machine.id === machine)
      .map((pair) => ({ plan, pair, since }))
      .filter((need) => !isNewEnough(parts, need));
  });
  // All of them are looked at before the first begins.
  for (const { plan, pair } of needed) {
    if (pair.impossible !== '') throw refusal(plan, pair.impossible);
    if (asked < earliestClock) throw refusal(plan, 'The clock shows a time before 2020.');
  }
  return (await Promise.all(needed.map((need) => backUp(revert, need)))).flat();
}

interface Need {
  readonly plan: KnownPlan;
  readonly pair: Pair;
  /** A restore point from later than this is new enough; epoch ms. */
  readonly since: number;
}

function isNewEnough({ catalog, world }: ScheduleParts, { pair, since }: Need): boolean {
  const { uuid } = pair.machine;
  const good = catalog.points.newestGood(uuid, pair.repository.id, world.clock.now());
  return good !== null && good.time > since;
}

async function backUp(revert: RevertParts, need: Need): Promise<readonly PlanRunRecord[]> {
  const { parts, queue, begin } = revert;
  const open = openRun(parts, need);
  const followed: PlanRunRecord[] = [];
  if (open !== undefined) {
    if (open.state.kind === 'waiting') queue.runNow(open.id);
    const ended = await queue.ended(open.id);
    followed.push(ended);
    const made = ended.state.kind === 'done' || ended.state.kind === 'problems';
    // One that had read the disks before this was asked for has not what was written since.
    if (!made || isNewEnough(parts, need)) return followed;
  }
  const begun = begin(need.plan, need.pair);
  if (begun === null) throw refusal(need.plan, 'It could not be begun.');
  return [...followed, await queue.ended(begun)];
}

function openRun({ catalog }: ScheduleParts, { plan, pair }: Need): PlanRunRecord | undefined {
  const key = pairKey(plan.record.id, pair.machine.uuid, pair.repository.id);
  return catalog.planRuns.open().find((run) => pairOf(run) === key);
}

/** The error of a revert that comes while the engine ends. */
export function endingRefusal(): AppError {
  const why = 'Waymark is ending and begins no backup any more.';
  return new AppError('refused', why, {
    reasons: [why],
    unharmed: 'The machine was not touched.',
    advice: 'Start Waymark again, and go back then.',
  });
}

function refusal({ record }: KnownPlan, why: string): AppError {
  const { name } = record.draft;
  return new AppError('refused', `The backup before it cannot be made: ${why}`, {
    reasons: [why],
    unharmed: 'The machine was not touched.',
    advice: `Put that right, or pause the plan ${name} to go back without a backup.`,
  });
}
