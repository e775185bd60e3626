/**
 * What a retention rule would do, before it is saved: on the points there are, and on those there
 * would be a year from now. Pure, and by the same rules that remove (every-rule.ts), so the numbers
 * shown are the numbers done.
 *
 * The rule is for every point of the plan's machines in the plan's repositories, also for those a
 * person or another plan made; what the rule of another plan keeps stays.
 */
import type { Named, PointId, RepositoryId } from '#contract/domain.ts';
import type {
  KeepReason,
  PreviewMachine,
  PreviewPoint,
  PreviewRepository,
} from '#contract/plans.ts';
import { keptByAny, type PlanRule } from './every-rule.ts';
import type { RuledPoint } from './retention.ts';

/** How far ahead the rule is tried. */
export const foreseenMs = 365 * 86_400_000;
/** The growth of this long tells when a repository is full. */
export const growthMs = 28 * 86_400_000;
/** Shorter than this it tells nothing. */
const shortestGrowthMs = 3 * 86_400_000;
/** Beyond this nobody can tell. */
const farthestMs = 100 * 365 * 86_400_000;

export interface PreviewedMachine {
  readonly uuid: string;
  readonly name: string;
  readonly gone: boolean;
  readonly repository: Named<RepositoryId>;
  readonly points: readonly RuledPoint[];
}

export interface PreviewRules {
  /** Of the plan itself, then of each other plan that means this machine and repository. */
  readonly rules: readonly PlanRule[];
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * Foreseen points shown, of all machines together, and of one at least: a rule that keeps each hour
 * of a year would be a hundred megabytes for 200 machines. Of more the newest are shown.
 */
const maxForeseen = 40_000;
const leastForeseen = 100;

export interface Foreseen {
  /** Times of points that will be left a year from now. */
  readonly left: readonly number[];
  /** How many of them a machine shows. */
  readonly shown: number;
}

/**
 * Which of the foreseen times leave a point that is still there in a year: found once, because the
 * points of today are older and take none of their places. `machines`: in how many they are shown.
 */
export function leftInAYear(
  { rules, now }: PreviewRules,
  foreseen: readonly number[],
  machines: number,
): Foreseen {
  const shown = Math.max(leastForeseen, Math.floor(maxForeseen / Math.max(1, machines)));
  const inAYear = { machineGone: false, now: now + foreseenMs };
  const reasons = keptByAny(foreseen.map(foreseenPoint), rules, inAYear);
  const left = foreseen.filter((time) => reasons.get(foreseenPoint(time).id)?.length !== 0);
  return { left, shown };
}

/** One machine in one repository. */
export function previewMachine(
  machine: PreviewedMachine,
  { rules, now }: PreviewRules,
  foreseen: Foreseen,
): PreviewMachine {
  const { uuid, name, gone, repository, points } = machine;
  const coming = gone ? [] : foreseen.left.map(foreseenPoint);
  const inAYearNow = { machineGone: gone, now: now + foreseenMs };
  const later = keptByAny([...points, ...coming], rules, inAYearNow);
  const stays = (id: string) => (later.get(id) ?? []).length > 0;
  const still = coming.filter(({ id }) => stays(id)).slice(-foreseen.shown);
  const inAYear = [...points, ...still];
  const today = keptByAny(points, rules, { machineGone: gone, now });
  return {
    ...{ uuid, name, repository },
    now: oldestFirst(points).map((point) => previewPoint(point, today)),
    inAYear: oldestFirst(inAYear).map((point) => previewPoint(point, later)),
  };
}

function foreseenPoint(time: number): RuledPoint {
  return { id: `${foreseenPrefix}${time}`, time, pinned: false, damaged: false };
}

const foreseenPrefix = 'foreseen ';

function previewPoint(
  { id, time }: RuledPoint,
  reasons: ReadonlyMap<string, readonly KeepReason[]>,
): PreviewPoint {
  const known = id.startsWith(foreseenPrefix) ? null : (id as PointId);
  return { id: known, time, keep: reasons.get(id) ?? [], freesBytes: null };
}

function oldestFirst(points: readonly RuledPoint[]): readonly RuledPoint[] {
  return [...points].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
}

/** A point that goes, where it is. */
export interface Going {
  readonly id: PointId;
  readonly machineUuid: string;
  readonly time: number;
}

/** All that go now of one repository, in the order they are counted in: the oldest first. */
export function goingOf(
  machines: readonly PreviewMachine[],
  repository: RepositoryId,
): readonly Going[] {
  return machines
    .filter((machine) => machine.repository.id === repository)
    .flatMap(({ uuid, now }) =>
      now.flatMap(({ id, time, keep }) =>
        id === null || keep.length > 0 ? [] : [{ id, machineUuid: uuid, time }],
      ),
    )
    .sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
}

/** The same machines with the bytes each removal frees, by point. */
export function withBytes(
  machines: readonly PreviewMachine[],
  repository: RepositoryId,
  bytes: ReadonlyMap<PointId, number>,
): readonly PreviewMachine[] {
  const point = (one: PreviewPoint): PreviewPoint => {
    const freesBytes = one.id === null ? null : (bytes.get(one.id) ?? null);
    return { ...one, freesBytes };
  };
  return machines.map((machine) =>
    machine.repository.id === repository ? { ...machine, now: machine.now.map(point) } : machine,
  );
}

export function previewRepository(
  machines: readonly PreviewMachine[],
  facts: Pick<PreviewRepository, 'repository' | 'usedBytes' | 'freeBytes' | 'fullAt'>,
): PreviewRepository {
  const points = machines
    .filter(({ repository }) => repository.id === facts.repository.id)
    .flatMap(({ now }) => now);
  const going = points.filter(({ keep }) => keep.length === 0);
  return {
    ...facts,
    stay: points.length - going.length,
    go: going.length,
    freesBytes: going.reduce((sum, { freesBytes }) => sum + (freesBytes ?? 0), 0),
  };
}

export interface StoredPoint {
  readonly machineUuid: string;
  readonly time: number;
  readonly storedBytes: number;
}

/**
 * When a repository is full if it grows as it did in the last four weeks; null when that cannot be
 * told. The first point of a machine is no growth: it comes once.
 */
export function fullAt(
  points: readonly StoredPoint[],
  freeBytes: number | null,
  now: number,
): number | null {
  if (freeBytes === null) return null;
  const firsts = new Map<string, number>();
  for (const { machineUuid, time } of points) {
    firsts.set(machineUuid, Math.min(time, firsts.get(machineUuid) ?? time));
  }
  const oldest = Math.min(now, ...firsts.values());
  const sinceMs = Math.min(growthMs, now - oldest);
  if (sinceMs < shortestGrowthMs) return null;
  const grown = points
    .filter(({ machineUuid, time }) => time !== firsts.get(machineUuid))
    .filter(({ time }) => time > now - sinceMs && time <= now)
    .reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const leftMs = (freeBytes / grown) * sinceMs;
  return leftMs < farthestMs ? Math.round(now + leftMs) : null;
}
