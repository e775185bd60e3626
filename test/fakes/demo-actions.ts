/** Snapshots and checkpoints of the pretend machines: plans, jobs, changes that were cut off. */
import type { MachineAction } from '#contract/actions.ts';
import type { Handlers, Input } from '#contract/contract.ts';
import type { Job, Machine } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { Snapshot } from '#contract/moments.ts';
import { unmet } from '#contract/pre-flight.ts';
import { findingsOf, reportOf } from './demo-doctor.ts';
import type { DemoFacts } from './demo-draft.ts';
import { demoCheckpoints } from './demo-points.ts';
import { planOf } from './demo-plans.ts';
import { doomedSnapshots } from './demo-snapshot-plans.ts';
import { checkpointsOf, storyOf, type Story } from './demo-story.ts';
import type { Demo } from './handlers.ts';

type Calls =
  'actions.plan' | 'actions.start' | 'unfinished.list' | 'unfinished.resolve' | 'doctor.examine';

const wayWords = { finish: 'Finish', undo: 'Undo', leave: 'Leave' } as const;

const jobKinds: { readonly [Kind in MachineAction['kind']]: Job['kind'] } = {
  'snapshot-create': 'snapshot',
  'snapshot-revert': 'revert',
  'revert-undo': 'revert',
  'snapshot-delete': 'snapshot-delete',
  'checkpoint-create': 'checkpoint',
  'checkpoint-delete': 'checkpoint',
  repair: 'doctor',
};

function factsOf(demo: Demo, machine: Machine): DemoFacts {
  const story = storyOf(demo.state, machine, demo.now());
  const job = demo.jobs.ofMachine(machine.id);
  const cutOff = demo.state.unfinished.find((one) => one.machine.id === machine.id);
  return {
    machine,
    story,
    now: demo.now(),
    findings: findingsOf(machine, story),
    busy: job === null ? null : demo.jobs.get(job).title,
    unfinished: cutOff?.title ?? null,
  };
}

function taken(machine: Machine, story: Story, change: Partial<Snapshot>): Snapshot {
  return {
    name: '',
    description: '',
    time: 0,
    parent: story.snapshots.find(({ current }) => current)?.name ?? null,
    current: true,
    machineState: machine.state,
    kind: 'internal',
    memory: false,
    disks: machine.disks.filter((disk) => disk.tracking.kind !== 'skipped').map((d) => d.target),
    details: [],
    memoryBytes: null,
    picture: false,
    undoPoint: false,
    broken: null,
    deleting: false,
    ...change,
  };
}

function standOn(story: Story, name: string | null): void {
  story.snapshots = story.snapshots.map((one) => ({ ...one, current: one.name === name }));
}

/** Goes back; null `keep` keeps nothing. */
function goBack(
  demo: Demo,
  machine: Machine,
  job: Job['id'],
  to: string,
  keep: string | null,
): void {
  const story = storyOf(demo.state, machine, demo.now());
  const time = demo.now();
  if (keep !== null) {
    const memory = machine.state === 'running';
    story.snapshots.push(taken(machine, story, { name: keep, time, memory, undoPoint: true }));
  }
  const there = story.snapshots.find(({ name }) => name === to);
  standOn(story, to);
  story.reverts.unshift({ job, time, to, kept: keep, lostSince: machine.lastPoint?.time ?? null });
  const fresh = demoCheckpoints(machine).map((one) => ({ ...one, role: 'unused', time }) as const);
  story.checkpoints = checkpointsOf(story, machine).length === 0 ? [] : fresh;
  const running = there?.memory === true;
  demo.putMachine({ ...demo.machine(machine.id), state: running ? 'running' : 'off' });
}

/** Does it, and answers with what the job says and what undoes it. */
function done(
  demo: Demo,
  machine: Machine,
  job: Job['id'],
  action: MachineAction,
): { readonly summary: string; readonly undo: MachineAction | null } {
  const story = storyOf(demo.state, machine, demo.now());
  const { name } = machine;
  switch (action.kind) {
    case 'snapshot-create': {
      const { description, memory } = action;
      const made = taken(machine, story, { name: action.name, description, memory });
      standOn(story, null);
      story.snapshots.push({ ...made, time: demo.now() });
      const undo: MachineAction = {
        kind: 'snapshot-delete',
        names: [action.name],
        children: false,
      };
      return { summary: `${name} has the snapshot ${action.name}.`, undo };
    }
    case 'snapshot-revert': {
      const kept = action.keep ? `before-revert-${story.reverts.length + 1}` : null;
      goBack(demo, machine, job, action.name, kept);
      const undo = action.keep ? ({ kind: 'revert-undo' } as const) : null;
      return { summary: `${name} is back at ${action.name}.`, undo };
    }
    case 'revert-undo': {
      const kept = story.reverts[0]?.kept ?? '';
      goBack(demo, machine, job, kept, null);
      return { summary: `${name} is back where it was before the revert.`, undo: null };
    }
    case 'snapshot-delete': {
      const doomed = new Set(doomedSnapshots(story, action));
      story.snapshots = story.snapshots
        .filter((one) => !doomed.has(one.name))
        .map((one) => (doomed.has(one.parent ?? '') ? { ...one, parent: null } : one));
      const count = doomed.size;
      return { summary: `${count} ${count === 1 ? 'snapshot' : 'snapshots'} deleted.`, undo: null };
    }
    case 'checkpoint-create':
      return { summary: `${name} measures changes from here on.`, undo: null };
    case 'checkpoint-delete':
      story.checkpoints = checkpointsOf(story, machine).filter(
        (one) => !action.names.includes(one.name),
      );
      return { summary: 'The checkpoint is gone.', undo: null };
    case 'repair':
      for (const id of action.findings) story.repaired.add(id);
      return { summary: `${name} is repaired.`, undo: null };
  }
}

