/**
 * What is known of plans and machines at a moment: whom each plan means, what it asks for, and how
 * each machine stands against it. Kept for a few seconds, because a list of a thousand machines
 * asks for each; whoever changes something calls `forget`.
 */
import type { Named, Protection, RepositoryId } from '#contract/domain.ts';
import type { PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import type { PlanRecord } from '#engine/catalog/plans.ts';
import { timesOf, type Times } from './calendar.ts';
import { membersOf, type Member, type Members } from './members.ts';
import type { ScheduleParts } from './parts.ts';
import {
  demandSince,
  protectionBy,
  startOf,
  worse,
  type Demand,
  type PairFacts,
  type Verdict,
} from './protection.ts';
import { futureMs } from './retention.ts';
import { momentWords } from './time-words.ts';

/** What is older is looked at again, because time alone makes a machine overdue; milliseconds. */
const keptMs = 10_000;

export interface KnownPlan {
  readonly record: PlanRecord;
  /** Null without a calendar, or with one that cannot be read here. */
  readonly times: Times | null;
  readonly members: Members;
  /** The machines it means now. */
  readonly byUuid: ReadonlyMap<string, Member>;
  /** Those of its repositories that are known here. */
  readonly repositories: readonly Named<RepositoryId>[];
  readonly demand: Demand;
}

export interface MachineStanding {
  readonly protection: Protection;
  readonly protectionWords: string;
  readonly nextRun: number | null;
}

export interface Knowledge {
  /** Plans that were not removed. */
  plans(): readonly KnownPlan[];
  plan(record: PlanRecord): KnownPlan;
  /** Null when no plan means the machine. */
  ofMachine(uuid: string): MachineStanding | null;
  verdict(plan: KnownPlan, uuid: string): Verdict;
  /** The newest good point in any of the plan's repositories; null when there is none. */
  lastGood(plan: KnownPlan, uuid: string): number | null;
  forget(): void;
}

interface Kept {
  readonly at: number;
  readonly plans: readonly KnownPlan[];
  readonly byMachine: ReadonlyMap<string, readonly KnownPlan[]>;
  readonly waiting: ReadonlyMap<string, string>;
}

export function createKnowledge(parts: ScheduleParts): Knowledge {
  return new CatalogKnowledge(parts);
}

class CatalogKnowledge implements Knowledge {
  readonly #parts: ScheduleParts;
  #kept: Kept | null = null;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  plans(): readonly KnownPlan[] {
    return this.#now().plans;
  }

  plan(record: PlanRecord): KnownPlan {
    const { catalog, seen } = this.#parts;
    const now = this.#parts.world.clock.now();
    const { draft, createdAt, nextDue } = record;
    const times = draft.calendar === null ? null : timesOf(draft.calendar, draft.zone);
    const { overdueAfterSeconds } = draft.notify;
    const members = membersOf(draft.machines, seen(), catalog.plans.members(record.id));
    const asked = { createdAt, overdueAfterSeconds };
    return {
      record,
      times,
      members,
      byUuid: new Map(members.here.map((member) => [member.uuid, member])),
      repositories: draft.repositories
        .map((id) => catalog.repositories.get(id))
        .filter((repository) => repository !== null)
        .map(({ id, name }) => ({ id, name })),
      demand: {
        zone: draft.zone,
        since: demandSince(times, asked, now),
        start: times === null ? null : startOf(times, createdAt, now),
        nextDue,
        pauseWords: pauseWords(record, now),
      },
    };
  }

  ofMachine(uuid: string): MachineStanding | null {
    const plans = this.#now().byMachine.get(uuid);
    if (plans === undefined) return null;
    let verdict: Verdict | null = null;
    for (const plan of plans) verdict = worse(verdict, this.verdict(plan, uuid));
    const coming = plans
      .filter(({ record }) => record.pause.kind === 'no')
      .map(({ record }) => record.nextDue)
      .filter((due) => due !== null);
    return {
      protection: verdict?.protection ?? 'not-planned',
      protectionWords: verdict?.words ?? '',
      nextRun: coming.length === 0 ? null : Math.min(...coming),
    };
  }

  verdict({ record, repositories, demand }: KnownPlan, uuid: string): Verdict {
    const { planRuns } = this.#parts.catalog;
    const { waiting } = this.#now();
    const known = new Map(repositories.map(({ id, name }) => [id, name]));
    const pairs = record.draft.repositories.map((id): PairFacts => {
      const ended = planRuns.lastEnded(record.id, uuid, id, this.#atMost());
      const name = known.get(id);
      const lostName = ended?.repository.name ?? '';
      return {
        repository: name ?? lostName,
        lost: name === undefined ? lostWords(lostName, record.draft.name) : '',
        lastGood: this.#good(uuid, id),
        ended,
        waits: waiting.get(pairKey(record.id, uuid, id)) ?? null,
      };
    });
    return protectionBy(demand, pairs);
  }

  lastGood({ repositories }: KnownPlan, uuid: string): number | null {
    const found = repositories
      .map(({ id }) => this.#good(uuid, id))
      .filter((time) => time !== null);
    return found.length === 0 ? null : Math.max(...found);
  }

  forget(): void {
    this.#kept = null;
  }

  #good(uuid: string, repository: RepositoryId): number | null {
    const { points } = this.#parts.catalog;
    return points.newestGood(uuid, repository, this.#atMost())?.time ?? null;
  }

  #atMost(): number {
    return this.#parts.world.clock.now() + futureMs;
  }

  /** One plan that breaks on being read takes no other with it. */
  #readable(record: PlanRecord): readonly KnownPlan[] {
    try {
      return [this.plan(record)];
    } catch (thrown) {
      this.#parts.world.log.error(`The plan ${record.draft.name} could not be read`, thrown);
      return [];
    }
  }

  #now(): Kept {
    const at = this.#parts.world.clock.now();
    const kept = this.#kept;
    if (kept !== null && at >= kept.at && at - kept.at < keptMs) return kept;
    const plans = this.#parts.catalog.plans.list().flatMap((record) => this.#readable(record));
    const byMachine = new Map<string, KnownPlan[]>();
    for (const plan of plans) {
      for (const { uuid } of plan.members.here) {
        byMachine.set(uuid, [...(byMachine.get(uuid) ?? []), plan]);
      }
    }
    const waiting = new Map(
      this.#parts.catalog.planRuns.open().flatMap((run) => {
        if (run.state.kind !== 'waiting') return [];
        return [[pairKey(run.plan.id, run.machine.uuid, run.repository.id), run.state.words]];
      }),
    );
    this.#kept = { at, plans, byMachine, waiting };
    return this.#kept;
  }
}

/** What makes two runs the same work. */
export function pairKey(plan: string, uuid: string, repository: string): string {
  return `${plan} ${uuid} ${repository}`;
}

export function pairOf(run: PlanRunRecord): string {
  return pairKey(run.plan.id, run.machine.uuid, run.repository.id);
}

/** `repository` is what it was called when the last run to it ended; '' when none did. */
function lostWords(repository: string, plan: string): string {
  const which = repository === '' ? 'A repository' : `The repository ${repository}`;
  return (
    `${which} of the plan ${plan} is not known here any more, so nothing is backed up to it. Add ` +
    'it again, or take it out of the plan.'
  );
}

/** '' when the plan is not paused at `now`. */
function pauseWords({ pause, draft }: PlanRecord, now: number): string {
  if (pause.kind === 'no' || (pause.until !== null && pause.until <= now)) return '';
  if (pause.until === null) return `The plan ${draft.name} is paused.`;
  return `The plan ${draft.name} is paused until ${momentWords(pause.until, draft.zone)}.`;
}
