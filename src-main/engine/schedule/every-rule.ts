/**
 * The rules of every plan that means a machine and a repository, together. Two plans may share both
 * ("hourly, last 3" beside "monthly, keep 12"): what any of them keeps stays, and one that keeps
 * everything keeps everything. Removal and preview both ask here, so what is shown is what is done.
 */
import type { RepositoryId } from '#contract/domain.ts';
import type { KeepReason, PlanDraft, PlanId, Retention } from '#contract/plans.ts';
import type { Catalog } from '#engine/catalog/catalog.ts';
import { membersOf, type Seen } from './members.ts';
import { futureMs, keepReasons, newestFirst, type RuledPoint } from './retention.ts';

export interface PlanRule {
  /** Null: everything stays. */
  readonly keep: Retention | null;
  readonly zone: string;
}

export interface EveryRuleOptions {
  readonly machineGone: boolean;
  /** When the rules are applied, epoch milliseconds. */
  readonly now: number;
}

/**
 * Why each point of one machine in one repository stays, by its id, with the reasons of the first
 * rule first; none means that it goes. Nothing goes while a good point is dated in the future: that
 * may be the right date, and this computer's clock behind. Throws like `keepReasons`.
 */
export function keptByAny(
  points: readonly RuledPoint[],
  rules: readonly PlanRule[],
  { machineGone, now }: EveryRuleOptions,
): ReadonlyMap<string, readonly KeepReason[]> {
  const found = rules.map(({ keep, zone }) =>
    keep === null ? null : keepReasons(points, keep, { zone, machineGone, now }),
  );
  const held = found.includes(null) || aheadOf(points, now) !== null;
  return new Map(
    points.map(({ id }) => {
      const reasons = new Set(found.flatMap((one) => one?.get(id) ?? []));
      if (reasons.size === 0 && held) reasons.add('not-ruled');
      return [id, [...reasons]];
    }),
  );
}

/** Ids that go by all of the rules, oldest first: the order they are removed in. */
export function goes(
  points: readonly RuledPoint[],
  rules: readonly PlanRule[],
  options: EveryRuleOptions,
): readonly string[] {
  const reasons = keptByAny(points, rules, options);
  const gone = points.filter(({ id }) => reasons.get(id)?.length === 0);
  return gone.sort((a, b) => newestFirst(b, a)).map(({ id }) => id);
}

/** The time of the newest good point when it is later than a right clock could say; else null. */
export function aheadOf(points: readonly RuledPoint[], now: number): number | null {
  const newest = points.reduce(
    (max, { damaged, time }) => (damaged ? max : Math.max(max, time)),
    0,
  );
  return newest > now + futureMs ? newest : null;
}

/** A plan beside the one that is asked about, that means the same machine and repository. */
export interface RuleBeside extends PlanRule {
  readonly id: PlanId;
  readonly name: string;
}

export interface RulesBesideParts {
  readonly catalog: Pick<Catalog, 'plans'>;
  readonly seen: () => Seen;
}

/**
 * The rules of plans that are not removed, without `own`, by machine and repository. A plan that is
 * paused keeps what it keeps. Found once; ask again after plans or machines changed.
 */
export function rulesBeside(
  { catalog, seen }: RulesBesideParts,
  own: PlanId | null,
): (machineUuid: string, repository: RepositoryId) => readonly RuleBeside[] {
  const machines = seen();
  const others = catalog.plans
    .list()
    .filter(({ id }) => id !== own)
    .map(({ id, draft }) => ({ id, draft, means: meantBy(catalog, draft, id, machines) }));
  return (machineUuid, repository) =>
    others
      .filter(
        ({ draft, means }) => means.has(machineUuid) && draft.repositories.includes(repository),
      )
      .map(({ id, draft: { name, keep, zone } }) => ({ id, name, keep, zone }));
}

function meantBy(
  catalog: Pick<Catalog, 'plans'>,
  draft: PlanDraft,
  id: PlanId,
  seen: Seen,
): ReadonlySet<string> {
  const { here, gone } = membersOf(draft.machines, seen, catalog.plans.members(id));
  return new Set([...here, ...gone].map(({ uuid }) => uuid));
}
