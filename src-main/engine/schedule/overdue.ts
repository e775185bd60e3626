/** Telling a person once that machines have had no good restore point for too long. */
import type { RepositoryId } from '#contract/domain.ts';
import type { Knowledge, KnownPlan } from './knowledge.ts';
import type { ScheduleParts } from './parts.ts';
import { futureMs } from './retention.ts';
import { lengthWords } from './time-words.ts';

/** Names in one notice. */
const maxNamed = 5;
/** Rows looked through for one repository: the newest times, each with one a repository. */
const maxLookedThrough = 100;

interface Late {
  readonly uuid: string;
  readonly id: KnownPlan['members']['here'][number]['id'];
  readonly name: string;
  readonly forMs: number;
  /** Where there is none; '' when that goes without saying. */
  readonly where: string;
  readonly words: string;
}

/** One notice a plan and look, about those that were not told of since their last good point. */
export function tellOverdue(parts: ScheduleParts, knowledge: Knowledge): void {
  for (const plan of knowledge.plans()) {
    try {
      tellOf(parts, plan, newlyLate(parts, knowledge, plan));
    } catch (thrown) {
      const { name } = plan.record.draft;
      parts.world.log.error(`What is overdue of the plan ${name} could not be told`, thrown);
    }
  }
}

function tellOf(parts: ScheduleParts, { record }: KnownPlan, late: readonly Late[]): void {
  const [first] = late;
  if (first === undefined) return;
  const one = late.length === 1;
  const names = late.slice(0, maxNamed).map(({ name }) => name);
  const more = late.length > maxNamed ? ` and ${late.length - maxNamed} more` : '';
  parts.onNews({
    kind: 'overdue',
    title: one ? `${first.name} is overdue` : `${late.length} machines are overdue`,
    body: one
      ? `No good restore point${first.where} for ${lengthWords(first.forMs)}. ${first.words}`
      : `Plan ${record.draft.name}: ${names.join(', ')}${more}.`,
    plan: record.id,
    machine: one ? first.id : null,
  });
}

function newlyLate(parts: ScheduleParts, knowledge: Knowledge, plan: KnownPlan): readonly Late[] {
  const { catalog, world } = parts;
  const { record, members } = plan;
  const now = world.clock.now();
  if (record.pause.kind === 'paused') return [];
  const told = new Map(
    catalog.plans.members(record.id).map(({ uuid, toldOverdueAt }) => [uuid, toldOverdueAt]),
  );
  const late: Late[] = [];
  for (const { uuid, id, name } of members.here) {
    const before = told.get(uuid) ?? null;
    // What was told under a clock that ran ahead says nothing about the time that comes now.
    const toldAt = before !== null && before > now ? null : before;
    const { good, where } = worstGood(parts, plan, uuid);
    if (toldAt !== null) {
      const over = good !== null && good > toldAt;
      if (over) catalog.plans.setToldOverdue(record.id, uuid, null);
      continue;
    }
    const forMs = now - (good ?? record.createdAt);
    // A new plan has time to make up for what was not done before it was there; one that is of
    // later than now was made while the clock was wrong.
    const plannedMs = record.createdAt > now ? forMs : Math.min(forMs, now - record.createdAt);
    if (plannedMs < record.draft.notify.overdueAfterSeconds * 1000) continue;
    // A plan may ask for less than that.
    const { protection, words } = knowledge.verdict(plan, uuid);
    if (protection === 'protected') continue;
    catalog.plans.setToldOverdue(record.id, uuid, now);
    late.push({ uuid, id, name, forMs, where, words });
  }
  return late;
}

/**
 * The oldest of the newest good restore points, one of each repository: what lies in one does not
 * make up for another, which may be the only one off the site. `good` is null where one has none.
 */
function worstGood(
  parts: ScheduleParts,
  plan: KnownPlan,
  uuid: string,
): { readonly good: number | null; readonly where: string } {
  const { catalog, world } = parts;
  const atMost = world.clock.now() + futureMs;
  const newest = plan.repositories.map(({ id, name }) => ({
    ...{ id, where: plan.repositories.length > 1 ? ` in ${name}` : '' },
    good: catalog.points.newestGood(uuid, id, atMost)?.time ?? null,
  }));
  if (newest.every(({ good }) => good === null)) return { good: null, where: '' };
  const worst = newest
    .filter(({ good, id }) => good !== null || wasDueLongAgo(parts, plan, { uuid, id }))
    .toSorted((a, b) => (a.good ?? 0) - (b.good ?? 0));
  return worst[0] ?? { good: null, where: '' };
}

/** False for a repository that the plan has used for a short time only: it has none yet. */
function wasDueLongAgo(
  { catalog, world }: ScheduleParts,
  { record }: KnownPlan,
  { uuid, id }: { readonly uuid: string; readonly id: RepositoryId },
): boolean {
  const before = world.clock.now() - record.draft.notify.overdueAfterSeconds * 1000;
  const wanted = { plan: record.id, machineUuid: uuid, before, limit: maxLookedThrough };
  return catalog.planRuns.list(wanted).some(({ repository }) => repository.id === id);
}
