/** Changes of snapshots and checkpoints: planned, shown, run; and those that were cut off. */
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import type { Handlers, Input } from '#contract/contract.ts';
import type { JobId, JobResult } from '#contract/domain.ts';
import { AppError, hasCode } from '#contract/errors.ts';
import type { Unfinished } from '#contract/moments.ts';
import type { FoundMachine } from '#engine/fleet/fleet.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { Change, OpenChange } from '#engine/interlock/change-log.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { showPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import { finishChange, leaveChange, runChange, undoChange } from '#engine/interlock/run-change.ts';
import { viewUnfinished } from '#engine/interlock/unfinished.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { Rooms } from '../engine.ts';
import { backupBefore, backupFirst, sameDecision } from './before-revert.ts';
import { executeParts, factsOf, jobKindOf, keptSince, refuseUnagreed } from './changes.ts';
import { planOf } from './planners.ts';
import type { Schedule } from './plans.ts';

type Calls = 'actions.plan' | 'actions.start' | 'unfinished.list' | 'unfinished.resolve';

export function actionHandlers(rooms: Rooms, schedule: Schedule): Pick<Handlers, Calls> {
  return {
    'actions.plan': async ({ machine, action }) => {
      const { facts, plan } = await planNow(rooms, rooms.fleet.find(machine), action);
      const shown = showPlan(facts, plan);
      if (shown.verdict === 'refused') return shown;
      return { ...shown, checks: [...shown.checks, ...backupFirst(schedule, machine, action)] };
    },
    'actions.start': (input) => start(rooms, schedule, input),
    'unfinished.list': () => listUnfinished(rooms),
    'unfinished.resolve': ({ id, how }) => resolveUnfinished(rooms, id, how),
  };
}

interface Planned {
  readonly facts: MachineFacts;
  readonly plan: EnginePlan;
}

async function planNow(
  rooms: Rooms,
  found: FoundMachine,
  action: MachineAction,
  hypervisor?: Hypervisor,
  job?: JobId,
): Promise<Planned> {
  const facts = await factsOf(rooms, found, hypervisor, job);
  return { facts, plan: await planOf(rooms, found, facts, action) };
}

async function start(
  rooms: Rooms,
  schedule: Schedule,
  input: Input<'actions.start'>,
): Promise<JobId> {
  const { machine, action } = input;
  const found = rooms.fleet.find(machine);
  const { facts, plan } = await planNow(rooms, found, action);
  const agreed = showPlan(facts, plan);
  refuseUnagreed(agreed, input);
  const before = backupBefore(schedule, machine, action);
  return rooms.jobs.start({
    kind: jobKindOf(action),
    title: plan.title,
    machine: { id: machine, uuid: facts.uuid, name: facts.name },
    repository: null,
    cancelEffect:
      'The step that runs now comes to its end. What was done is then taken back, or, where it ' +
      'cannot be, waits for you to finish it.',
    ...(before === null ? {} : { after: before.after }),
    run: (context) => run(rooms, found, input, context, before?.wasMade() === true ? agreed : null),
  });
}

/**
 * Plans once more, now that nothing else can run on the machine: what runs is what was shown.
 * @param agreed the plan a person agreed to, where our own backup changed its steps since
 */
async function run(
  rooms: Rooms,
  found: FoundMachine,
  input: Input<'actions.start'>,
  context: JobContext,
  agreed: ActionPlan | null,
): Promise<JobResult> {
  return onMachine(rooms, found, async (hypervisor) => {
    const { facts, plan } = await context.step('Look at the machine', () =>
      planNow(rooms, found, input.action, hypervisor, context.id),
    );
    const same = agreed === null ? undefined : (now: ActionPlan) => sameDecision(agreed, now);
    refuseUnagreed(showPlan(facts, plan), input, same);
    const since = rooms.world.clock.monotonic();
    const change: Change = {
      machine: { id: facts.id, uuid: facts.uuid, name: facts.name },
      host: found.host.id,
      action: plan.action,
      title: plan.title,
      steps: plan.steps,
      done: plan.done,
      undoAction: plan.undoAction,
    };
    const about = { uuid: facts.uuid, lostSince: keptSince(facts) };
    const parts = {
      log: rooms.changeLog,
      execute: executeParts(rooms, hypervisor, about, context),
      context,
    };
    await runChange(parts, change);
    return resultOf(rooms, change, since);
  });
}

