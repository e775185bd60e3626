/**
 * What a rule would keep of invented points, now and in a year. The points go back a year, thinned
 * out as a plan of old would have left them, so that there is something to see.
 */
import type { Machine } from '#contract/domain.ts';
import type {
  KeepReason,
  PlanDraft,
  PreviewMachine,
  PreviewPoint,
  PreviewRepository,
  Retention,
  RetentionPreview,
} from '#contract/plans.ts';
import { retentionPresets } from '#contract/plan-defaults.ts';
import { attic, day, gib, hour, mib, vault } from './demo-machines.ts';
import { membersOf } from './demo-plan-list.ts';
import { nextTimes } from './demo-times.ts';
import type { Demo } from './handlers.ts';

const yearMs = 365 * day;
export const graceSeconds = (7 * day) / 1000;

/** The wider the rule, the coarser the name: one point of each name stays. */
const periods: readonly (readonly [Exclude<keyof Retention, 'last'>, (time: Date) => string])[] = [
  ['hourly', (time) => time.toISOString().slice(0, 13)],
  ['daily', (time) => time.toISOString().slice(0, 10)],
  ['weekly', (time) => String(Math.floor((time.getTime() + 3 * day) / (7 * day)))],
  ['monthly', (time) => time.toISOString().slice(0, 7)],
  ['yearly', (time) => time.toISOString().slice(0, 4)],
];

/** Why each of these stays; newest first. */
function reasonsOf(times: readonly number[], rule: Retention | null): readonly KeepReason[][] {
  const reasons: KeepReason[][] = times.map(() => []);
  if (rule === null) return times.map(() => ['not-ruled']);
  times.forEach((_, index) => {
    if (index < rule.last) reasons[index]?.push('last');
  });
  for (const [period, nameOf] of periods) {
    const seen = new Set<string>();
    times.forEach((time, index) => {
      const name = nameOf(new Date(time));
      if (seen.has(name) || seen.size >= rule[period]) return;
      seen.add(name);
      reasons[index]?.push(period);
    });
  }
  if (times.length > 0 && reasons[0]?.length === 0) reasons[0].push('newest-good');
  return reasons;
}

/** Times of the points there are, newest first: thinned out as the old rule left them. */
function timesOf(machine: Machine, draft: PlanDraft): readonly number[] {
  const newest = machine.lastPoint?.time;
  if (newest === undefined) return [];
  const aDay = draft.calendar?.kind === 'daily' ? draft.calendar.at.length : 1;
  const all = Array.from({ length: 366 * aDay }, (_, back) => newest - (back * day) / aDay);
  const old = reasonsOf(all, {
    ...retentionPresets.balanced,
    last: 3 * aDay,
    daily: 14,
    weekly: 8,
  });
  return all.filter((_, index) => (old[index]?.length ?? 0) > 0);
}

function preview(
  times: readonly number[],
  rule: Retention | null,
  pinned: number | null,
  of: { readonly id: (index: number) => PreviewPoint['id']; readonly frees: boolean },
): readonly PreviewPoint[] {
  const reasons = reasonsOf(times, rule);
  return times
    .map((time, index): PreviewPoint => {
      const keep = [...(reasons[index] ?? [])];
      if (index === pinned) keep.push('pinned');
      const goes = keep.length === 0;
      const freesBytes = goes && of.frees ? (180 + ((index * 97) % 900)) * mib : null;
      return { id: of.id(index), time, keep, freesBytes };
    })
    .toReversed();
}

function inAYear(draft: PlanDraft, newest: number): readonly number[] {
  if (draft.calendar === null) return [newest];
  const aDay = draft.calendar.kind === 'daily' ? draft.calendar.at.length : 1;
  const step = draft.calendar.kind === 'weekly' ? 7 * day : day / aDay;
  const count = Math.floor(yearMs / step);
  return Array.from({ length: count }, (_, back) => newest + yearMs - back * step);
}

function previewMachine(demo: Demo, machine: Machine, draft: PlanDraft): PreviewMachine {
  const times = timesOf(machine, draft);
  const pin = machine.name === 'nextcloud' ? Math.min(19, times.length - 1) : null;
  const onVault = draft.repositories[0] === vault.id;
  const known = demo.state.points.filter((point) => point.machine.uuid === machine.uuid);
  const id = (index: number) => {
    const at = times[index] ?? 0;
    const near = known.find((point) => Math.abs(point.time - at) < hour);
    return near?.id ?? (`old-${machine.name}-${index}` as NonNullable<PreviewPoint['id']>);
  };
  const future = [...inAYear(draft, demo.now()), ...times];
  return {
    uuid: machine.uuid,
    name: machine.name,
    repository: onVault ? vault : attic,
    now: preview(times, draft.keep, pin, { id, frees: true }),
    inAYear: preview(future, draft.keep, null, { id: () => null, frees: false }).filter(
      ({ keep }) => keep.length > 0,
    ),
  };
}

export function retentionPreview(demo: Demo, draft: PlanDraft): RetentionPreview {
  const machines = membersOf(draft, demo.state.machines).map((machine) =>
    previewMachine(demo, machine, draft),
  );
  const points = machines.flatMap((one) => one.now);
  const go = points.filter(({ keep }) => keep.length === 0);
  const repositories = draft.repositories.map((id): PreviewRepository => {
    const { name, usedBytes, freeBytes } = demo.repository(id);
    const freesBytes = go.reduce((sum, point) => sum + (point.freesBytes ?? 0), 0);
    const left = (freeBytes ?? 0) + freesBytes;
    return {
      repository: { id, name },
      stay: points.length - go.length,
      go: go.length,
      freesBytes,
      usedBytes,
      freeBytes,
      fullAt: freeBytes === null ? null : demo.now() + Math.round(left / (1.7 * gib)) * day,
    };
  });
  const { calendar, zone } = draft;
  const first = calendar === null ? undefined : nextTimes(calendar, zone, demo.now(), 1)[0];
  return {
    machines,
    repositories,
    firstRemoval: go.length === 0 ? null : (first ?? null),
    graceSeconds,
  };
}
