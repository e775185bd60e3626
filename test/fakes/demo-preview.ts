/**
 * What a rule would keep of invented points, by the engine's own rule. The points go back a year,
 * thinned out as a plan of old would have left them, so that there is something to see.
 */
import { retentionPresets } from '#contract/plan-defaults.ts';
import type { Machine } from '#contract/domain.ts';
import type { PlanDraft, PreviewPoint, RetentionPreview } from '#contract/plans.ts';
import { timesOf } from '#engine/schedule/calendar.ts';
import { goes } from '#engine/schedule/every-rule.ts';
import {
  foreseenMs,
  leftInAYear,
  previewMachine,
  previewRepository,
  type PreviewedMachine,
} from '#engine/schedule/preview.ts';
import { attic, day, gib, hour, mib, vault } from './demo-machines.ts';
import { membersOf } from './demo-plan-list.ts';
import type { Demo } from './handlers.ts';

export const graceSeconds = (7 * day) / 1000;
const maxForeseen = 10_000;
/** The point of nextcloud that somebody pinned, counted from the newest. */
const pinnedBack = 19;

/** A year of points as the old rule left them, newest first. */
function pointsOf(machine: Machine, draft: PlanDraft): PreviewedMachine['points'] {
  const newest = machine.lastPoint?.time;
  if (newest === undefined) return [];
  const aDay = draft.calendar?.kind === 'daily' ? draft.calendar.at.length : 1;
  const all = Array.from({ length: 366 * aDay }, (_, back) => ({
    id: `old-${machine.name}-${back}`,
    time: newest - (back * day) / aDay,
    pinned: false,
    damaged: false,
  }));
  const old = { ...retentionPresets.balanced, last: 3 * aDay, daily: 14, weekly: 8 };
  const rules = [{ keep: old, zone: draft.zone }];
  const gone = new Set(goes(all, rules, { machineGone: false, now: newest }));
  return all
    .filter(({ id }) => !gone.has(id))
    .map((point, index) => ({
      ...point,
      pinned: machine.name === 'nextcloud' && index === pinnedBack,
    }));
}

function previewed(demo: Demo, machine: Machine, draft: PlanDraft): PreviewedMachine {
  const known = demo.state.points.filter((point) => point.machine.uuid === machine.uuid);
  return {
    uuid: machine.uuid,
    name: machine.name,
    gone: false,
    repository: draft.repositories[0] === vault.id ? vault : attic,
    points: pointsOf(machine, draft).map((point) => {
      const near = known.find(({ time }) => Math.abs(time - point.time) < hour);
      return near === undefined ? point : { ...point, id: near.id, pinned: near.pinned };
    }),
  };
}

export function retentionPreview(demo: Demo, draft: PlanDraft): RetentionPreview {
  const now = demo.now();
  const times = draft.calendar === null ? null : timesOf(draft.calendar, draft.zone);
  const foreseen = times?.between(now, now + foreseenMs, maxForeseen) ?? [];
  const frees = (point: PreviewPoint, index: number): PreviewPoint =>
    point.keep.length > 0 ? point : { ...point, freesBytes: (180 + ((index * 97) % 900)) * mib };
  const members = membersOf(draft, demo.state.machines);
  const rules = { rules: [draft], now };
  const left = leftInAYear(rules, foreseen, members.length);
  const machines = members
    .map((machine) => previewMachine(previewed(demo, machine, draft), rules, left))
    .map((machine) => ({ ...machine, now: machine.now.map(frees) }));
  const repositories = draft.repositories.map((id) => {
    const { name, usedBytes, freeBytes } = demo.repository(id);
    const daysLeft = freeBytes === null ? null : Math.round(freeBytes / (1.7 * gib));
    const fullAt = daysLeft === null ? null : now + daysLeft * day;
    return previewRepository(machines, {
      repository: { id, name },
      usedBytes,
      freeBytes,
      fullAt,
    });
  });
  const go = repositories.reduce((sum, one) => sum + one.go, 0);
  return {
    machines,
    repositories,
    firstRemoval: go === 0 ? null : (times?.next(now) ?? null),
    graceSeconds,
  };
}
