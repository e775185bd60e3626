/** The pretend engine's plans: kept in memory, run as pretend jobs, watched by no scheduler. */
import type { Emit, Handlers } from '#contract/contract.ts';
import type { Job, Machine } from '#contract/domain.ts';
import type {
  Plan,
  PlanCheck,
  PlanDraft,
  PlanId,
  PlanProblem,
  PlanRun,
  PlanRunId,
  PlanTime,
} from '#contract/plans.ts';
import { AppError } from '#contract/errors.ts';
import { calendarProblem, timesOf as calendarTimes } from '#engine/schedule/calendar.ts';
import { clockChangeWords } from '#engine/schedule/clock-change.ts';
import { backupHandlers } from './demo-backup.ts';
import { isOver } from './demo-jobs.ts';
import { membersOf, type StoredPlan } from './demo-plan-list.ts';
import { maxTimes } from './demo-plan-runs.ts';
import { retentionPreview } from './demo-preview.ts';
import type { Demo } from './handlers.ts';

type Calls = Extract<keyof Handlers, `plans.${string}` | `plan-runs.${string}`>;

function stored(demo: Demo, id: PlanId): StoredPlan {
  const found = demo.state.plans.find((plan) => plan.id === id);
  if (found === undefined) throw new AppError('not-found', `There is no plan ${id}.`);
  return found;
}

function nextDueOf({ draft, pause }: StoredPlan, now: number): number | null {
  if (draft.calendar === null) return null;
  const from = pause.kind === 'paused' && pause.until !== null ? pause.until : now;
  return calendarTimes(draft.calendar, draft.zone)?.next(from) ?? null;
}

function viewPlan(demo: Demo, plan: StoredPlan): Plan {
  const { state } = demo;
  const runs = state.planRuns.filter((run) => run.plan.id === plan.id);
  const good = runs.filter((run) => run.state.kind === 'done' || run.state.kind === 'problems');
  const began = runs.filter((run) => run.startedAt !== null);
  return {
    ...plan.draft,
    id: plan.id,
    createdAt: plan.createdAt,
    pause: plan.pause,
    nextDue: nextDueOf(plan, demo.now()),
    members: membersOf(plan.draft, state.machines).map((machine) => ({
      machine: machine.id,
      name: machine.name,
      protection: machine.protection,
      lastGood: machine.lastPoint?.time ?? null,
    })),
    lastRun: began[0] ?? null,
    lastGood: good.reduce<number | null>((newest, run) => Math.max(newest ?? 0, run.due), null),
    waiting: runs.filter((run) => run.state.kind === 'waiting'),
    troubles: plan.draft.repositories
      .filter((id) => !state.repositories.some((repository) => repository.id === id))
      .map(() => 'Its repository was forgotten: edit the plan and choose another.'),
  };
}

function wordsOf(demo: Demo, machine: Machine, plans: readonly StoredPlan[]): string {
  const waits = demo.state.planRuns.find(
    (run) => run.machine.id === machine.id && run.state.kind === 'waiting',
  );
  if (machine.protection === 'failing') {
    return 'Its last 3 runs failed: the scratch folder on rack is full.';
  }
  if (machine.protection !== 'overdue') return '';
  if (waits?.state.kind === 'waiting') return waits.state.words;
  return plans.length === 0 ? '' : 'Its last good point is older than its plan asks.';
}

/** The machines as their plans see them: next run, why not protected. */
export function plannedMachines(demo: Demo): Machine[] {
  return demo.state.machines.map((machine) => {
    const plans = demo.state.plans.filter((plan) =>
      membersOf(plan.draft, demo.state.machines).includes(machine),
    );
    const times = plans
      .filter(({ pause }) => pause.kind === 'no')
      .flatMap((plan) => nextDueOf(plan, demo.now()) ?? []);
    const unplanned = machine.lastPoint === null ? 'never' : 'not-planned';
    return {
      ...machine,
      protection: plans.length === 0 ? unplanned : machine.protection,
      protectionWords: wordsOf(demo, machine, plans),
      nextRun: times.length === 0 ? null : Math.min(...times),
    };
  });
}

function announce(demo: Demo): void {
  demo.state.machines = plannedMachines(demo);
  for (const machine of demo.state.machines) demo.emit('machines.changed', { machine });
  demo.emit(
    'plans.changed',
    demo.state.plans.map((plan) => viewPlan(demo, plan)),
  );
}

function putRun(demo: Demo, run: PlanRun): PlanRun {
  const { state } = demo;
  const at = state.planRuns.findIndex((one) => one.id === run.id);
  if (at < 0) state.planRuns.unshift(run);
  else state.planRuns[at] = run;
  demo.emit('plan-runs.changed', run);
  return run;
}

