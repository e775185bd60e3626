/** Plans: kept, checked, looked at; and their runs. */
import type { Handlers } from '#contract/contract.ts';
import { AppError } from '#contract/errors.ts';
import type { Plan, PlanDraft, PlanId } from '#contract/plans.ts';
import type { PlanRecord } from '#engine/catalog/plans.ts';
import { timesOf } from '#engine/schedule/calendar.ts';
import { checkPlan } from '#engine/schedule/check-plan.ts';
import { planTimes, viewPlan, viewRun } from '#engine/schedule/plan-view.ts';
import type { ScheduleParts } from '#engine/schedule/parts.ts';
import type { Scheduler } from '#engine/schedule/scheduler.ts';
import { answer } from './answer.ts';

type Calls = Exclude<
  Extract<keyof Handlers, `plans.${string}` | `plan-runs.${string}`>,
  'plans.preview'
>;

/** The scheduler with what it was made from. */
export interface Schedule {
  readonly parts: ScheduleParts;
  readonly scheduler: Scheduler;
  /** Begins nothing and tells nothing any more. */
  stop(): Promise<void>;
}

/** @param weekly what a timer of one's own does beside the plans: writing the weekly report. */
export function planHandlers(
  schedule: Schedule,
  weekly: () => Promise<void>,
): Pick<Handlers, Calls> {
  const { parts, scheduler } = schedule;
  const { catalog } = parts;
  return {
    'plans.list': () => answer(() => listPlans(schedule)),
    'plans.get': ({ plan }) => answer(() => view(schedule, plan)),
    'plans.create': ({ draft }) => create(schedule, draft),
    'plans.change': ({ plan, draft }) => change(schedule, plan, draft),
    'plans.remove': ({ plan }) => answer(() => remove(schedule, plan)),
    'plans.bring-back': ({ plan }) => answer(() => bringBack(schedule, plan)),
    'plans.check': ({ draft, plan }) => checkPlan(parts, draft, plan),
    'plans.run': ({ plan, machine }) => answer(() => scheduler.run(find(schedule, plan), machine)),
    'plans.run-due': async () => {
      await weekly();
      return scheduler.runDue();
    },
    'plans.pause': ({ plan, until }) => answer(() => pause(schedule, plan, until)),
    'plans.resume': ({ plan }) => answer(() => resume(schedule, plan)),
    'plans.runs': (filter) => answer(() => catalog.planRuns.list(filter).map(viewRun)),
    'plans.times': ({ plan, from, to }) =>
      answer(() => planTimes(parts, scheduler.knowledge.plan(find(schedule, plan)), from, to)),
    'plan-runs.run-now': ({ run }) => answer(() => scheduler.runNow(run)),
    'plan-runs.skip': ({ run }) => answer(() => scheduler.skip(run)),
  };
}

export function listPlans({ parts, scheduler }: Schedule): readonly Plan[] {
  const { knowledge } = scheduler;
  return knowledge.plans().map((known) => viewPlan(parts, knowledge, known));
}

function notFound(plan: PlanId): AppError {
  return new AppError('plan-not-found', 'There is no such plan here.', {
    plan,
    advice: 'List the plans; it may have been removed.',
  });
}

function find({ parts }: Schedule, id: PlanId): PlanRecord {
  const record = parts.catalog.plans.get(id);
  if (record?.removedAt !== null) throw notFound(id);
  return record;
}

function view(schedule: Schedule, id: PlanId): Plan {
  const { parts, scheduler } = schedule;
  const known = scheduler.knowledge.plan(find(schedule, id));
  return viewPlan(parts, scheduler.knowledge, known);
}

/** Throws `plan-refused` with what is wrong, field by field. */
async function refuseImpossible(
  { parts }: Schedule,
  draft: PlanDraft,
  plan: PlanId | null,
): Promise<void> {
  const { problems } = await checkPlan(parts, draft, plan);
  const blockers = problems.filter(({ level }) => level === 'blocker');
  const [first] = blockers;
  if (first === undefined) return;
  throw new AppError('plan-refused', first.message, {
    problems: blockers.map(({ field, level, message }) => ({ field, level, message })),
    reasons: blockers.map(({ message }) => message),
    preflight: true,
    unharmed: 'Nothing was kept or changed.',
  });
}