/** Says no as the real engine does: another plan by now, a tick or a name that is missing. */
function checkStart(demo: Demo, input: Input<'actions.start'>): void {
  const plan = planOf(factsOf(demo, demo.machine(input.machine)), input.action);
  const unharmed = 'Nothing was touched.';
  if (plan.fingerprint !== input.fingerprint) {
    const message = 'The machine changed since the plan was made.';
    throw new AppError('refused', message, { changed: true, unharmed });
  }
  if (plan.verdict === 'refused') {
    throw new AppError('refused', plan.reasons[0]?.title ?? 'It is refused.', { unharmed });
  }
  const open = unmet(plan.checks, input.accepted);
  const named = plan.confirm === null || plan.confirm === input.typed;
  if (open.length === 0 && named) return;
  throw new AppError('refused', 'It was not confirmed.', {
    reasons: open.map(({ title }) => title),
    unharmed,
  });
}

function startAction(demo: Demo, input: Input<'actions.start'>): Job['id'] {
  checkStart(demo, input);
  const machine = demo.machine(input.machine);
  const plan = planOf(factsOf(demo, machine), input.action);
  const steps = plan.steps.filter(({ runs }) => runs).map(({ title }) => title);
  const id: Job['id'] = demo.jobs.start({
    kind: jobKinds[input.action.kind],
    title: plan.title,
    machine: { id: machine.id, name: machine.name },
    repository: null,
    activity: steps[0] ?? plan.title,
    totalBytes: plan.costs.bytes ?? 0,
    storedShare: 0,
    steps,
    cancelEffect: 'The steps that were done are undone.',
    finish: () => {
      const { summary, undo } = done(demo, demo.machine(machine.id), id, input.action);
      demo.emit('timeline.changed', { machine: machine.id });
      const { secondsPerJob: seconds } = demo;
      const result = { kind: 'action', action: input.action, summary, undo, seconds } as const;
      return { outcome: { kind: 'done' }, result };
    },
  });
  return id;
}

function resolve(demo: Demo, { id, how }: Input<'unfinished.resolve'>): Job['id'] {
  const change = demo.state.unfinished.find((one) => one.id === id);
  if (change === undefined) throw new AppError('not-found', 'This change was resolved already.');
  const words = change[how];
  if (words === null) {
    throw new AppError('refused', change.why, { unharmed: 'Nothing was touched.' });
  }
  const job: Job['id'] = demo.jobs.start({
    kind: jobKinds[change.action.kind],
    title: `${wayWords[how]}: ${change.title}`,
    machine: change.machine,
    repository: null,
    activity: words,
    totalBytes: 0,
    storedShare: 0,
    steps: [words],
    cancelEffect: 'The change stays cut off.',
    finish: () => {
      demo.state.unfinished = demo.state.unfinished.filter((one) => one.id !== id);
      const machine = demo.machine(change.machine.id);
      if (how === 'finish') done(demo, machine, job, change.action);
      demo.emit('unfinished.changed', [...demo.state.unfinished]);
      demo.emit('timeline.changed', { machine: machine.id });
      const { secondsPerJob: seconds } = demo;
      const summary = `${change.title}: ${how === 'finish' ? 'finished' : 'undone'}.`;
      const result = { kind: 'action', action: change.action, summary, undo: null, seconds };
      return { outcome: { kind: 'done' }, result: { ...result, kind: 'action' } };
    },
  });
  return job;
}

export function actionHandlers(demo: Demo): Pick<Handlers, Calls> {
  return {
    'actions.plan': async ({ machine, action }) =>
      planOf(factsOf(demo, demo.machine(machine)), action),
    'actions.start': async (input) => startAction(demo, input),
    'unfinished.list': async () => [...demo.state.unfinished],
    'unfinished.resolve': async (input) => resolve(demo, input),
    'doctor.examine': async ({ machine, details }) => {
      const found = demo.machine(machine);
      const story = storyOf(demo.state, found, demo.now());
      return reportOf(found, story, details, demo.now());
    },
  };
}