/** Ends the run of a job that ended. */
export function followJobs(demo: Demo): Emit {
  return (name, payload) => {
    if (name !== 'jobs.changed') return;
    const job = payload as Job;
    const run = demo.state.planRuns.find((one) => one.job === job.id);
    if (run === undefined || !isOver(job) || run.state.kind !== 'running') return;
    const { state } = job;
    if (state.kind === 'queued' || state.kind === 'running' || state.kind === 'cancelling') return;
    const point = job.result?.kind === 'backup' ? job.result.point.id : null;
    const ended = `${new Date(state.at).toISOString().slice(11, 19)} Ended: ${state.kind}.`;
    putRun(demo, { ...run, state, point, log: [...run.log, ended] });
    announce(demo);
  };
}

/** Starts the backup of one machine, or says in the row why it cannot begin. */
async function begin(demo: Demo, run: PlanRun, machine: Machine): Promise<PlanRun> {
  const began = { ...run, startedAt: demo.now() };
  try {
    const job = await backupHandlers(demo)['backup.start']({
      machine: machine.id,
      repository: run.repository.id,
      exclude: [],
      reread: false,
      accepted: [],
    });
    return putRun(demo, { ...began, job, state: { kind: 'running', step: 'backup' } });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const state = { kind: 'failed', at: demo.now(), error: error.toJSON() } as const;
    return putRun(demo, { ...began, state });
  }
}

async function runPlan(demo: Demo, plan: StoredPlan, only: Machine['id'] | null) {
  const members = membersOf(plan.draft, demo.state.machines);
  const wanted = members.filter((machine) => only === null || machine.id === only);
  const due = demo.now();
  const runs = wanted.flatMap((machine) =>
    plan.draft.repositories.map((id) => ({ machine, repository: demo.repository(id) })),
  );
  const begun = await Promise.all(
    runs.map(({ machine, repository: { id, name } }) =>
      begin(
        demo,
        {
          id: `run-${demo.newId()}` as PlanRunId,
          plan: { id: plan.id, name: plan.draft.name },
          machine: { id: machine.id, uuid: machine.uuid, name: machine.name },
          repository: { id, name },
          cause: 'manual',
          due,
          startedAt: null,
          state: { kind: 'running', step: 'before' },
          job: null,
          point: null,
          log: [],
        },
        machine,
      ),
    ),
  );
  announce(demo);
  return begun;
}

function problemsOf(demo: Demo, draft: PlanDraft, plan: PlanId | null): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const say = (field: string, level: PlanProblem['level'], message: string) =>
    problems.push({ field, level, message });
  if (demo.state.plans.some((one) => one.draft.name === draft.name && one.id !== plan)) {
    say('name', 'blocker', `There is already a plan called ${draft.name}.`);
  }
  if (membersOf(draft, demo.state.machines).length === 0) {
    say('machines', 'warning', 'It means no machine now: nothing is backed up until one is there.');
  }
  for (const id of draft.repositories) {
    const repository = demo.repository(id);
    if (repository.state.kind === 'ready') continue;
    say('repositories', 'warning', `${repository.name} is not there now: runs wait until it is.`);
  }
  const { keep } = draft;
  if (keep !== null && Object.values(keep).every((count) => count === 0)) {
    say('keep', 'blocker', 'This rule keeps nothing. Keep at least the last point.');
  }
  for (const when of ['before', 'after'] as const) {
    const program = draft.hooks[when]?.argv[0];
    if (program === undefined || program.startsWith('/')) continue;
    say(`hooks.${when}`, 'blocker', `${program} is not a full path to a program.`);
  }
  return problems;
}

function check(demo: Demo, draft: PlanDraft, plan: PlanId | null): PlanCheck {
  const problems = problemsOf(demo, draft, plan);
  const members = membersOf(draft, demo.state.machines).map(({ id, name }) => ({ id, name }));
  const none = { problems, next: [], clockChange: '', members };
  if (draft.calendar === null) return none;
  const now = demo.now();
  const times = calendarTimes(draft.calendar, draft.zone);
  const next = times?.between(now + 1, Number.MAX_SAFE_INTEGER, 3) ?? [];
  if (next.length === 0) {
    const message = calendarProblem(draft.calendar) ?? 'This never comes: no date fits it.';
    problems.push({ field: 'calendar', level: 'blocker', message });
  }
  return { ...none, next, clockChange: clockChangeWords(draft.calendar, draft.zone, now) };
}

const worst = ['failed', 'missed', 'waiting', 'problems', 'skipped', 'done'] as const;