function firstDue({ parts }: Schedule, { calendar, zone }: PlanDraft): number | null {
  if (calendar === null) return null;
  return timesOf(calendar, zone)?.next(parts.world.clock.now()) ?? null;
}

async function create(schedule: Schedule, draft: PlanDraft): Promise<Plan> {
  const { parts, scheduler } = schedule;
  await refuseImpossible(schedule, draft, null);
  const id = parts.world.ids.ulid() as PlanId;
  const createdAt = parts.world.clock.now();
  parts.catalog.plans.insert({ id, draft, createdAt, nextDue: firstDue(schedule, draft) });
  scheduler.changed(id);
  return view(schedule, id);
}

async function change(schedule: Schedule, id: PlanId, draft: PlanDraft): Promise<Plan> {
  const { parts, scheduler } = schedule;
  find(schedule, id);
  await refuseImpossible(schedule, draft, id);
  // What was due until now is begun or explained by the old calendar.
  scheduler.settle(find(schedule, id));
  const old = find(schedule, id);
  const same =
    old.draft.zone === draft.zone &&
    JSON.stringify(old.draft.calendar) === JSON.stringify(draft.calendar);
  parts.catalog.plans.change(id, draft, same ? old.nextDue : firstDue(schedule, draft));
  scheduler.changed(id);
  const meant = new Set(
    scheduler.knowledge.plan(find(schedule, id)).members.here.map(({ uuid }) => uuid),
  );
  scheduler.skipWaiting(
    id,
    'The plan was changed and does not mean this any more.',
    (run) => meant.has(run.machine.uuid) && draft.repositories.includes(run.repository.id),
  );
  return view(schedule, id);
}

function remove(schedule: Schedule, id: PlanId): null {
  const { parts, scheduler } = schedule;
  scheduler.settle(find(schedule, id));
  parts.catalog.plans.setRemoved(id, parts.world.clock.now());
  scheduler.skipWaiting(id, 'The plan was removed.', () => false);
  scheduler.changed(id);
  return null;
}

function bringBack(schedule: Schedule, id: PlanId): Plan {
  const { parts, scheduler } = schedule;
  const record = parts.catalog.plans.get(id);
  if (record === null) throw notFound(id);
  if (record.removedAt !== null) {
    const taken = parts.catalog.plans.list().some(({ draft }) => draft.name === record.draft.name);
    if (taken) {
      throw new AppError('name-taken', `A plan is already called ${record.draft.name}.`, {
        advice: 'Rename that one first.',
      });
    }
    parts.catalog.plans.setRemoved(id, null);
    scheduler.explainRemoved(record);
    scheduler.changed(id);
  }
  return view(schedule, id);
}

function pause(schedule: Schedule, id: PlanId, until: number | null): Plan {
  const { parts, scheduler } = schedule;
  const record = find(schedule, id);
  const now = parts.world.clock.now();
  if (until !== null && until <= now) {
    throw new AppError('invalid-input', 'The pause would be over already.', {
      advice: 'Choose a later time.',
      unharmed: 'The plan goes on as it was.',
    });
  }
  scheduler.settle(record);
  parts.catalog.plans.setPause(id, now, until);
  scheduler.skipWaiting(id, 'The plan was paused.', (run) => run.cause === 'manual');
  scheduler.changed(id);
  return view(schedule, id);
}

function resume(schedule: Schedule, id: PlanId): Plan {
  const { parts, scheduler } = schedule;
  scheduler.settle(find(schedule, id)); // what came meanwhile is told as paused
  parts.catalog.plans.setPause(id, null, null);
  scheduler.changed(id);
  return view(schedule, id);
}
