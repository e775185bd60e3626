/**
 * The pretend engine with snapshots and checkpoints exactly as a test writes them down: one plan
 * for whatever is asked, one job that has ended when it is looked at, and a record of the calls.
 */
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import type { Handlers, Input } from '#contract/contract.ts';
import type { Job, JobId, JobResult, JobState, Machine } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type {
  CheckpointStates,
  DoctorReport,
  Timeline,
  Unfinished,
  UnfinishedId,
} from '#contract/moments.ts';
import { createFakeEngine, type FakeEngine } from './handlers.ts';

export interface Script {
  /** Changes the plan, which is otherwise allowed, undoable and asks nothing. */
  readonly plan?: Partial<ActionPlan>;
  /** Thrown instead of a plan. */
  readonly planError?: AppError;
  readonly state?: JobState;
  readonly result?: Partial<Extract<JobResult, { readonly kind: 'action' }>>;
  readonly timeline?: Partial<Timeline>;
  readonly states?: Partial<CheckpointStates> | AppError;
  /** What the doctor finds: the first time, and after that. */
  readonly findings?: readonly DoctorReport['findings'][];
  readonly unfinished?: readonly Unfinished[];
}

export interface ScriptedEngine {
  readonly engine: FakeEngine;
  readonly machine: Machine;
  /** Names of the calls that could change something, with what they were given. */
  readonly started: Input<'actions.start'>[];
  readonly resolved: Input<'unfinished.resolve'>[];
  readonly planned: MachineAction[];
  readonly examined: Input<'doctor.examine'>[];
}

const at = Date.UTC(2026, 10, 23, 2, 0, 5);

export function aPlan(
  machine: Machine,
  action: MachineAction,
  change: Partial<ActionPlan>,
): ActionPlan {
  return {
    machine: { id: machine.id, name: machine.name },
    action,
    title: `Change ${machine.name}`,
    summary: 'A change of the running machine.',
    button: `Change ${machine.name}`,
    verdict: 'allowed',
    reasons: [],
    alternatives: [],
    steps: [],
    checks: [],
    costs: { bytes: 0, freeBytes: null, seconds: 1, downtimeSeconds: 0, rereads: [] },
    storage: null,
    undo: 'Delete the snapshot.',
    tier: 1,
    confirm: null,
    lost: [],
    stays: 'All restore points stay.',
    commands: [],
    documents: [],
    fingerprint: 'print-1',
    ...change,
  };
}

export function anUnfinished(machine: Machine, change: Partial<Unfinished> = {}): Unfinished {
  return {
    id: '01CUTOFF1' as UnfinishedId,
    machine: { id: machine.id, name: machine.name },
    action: { kind: 'snapshot-revert', name: 'clean', to: 'as-taken', keep: true },
    title: `Revert ${machine.name} to clean`,
    startedAt: at,
    steps: [
      { title: 'Keep where it is', state: 'done' },
      { title: 'Go back', state: 'cut-off' },
    ],
    finish: 'Goes back to clean.',
    undo: 'Goes back to where it was.',
    leave: null,
    why: 'Waymark was stopped.',
    ...change,
  };
}

function endedJob(machine: Machine, action: MachineAction, script: Script): Job {
  const state = script.state ?? { kind: 'done', at };
  const over = state.kind === 'done' || state.kind === 'problems';
  return {
    id: 'action-1' as JobId,
    kind: 'snapshot',
    title: `Change ${machine.name}`,
    machine,
    repository: null,
    createdAt: at,
    startedAt: at,
    state,
    progress: null,
    steps: [],
    cancelEffect: 'The machine is as it was.',
    result: over
      ? {
          kind: 'action',
          action,
          summary: `${machine.name} is changed.`,
          undo: null,
          seconds: 1.5,
          ...script.result,
        }
      : null,
  };
}

function stateHandlers(machine: Machine, script: Script, found: ScriptedEngine['examined']) {
  const reports = [...(script.findings ?? [[]])];
  return {
    'machines.timeline': async () => ({
      ...{ machine: machine.id, snapshots: [], checkpoints: [], points: [], failures: [] },
      ...{ reverts: [], undo: null, chainWarning: null, incomplete: null, ...script.timeline },
    }),
    'checkpoints.states': async () => {
      if (script.states instanceof AppError) throw script.states;
      return { machine: machine.id, at, checkpoints: [], waits: null, ...script.states };
    },
    'doctor.examine': async (input) => {
      found.push(input);
      const findings = (reports.length > 1 ? reports.shift() : reports[0]) ?? [];
      return { machine: machine.id, at, findings, looked: ['libvirt'], notLooked: [] };
    },
    'unfinished.list': async () => script.unfinished ?? [],
  } satisfies Partial<Handlers>;
}

/** `gitea` of the pretend machines is the one that is changed. */
export function scriptedEngine(script: Script = {}): ScriptedEngine {
  const fake = createFakeEngine({ secondsPerJob: 0.05 });
  const machine = fake.state.machines.find(({ name }) => name === 'gitea');
  if (machine === undefined) throw new Error('The pretend machine gitea is gone');
  const started: ScriptedEngine['started'] = [];
  const resolved: ScriptedEngine['resolved'] = [];
  const planned: ScriptedEngine['planned'] = [];
  const examined: ScriptedEngine['examined'] = [];
  let job: Job | null = null;
  const begin = (action: MachineAction): JobId => {
    job = endedJob(machine, action, script);
    return job.id;
  };
  const handlers: Handlers = {
    ...fake.handlers,
    ...stateHandlers(machine, script, examined),
    'actions.plan': async ({ action }) => {
      planned.push(action);
      if (script.planError !== undefined) throw script.planError;
      return aPlan(machine, action, script.plan ?? {});
    },
    'actions.start': async (input) => {
      started.push(input);
      return begin(input.action);
    },
    'unfinished.resolve': async (input) => {
      resolved.push(input);
      const found = script.unfinished?.find(({ id }) => id === input.id);
      if (found === undefined) throw new AppError('not-found', 'There is no such change.');
      return begin(found.action);
    },
    'jobs.get': async (input) => (job?.id === input.job ? job : fake.handlers['jobs.get'](input)),
  };
  return { engine: { ...fake, handlers }, machine, started, resolved, planned, examined };
}
