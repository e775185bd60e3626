/** Plans and runs as every way in shows them. */
import type { Plan, PlanRun, PlanTime } from '#contract/plans.ts';
import type { DueKind, PlanRunRecord } from '#engine/catalog/plan-runs.ts';
import { calendarProblem, zoneProblem } from './calendar.ts';
import { earliestClock } from './due.ts';
import type { Knowledge, KnownPlan } from './knowledge.ts';
import { leftOut, type Doubtful } from './members.ts';
import { futureMs } from './retention.ts';
import type { ScheduleParts } from './parts.ts';

/** Marks of one calendar strip. */
const maxTimes = 1000;

export function viewRun(run: PlanRunRecord): PlanRun {
  const { id, plan, machine, repository, cause, due, startedAt, state, job, point, log } = run;
  return { id, plan, machine, repository, cause, due, startedAt, state, job, point, log };
}

export function viewPlan(parts: ScheduleParts, knowledge: Knowledge, known: KnownPlan): Plan {
  const { record, members } = known;
  const { planRuns } = parts.catalog;
  const now = parts.world.clock.now();
  const last = planRuns.last(record.id, now + futureMs);
  const good = members.here.map(({ uuid }) => knowledge.lastGood(known, uuid));
  const goods = good.filter((time) => time !== null);
  const { pause } = record;
  const over = pause.kind === 'paused' && pause.until !== null && pause.until <= now;
  return {
    ...record.draft,
    id: record.id,
    createdAt: record.createdAt,
    pause: over ? { kind: 'no' } : pause,
    nextDue: record.nextDue,
    members: members.here.map(({ id, uuid, name }, index) => ({
      machine: id,
      name,
      protection: knowledge.verdict(known, uuid).protection,
      lastGood: good[index] ?? null,
    })),
    lastRun: last === null ? null : viewRun(last),
    lastGood: goods.length === 0 ? null : Math.max(...goods),
    waiting: planRuns
      .open()
      .filter(({ plan, state }) => plan.id === record.id && state.kind === 'waiting')
      .map(viewRun),
    troubles: troublesOf(known, parts.seen(), now),
  };
}

/** What makes the plan impossible now, or impossible for one of its machines. */
function troublesOf(
  { record, members, repositories }: KnownPlan,
  seen: ReturnType<ScheduleParts['seen']>,
  now: number,
): readonly string[] {
  const { draft } = record;
  const { machines, calendar, zone } = draft;
  const troubles = [
    ...members.gone.map(({ name }) => `${name} is on no host any more. Its restore points stay.`),
    ...members.doubtful.map(doubtWords),
  ];
  if (machines.kind === 'host' && !seen.hosts.some(({ id }) => id === machines.host)) {
    troubles.push('The host of this plan is not known here any more.');
  }
  const lost = draft.repositories.length - repositories.length;
  if (lost > 0) {
    troubles.push(
      lost === 1
        ? 'A repository of this plan is not known here any more.'
        : `${lost} repositories of this plan are not known here any more.`,
    );
  }
  for (const { id, name, disks } of members.here) {
    const out = leftOut(draft.exclude, id);
    if (out.length > 0 && disks?.every((disk) => out.includes(disk)) === true) {
      troubles.push(`Every disk of ${name} is left out, so nothing of it can be backed up.`);
    }
  }
  const unreadable = calendar === null ? null : (zoneProblem(zone) ?? calendarProblem(calendar));
  if (unreadable !== null) troubles.push(unreadable);
  if (now < earliestClock) troubles.push(clockWords);
  return troubles;
}

function doubtWords({ name, host, others }: Doubtful): string {
  return (
    `${name} is on ${host} and also on ${others.join(' and ')}, and which of them is meant ` +
    `cannot be told. The one on ${host} is backed up. Remove the one that was left behind, or a ` +
    'host that was added twice.'
  );
}

export const clockWords =
  'The clock of this computer shows a time before 2020. Nothing begins before it is right.';

const worst: readonly PlanTime['kind'][] = [
  'failed',
  'missed',
  'problems',
  'waiting',
  'skipped',
  'done',
];

function kindOf({ kind }: DueKind): PlanTime['kind'] {
  if (kind === 'running') return 'waiting';
  return kind === 'cancelled' ? 'failed' : kind;
}

/** Past and coming times from `from` on and before `to`, oldest first. */
export function planTimes(
  parts: ScheduleParts,
  { record, times }: KnownPlan,
  from: number,
  to: number,
): readonly PlanTime[] {
  const now = parts.world.clock.now();
  const marks = new Map<number, PlanTime>();
  for (const row of parts.catalog.planRuns.dues(record.id, from, to, maxTimes)) {
    const kind = kindOf(row);
    const known = marks.get(row.due);
    const first = known === undefined || worst.indexOf(kind) < worst.indexOf(known.kind);
    marks.set(row.due, {
      due: row.due,
      kind: first ? kind : known.kind,
      runs: row.runs + (known?.runs ?? 0),
    });
  }
  const start = Math.max(from, now + 1);
  for (const due of times?.between(start, to, maxTimes) ?? []) {
    if (!marks.has(due)) marks.set(due, { due, kind: 'coming', runs: 0 });
  }
  return [...marks.values()].sort((a, b) => a.due - b.due).slice(0, maxTimes);
}