function timesOf(demo: Demo, plan: StoredPlan, from: number, to: number): PlanTime[] {
  const past = new Map<number, PlanTime>();
  for (const run of demo.state.planRuns) {
    if (run.plan.id !== plan.id || run.due < from || run.due > to) continue;
    const before = past.get(run.due);
    const own = worst.find((kind) => kind === run.state.kind) ?? 'done';
    const kind = worst.find((one) => one === own || one === before?.kind) ?? own;
    past.set(run.due, { due: run.due, kind, runs: (before?.runs ?? 0) + 1 });
  }
  const { calendar, zone } = plan.draft;
  const begins = Math.max(from, demo.now());
  const times = calendar === null ? null : calendarTimes(calendar, zone);
  const coming = times?.between(begins, to, maxTimes) ?? [];
  return [
    ...past.values(),
    ...coming.map((due): PlanTime => ({ due, kind: 'coming', runs: 0 })),
  ].sort((a, b) => a.due - b.due);
}

function put(demo: Demo, plan: StoredPlan): Plan {
  const { state } = demo;
  const at = state.plans.findIndex((one) => one.id === plan.id);
  if (at < 0) state.plans.push(plan);
  else state.plans[at] = plan;
  announce(demo);
  return viewPlan(demo, plan);
}

function refuseBlocked(demo: Demo, draft: PlanDraft, plan: PlanId | null): void {
  const bad = problemsOf(demo, draft, plan).find(({ level }) => level === 'blocker');
  if (bad !== undefined) throw new AppError('invalid-input', bad.message, { field: bad.field });
}

function planCalls(demo: Demo): Pick<Handlers, Extract<Calls, `plans.${string}`>> {
  const { state } = demo;
  return {
    'plans.list': async () => state.plans.map((plan) => viewPlan(demo, plan)),
    'plans.get': async ({ plan }) => viewPlan(demo, stored(demo, plan)),
    'plans.create': async ({ draft }) => {
      refuseBlocked(demo, draft, null);
      const id = `plan-${demo.newId()}` as PlanId;
      return put(demo, { id, draft, createdAt: demo.now(), pause: { kind: 'no' } });
    },
    'plans.change': async ({ plan, draft }) => {
      refuseBlocked(demo, draft, plan);
      return put(demo, { ...stored(demo, plan), draft });
    },
    'plans.remove': async ({ plan }) => {
      state.removedPlans.push(stored(demo, plan));
      state.plans = state.plans.filter((one) => one.id !== plan);
      announce(demo);
      return null;
    },
    'plans.bring-back': async ({ plan }) => {
      const found = state.removedPlans.find((one) => one.id === plan);
      if (found === undefined) throw new AppError('not-found', `There is no plan ${plan}.`);
      state.removedPlans = state.removedPlans.filter((one) => one.id !== plan);
      return put(demo, found);
    },
    'plans.check': async ({ draft, plan }) => check(demo, draft, plan),
    'plans.preview': async ({ draft }) => retentionPreview(demo, draft),
    'plans.run': async ({ plan, machine }) => await runPlan(demo, stored(demo, plan), machine),
    'plans.run-due': async () => [],
    'plans.pause': async ({ plan, until }) =>
      put(demo, { ...stored(demo, plan), pause: { kind: 'paused', until } }),
    'plans.resume': async ({ plan }) => put(demo, { ...stored(demo, plan), pause: { kind: 'no' } }),
    'plans.runs': async ({ plan, machineUuid, before, limit }) =>
      state.planRuns
        .filter((run) => plan === null || run.plan.id === plan)
        .filter((run) => machineUuid === null || run.machine.uuid === machineUuid)
        .filter((run) => before === null || run.due < before)
        .slice(0, limit),
    'plans.times': async ({ plan, from, to }) => timesOf(demo, stored(demo, plan), from, to),
  };
}

function runOf(demo: Demo, id: PlanRunId): PlanRun {
  const found = demo.state.planRuns.find((run) => run.id === id);
  if (found === undefined) throw new AppError('not-found', `There is no run ${id}.`);
  return found;
}

export function scheduleHandlers(demo: Demo): Pick<Handlers, Calls> {
  return {
    ...planCalls(demo),
    'plan-runs.run-now': async ({ run: id }) => {
      const run = runOf(demo, id);
      const machine = demo.state.machines.find((one) => one.id === run.machine.id);
      if (machine === undefined) {
        throw new AppError('machine-not-found', `${run.machine.name} is on no host any more.`);
      }
      const begun = await begin(demo, run, machine);
      announce(demo);
      return begun;
    },
    'plan-runs.skip': async ({ run: id }) => {
      const words = 'A person said so.';
      const state = { kind: 'skipped', at: demo.now(), words } as const;
      const skipped = putRun(demo, { ...runOf(demo, id), state });
      announce(demo);
      return skipped;
    },
  };
}
