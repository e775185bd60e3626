/** What a plan's rule would keep and remove, shown before the plan is saved. */
import type { Handlers } from '#contract/contract.ts';
import type { Named, PointId, RepositoryId } from '#contract/domain.ts';
import { hasCode } from '#contract/errors.ts';
import type {
  Calendar,
  PlanDraft,
  PlanId,
  PreviewMachine,
  PreviewRepository,
  RetentionPreview,
} from '#contract/plans.ts';
import { timesOf } from '#engine/schedule/calendar.ts';
import { rulesBeside } from '#engine/schedule/every-rule.ts';
import { foreseenTimes } from '#engine/schedule/foreseen.ts';
import { membersOf } from '#engine/schedule/members.ts';
import {
  foreseenMs,
  fullAt,
  goingOf,
  leftInAYear,
  previewMachine,
  previewRepository,
  withBytes,
  type Foreseen,
  type PreviewRules,
} from '#engine/schedule/preview.ts';
import { removalGraceSeconds } from '#engine/store/kept.ts';
import type { StoreRepository } from '#engine/store/repository.ts';
import type { Rooms } from '../engine.ts';
import { ruledPoints } from './ruled-points.ts';

export function planPreviewHandlers(rooms: Rooms): Pick<Handlers, 'plans.preview'> {
  const foreseen = createForesight(rooms);
  return {
    'plans.preview': ({ draft, plan }) => preview(rooms, draft, plan, foreseen),
  };
}

type Foresight = (calendar: Calendar | null, zone: string) => Promise<readonly number[]>;

/** While numbers are edited the calendar stays, so its times are found once. */
function createForesight({ world }: Rooms): Foresight {
  let last: { readonly key: string; readonly times: Promise<readonly number[]> } | null = null;
  const sameMs = 3600 * 1000;
  return (calendar, zone) => {
    const times = calendar === null ? null : timesOf(calendar, zone);
    if (times === null) return Promise.resolve([]);
    const now = world.clock.now();
    const key = JSON.stringify([calendar, zone, Math.floor(now / sameMs)]);
    if (last?.key !== key) {
      last = { key, times: foreseenTimes(times, now, now + foreseenMs, breathe) };
    }
    return last.times;
  };
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function preview(
  rooms: Rooms,
  draft: PlanDraft,
  plan: PlanId | null,
  foresee: Foresight,
): Promise<RetentionPreview> {
  const { shelf, world } = rooms;
  const foreseen = await foresee(draft.calendar, draft.zone);
  const repositories = draft.repositories.map((id) => ({ id, name: shelf.get(id).name }));
  let machines = await previewMachines(rooms, { draft, plan, repositories, foreseen });
  for (const { id } of repositories) machines = await countBytes(rooms, machines, id);
  const now = world.clock.now();
  const next = draft.calendar === null ? null : timesOf(draft.calendar, draft.zone)?.next(now);
  const goes = machines.some((machine) => machine.now.some(({ keep }) => keep.length === 0));
  return {
    machines,
    repositories: repositories.map((repository) => viewRepository(rooms, machines, repository)),
    firstRemoval: goes ? (next ?? null) : null,
    graceSeconds: removalGraceSeconds,
  };
}

interface Asked {
  readonly draft: PlanDraft;
  readonly plan: PlanId | null;
  readonly repositories: readonly Named<RepositoryId>[];
  readonly foreseen: readonly number[];
}

/** Each machine of the plan in each of its repositories, before bytes are counted. */
async function previewMachines(
  { fleet, catalog, world }: Rooms,
  { draft, plan, repositories, foreseen }: Asked,
): Promise<readonly PreviewMachine[]> {
  const remembered = plan === null ? [] : catalog.plans.members(plan);
  const { here, gone } = membersOf(draft.machines, fleet.seen(), remembered);
  const members = [
    ...here.map(({ uuid, name }) => ({ uuid, name, gone: false })),
    ...gone.map(({ uuid, name }) => ({ uuid, name, gone: true })),
  ];
  const own = { keep: draft.keep, zone: draft.zone };
  const beside = rulesBeside({ catalog, seen: () => fleet.seen() }, plan);
  const now = world.clock.now();
  // Most machines have the same rules: what is left of the foreseen is found once for these.
  const leftBy = new Map<string, Foreseen>();
  const leftOf = (rules: PreviewRules) => {
    const key = JSON.stringify(rules.rules);
    const count = members.length * repositories.length;
    const left = leftBy.get(key) ?? leftInAYear(rules, foreseen, count);
    leftBy.set(key, left);
    return left;
  };
  const machines: PreviewMachine[] = [];
  for (const member of members) {
    const all = catalog.points.pointsOfMachine(member.uuid);
    for (const repository of repositories) {
      const points = ruledPoints(all, repository.id);
      const rules = { rules: [own, ...beside(member.uuid, repository.id)], now };
      machines.push(previewMachine({ ...member, repository, points }, rules, leftOf(rules)));
      await breathe();
    }
  }
  return machines;
}

const notCounted = ['refused', 'block-damaged', 'repository-unavailable', 'unsupported'] as const;

async function countBytes(
  { shelf, world }: Rooms,
  machines: readonly PreviewMachine[],
  id: RepositoryId,
): Promise<readonly PreviewMachine[]> {
  const going = goingOf(machines, id);
  if (going.length === 0 || shelf.get(id).state.kind !== 'ready') return machines;
  try {
    const freed = await freedBy(await shelf.open(id), going);
    return withBytes(machines, id, new Map(going.map((point, i) => [point.id, freed[i] ?? 0])));
  } catch (thrown) {
    // What is not known whole frees nothing: a clean-up refuses for the same reason.
    if (!hasCode(thrown, ...notCounted)) throw thrown;
    world.log.warn('What removals free could not be counted.', { reason: thrown.message });
    return withBytes(machines, id, new Map(going.map(({ id: point }) => [point, 0])));
  }
}

/** What is removed already goes first: blocks it shares with these are free only after both. */
async function freedBy(
  store: StoreRepository,
  going: readonly { readonly id: PointId; readonly machineUuid: string }[],
): Promise<readonly number[]> {
  const removed = (await store.kept.removed()).map(({ point }) => point);
  const sharing = await store.sharing();
  return sharing.freedBy([...removed, ...going]).slice(removed.length);
}

function viewRepository(
  { shelf, catalog, world }: Rooms,
  machines: readonly PreviewMachine[],
  repository: Named<RepositoryId>,
): PreviewRepository {
  const { usedBytes, freeBytes } = shelf.get(repository.id);
  const points = catalog.points
    .listPoints({ repository: repository.id })
    .map(({ machine, time, storedBytes }) => ({ machineUuid: machine.uuid, time, storedBytes }));
  const full = fullAt(points, freeBytes, world.clock.now());
  return previewRepository(machines, { repository, usedBytes, freeBytes, fullAt: full });
}
