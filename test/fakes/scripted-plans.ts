/**
 * The pretend engine with one plan, and runs that go exactly through the states a test writes down.
 * A record of what was asked; nothing of the scheduler.
 */
import type { Handlers, Input } from '#contract/contract.ts';
import { defaultPlanDraft } from '#contract/plan-defaults.ts';
import { AppError } from '#contract/errors.ts';
import type { JobId, PointId } from '#contract/domain.ts';
import type {
  Plan,
  PlanCheck,
  PlanDraft,
  PlanId,
  PlanRun,
  PlanRunId,
  PlanRunState,
  RetentionPreview,
} from '#contract/plans.ts';
import { createFakeEngine, type FakeEngine } from './handlers.ts';

export interface PlanScript {
  readonly plan?: Partial<Plan>;
  /** No plan at all. */
  readonly none?: boolean;
  readonly check?: Partial<PlanCheck>;
  readonly preview?: RetentionPreview;
  /** What each run that is begun goes through: the first it answers, the others it tells. */
  readonly runs?: readonly (readonly PlanRunState[])[];
  /** The wire loses every event of a run. */
  readonly silent?: boolean;
}

export interface PlansEngine {
  readonly engine: FakeEngine;
  /** Every call of plans that could change something, with what it was given. */
  readonly asked: { readonly call: string; readonly input: unknown }[];
  readonly drafts: PlanDraft[];
}

/** 2026-11-27 01:00 UTC: 02:00 in Berlin. */
export const due = Date.UTC(2026, 10, 27, 1);
const day = 24 * 3600_000;

export function waiting(reason: 'turn' | 'on-battery' | 'repository-absent'): PlanRunState {
  const words = reason === 'turn' ? 'Its turn comes.' : 'This computer runs on its battery.';
  return { kind: 'waiting', reason, words, since: due };
}

export const done: PlanRunState = { kind: 'done', at: due + 5000 };
export const running: PlanRunState = { kind: 'running', step: 'backup' };
export const failed: PlanRunState = {
  kind: 'failed',
  at: due + 5000,
  error: { code: 'no-space', message: 'attic is full.', data: { advice: 'Make room.' } },
};

function planOf(fake: FakeEngine, draft: PlanDraft): Plan {
  const members = fake.state.machines.slice(0, 2);
  return {
    ...draft,
    id: 'plan-1' as PlanId,
    createdAt: due - day,
    pause: { kind: 'no' },
    nextDue: due,
    members: members.map(({ id, name, protection }) => ({
      ...{ machine: id, name, protection },
      lastGood: null,
    })),
    lastRun: null,
    lastGood: null,
    waiting: [],
    troubles: [],
  };
}

function runOf(fake: FakeEngine, plan: Plan, at: number, state: PlanRunState): PlanRun {
  const machine = fake.state.machines[at % fake.state.machines.length]!;
  const repository = fake.state.repositories[0]!;
  return {
    id: `01RUN${at}` as PlanRunId,
    plan: { id: plan.id, name: plan.name },
    machine: { id: machine.id, uuid: machine.uuid, name: machine.name },
    repository: { id: repository.id, name: repository.name },
    cause: 'manual',
    due,
    startedAt: due,
    state,
    job: state.kind === 'running' ? (`job-${at}` as JobId) : null,
    point: state.kind === 'done' ? (`point-${at}` as PointId) : null,
    log: ['Frozen.', 'Thawed.'],
  };
}

/** Begins the scripted runs and lets them go on, one state after each turn of the loop. */
function createRuns(fake: FakeEngine, plan: () => Plan, script: PlanScript) {
  const rows: PlanRun[] = [];
  const put = (at: number, state: PlanRunState): PlanRun => {
    const run = runOf(fake, plan(), at, state);
    rows[at] = run;
    return run;
  };
  const tell = (at: number, [state, ...rest]: readonly PlanRunState[]): void => {
    if (state === undefined) return;
    setImmediate(() => {
      const run = put(at, state);
      if (script.silent !== true) fake.emit('plan-runs.changed', run);
      tell(at, rest);
    });
  };
  const begin = (): readonly PlanRun[] =>
    (script.runs ?? []).map(([first, ...rest], at) => {
      const run = put(at, first ?? done);
      tell(at, rest);
      return run;
    });
  return { rows, put, begin };
}

/** One plan, `Nightly`, of the first two pretend machines to `attic`. */
export function plansEngine(script: PlanScript = {}): PlansEngine {
  const fake = createFakeEngine({ secondsPerJob: 0.05 });
  const attic = fake.state.repositories.find(({ name }) => name === 'attic')!;
  const usual = { ...defaultPlanDraft('Europe/Berlin'), repositories: [attic.id] };
  let plan: Plan = { ...planOf(fake, { ...usual, name: 'Nightly' }), ...script.plan };
  const runs = createRuns(fake, () => plan, script);
  const asked: PlansEngine['asked'] = [];
  const drafts: PlanDraft[] = [];
  const note = <T>(call: string, input: unknown, value: T): Promise<T> => {
    asked.push({ call, input });
    return Promise.resolve(value);
  };
  const save = (call: string, draft: PlanDraft) => {
    drafts.push(draft);
    plan = { ...plan, ...draft };
    return note(call, draft, plan);
  };
  const next = [due, due + day, due + 2 * day];
  const nothing = { problems: [], next, clockChange: '', members: [], ...script.check };
  const handlers: Handlers = {
    ...fake.handlers,
    'plans.list': async () => (script.none === true ? [] : [plan]),
    'plans.check': async ({ draft }) => {
      drafts.push(draft);
      return nothing;
    },
    'plans.create': ({ draft }) => save('create', draft),
    'plans.change': ({ draft }) => save('change', draft),
    'plans.preview': async ({ draft }) => {
      drafts.push(draft);
      if (script.preview === undefined) throw new AppError('internal', 'No preview here.');
      return script.preview;
    },
    'plans.remove': (input) => note('remove', input, null),
    'plans.bring-back': (input) => note('bring-back', input, plan),
    'plans.pause': (input) => {
      plan = { ...plan, pause: { kind: 'paused', until: input.until } };
      return note('pause', input, plan);
    },
    'plans.resume': (input) => {
      plan = { ...plan, pause: { kind: 'no' } };
      return note('resume', input, plan);
    },
    'plans.run': (input) => note('run', input, runs.begin()),
    'plans.run-due': (input) => note('run-due', input, runs.begin()),
    'plans.runs': async ({ limit }) => runs.rows.slice(0, limit),
    'plan-runs.run-now': (input: Input<'plan-runs.run-now'>) =>
      note('run-now', input, runs.put(0, done)),
    'plan-runs.skip': (input) => {
      const run = runs.put(runAt(input.run), { kind: 'skipped', at: due, words: 'A person.' });
      fake.emit('plan-runs.changed', run);
      return note('skip', input, run);
    },
    'jobs.cancel': (input) => {
      const at = Number(input.job.split('-')[1]);
      fake.emit('plan-runs.changed', runs.put(at, { kind: 'cancelled', at: due }));
      asked.push({ call: 'cancel', input });
      return fake.handlers['jobs.cancel'](input);
    },
  };
  return { engine: { ...fake, handlers }, asked, drafts };
}

function runAt(id: PlanRunId): number {
  return Number(id.replace('01RUN', ''));
}