function resultOf(rooms: Rooms, change: Change, since: number): JobResult {
  return {
    kind: 'action',
    action: change.action,
    summary: change.done,
    undo: change.undoAction,
    seconds: (rooms.world.clock.monotonic() - since) / 1000,
  };
}

/** With a connection of the job's own, what an older crash left undone, and the screens told. */
async function onMachine(
  rooms: Rooms,
  found: FoundMachine,
  work: (hypervisor: Hypervisor) => Promise<JobResult>,
): Promise<JobResult> {
  const { fleet } = rooms;
  const { uuid } = found.record;
  const leave = await rooms.enterMachine(found.host, uuid);
  try {
    const hypervisor = await rooms.connect(found.host);
    try {
      return await work(hypervisor);
    } finally {
      await hypervisor.close();
      await fleet.refresh(found.id).catch(() => undefined); // the machine may be gone
      fleet.touch(uuid);
    }
  } finally {
    leave();
    rooms.emit('unfinished.changed', await listUnfinished(rooms));
  }
}

async function listUnfinished(rooms: Rooms): Promise<readonly Unfinished[]> {
  return (await rooms.changeLog.cutOff()).map((open) => viewUnfinished(open, isGone(rooms, open)));
}

/** Only where its host answers: of one that is away nobody knows. */
function isGone({ fleet }: Rooms, { change }: OpenChange): boolean {
  try {
    fleet.find(change.machine.id);
    return false;
  } catch (thrown) {
    if (hasCode(thrown, 'machine-not-found')) return true;
    if (thrown instanceof AppError) return false;
    throw thrown;
  }
}

type Way = Input<'unfinished.resolve'>['how'];

const ways = { finish: finishChange, undo: undoChange } as const;
const wayWords = { finish: 'Finish', undo: 'Undo', leave: 'Leave' } as const;

async function resolveUnfinished(rooms: Rooms, id: Unfinished['id'], how: Way): Promise<JobId> {
  const { changeLog, fleet, jobs } = rooms;
  const open = await changeLog.claim(id);
  try {
    const { machine, title } = open.change;
    refuseImpossible(viewUnfinished(open, isGone(rooms, open)), how);
    const run =
      how === 'leave'
        ? () => leave(rooms, open)
        : (context: JobContext) => resolve(rooms, fleet.find(machine.id), open, how, context);
    return jobs.start({
      kind: jobKindOf(open.change.action),
      title: `${wayWords[how]}: ${title}`,
      machine: { id: machine.id, uuid: machine.uuid, name: machine.name },
      repository: null,
      cancelEffect: 'The change stays unfinished and is offered again.',
      run,
    });
  } catch (thrown) {
    changeLog.release(id);
    throw thrown;
  }
}

async function resolve(
  rooms: Rooms,
  found: FoundMachine,
  open: OpenChange,
  how: Exclude<Way, 'leave'>,
  context: JobContext,
): Promise<JobResult> {
  try {
    return await onMachine(rooms, found, async (hypervisor) => {
      const since = rooms.world.clock.monotonic();
      const about = { uuid: open.change.machine.uuid, lostSince: null };
      const parts = {
        log: rooms.changeLog,
        execute: executeParts(rooms, hypervisor, about, context),
        context,
      };
      await ways[how](parts, open);
      rooms.changeLog.release(open.id);
      if (how === 'finish') return resultOf(rooms, open.change, since);
      const done = `“${open.change.title}” was undone.`;
      return resultOf(rooms, { ...open.change, done, undoAction: null }, since);
    });
  } finally {
    rooms.changeLog.release(open.id);
  }
}

/** Needs neither libvirt nor the machine: both may be what is gone. */
async function leave(rooms: Rooms, open: OpenChange): Promise<JobResult> {
  const { changeLog, world } = rooms;
  try {
    const done = `“${open.change.title}” was left as it is.`;
    await leaveChange({ log: changeLog }, open);
    return resultOf(rooms, { ...open.change, done, undoAction: null }, world.clock.monotonic());
  } finally {
    changeLog.release(open.id);
    rooms.emit('unfinished.changed', await listUnfinished(rooms));
  }
}

function refuseImpossible(unfinished: Unfinished, how: Way): void {
  if (unfinished[how] !== null) return;
  const why = unfinished.why === '' ? 'Finish it or undo it.' : unfinished.why;
  throw new AppError('refused', why, {
    reasons: [why],
    preflight: true,
    unharmed: 'Nothing was touched.',
  });
}
