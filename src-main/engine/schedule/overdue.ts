/** Telling a person once that machines have had no good restore point for too long. */
import type { ScheduleParts } from './parts.ts';
import type { Knowledge, KnownPlan } from './knowledge.ts';
import { lengthWords } from './time-words.ts';

/** Names in one notice. */
const maxNamed = 5;

interface Late {
  readonly uuid: string;
  readonly id: KnownPlan['members']['here'][number]['id'];
  readonly name: string;
  readonly forMs: number;
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
      ? `No good restore point for ${lengthWords(first.forMs)}. ${first.words}`
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
    const toldAt = told.get(uuid) ?? null;
    const good = knowledge.lastGood(plan, uuid);
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
    late.push({ uuid, id, name, forMs, words });
  }
  return late;
}
