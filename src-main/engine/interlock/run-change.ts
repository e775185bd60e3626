/**
 * Runs a planned change: every step is journaled before it is done. When one fails, or the person
 * cancels between two, what was done is taken back at once where every step so far can be; where
 * not, the change stays open and a person decides whether it is finished or undone.
 */
import { AppError, hasCode, type ErrorData } from '#contract/errors.ts';
import type { UnfinishedId } from '#contract/moments.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { Change, ChangeLog, OpenChange, TakenBack } from './change-log.ts';
import { execute, type ExecuteParts } from './execute.ts';

export interface RunParts {
  readonly log: ChangeLog;
  readonly execute: ExecuteParts;
  readonly context: JobContext;
}

/** @throws the failed step's error, its data saying whether the change was taken back. */
export async function runChange(parts: RunParts, change: Change): Promise<void> {
  const id = await parts.log.begin(change);
  try {
    await runFrom(parts, id, change);
    await close(parts, id);
  } finally {
    parts.log.release(id);
  }
}

/**
 * Does the rest of a change that was cut off and claimed, the step it was in once more. When that
 * fails it stays open.
 */
export async function finishChange(parts: RunParts, open: OpenChange): Promise<void> {
  const { id, change, progress } = open;
  for (let step = progress.done; step < change.steps.length; step += 1) {
    if (parts.context.signal.aborted) throw cancelled();
    await doStep(parts, id, change, step);
  }
  await close(parts, id);
}

/** Takes back a change that was cut off and claimed. */
export async function undoChange(parts: RunParts, open: OpenChange): Promise<void> {
  const { id, change, progress } = open;
  await takeBack(parts, id, change, lastStep(progress), progress.takenBack);
  await close(parts, id);
}

/** Closes a change that was cut off and claimed, and does nothing else. */
export async function leaveChange({ log }: Pick<RunParts, 'log'>, open: OpenChange): Promise<void> {
  await log.close(open.id);
}

/** Whether everything up to and with this step can be taken back. */
export function canUndo({ steps }: Change, last: number): boolean {
  return steps.slice(0, last + 1).every(({ undo }) => undo !== null);
}

/** The number of the last step that was begun; -1 when none was. */
export function lastStep({ done, begun }: OpenChange['progress']): number {
  return begun ? done : done - 1;
}

async function runFrom(parts: RunParts, id: UnfinishedId, change: Change): Promise<void> {
  for (let step = 0; step < change.steps.length; step += 1) {
    try {
      if (parts.context.signal.aborted) throw cancelled();
      await doStep(parts, id, change, step);
    } catch (thrown) {
      // A file or snapshot of somebody else where the step was to make one: it is not touched.
      const untouched = hasCode(thrown, 'cancelled', 'path-exists', 'name-taken');
      const begun = untouched ? step - 1 : step;
      throw await afterFailure(parts, id, change, begun, thrown);
    }
  }
}

async function doStep(
  { log, execute: executing, context }: RunParts,
  id: UnfinishedId,
  change: Change,
  number: number,
): Promise<void> {
  const step = change.steps[number];
  if (step === undefined) return;
  log.stepBegun(id, number);
  context.setActivity(step.title);
  await context.step(step.title, async () => {
    const parts = { ...executing, begun: log.begunAt(id, number) };
    for (const action of step.actions) await execute(parts, action);
  });
  log.stepDone(id, number);
}

/** Takes back what was done if all of it can be; the error then says so. */
async function afterFailure(
  parts: RunParts,
  id: UnfinishedId,
  change: Change,
  last: number,
  thrown: unknown,
): Promise<unknown> {
  const { world, hypervisor } = parts.execute;
  // Where libvirt itself went away nothing can be taken back now.
  const reachable = await hypervisor.state(change.machine.uuid).then(
    () => true,
    () => false,
  );
  if (!reachable || !canUndo(change, last)) return stopped(change, thrown);
  try {
    await takeBack(parts, id, change, last);
    await close(parts, id);
    return takenBack(change, thrown);
  } catch (again) {
    world.log.error(`Taking back “${change.title}” failed`, again);
    return stopped(change, thrown);
  }
}

/**
 * `before`: how far an earlier try came. What that did is not done again: a machine that was
 * brought back has gone on since, and must neither be stopped nor get its old memory on its newer
 * disks.
 */
async function takeBack(
  { log, execute: executing, context }: RunParts,
  id: UnfinishedId,
  change: Change,
  last: number,
  before: TakenBack | null = null,
): Promise<void> {
  if (!canUndo(change, last)) {
    throw new AppError('refused', `“${change.title}” went too far to be taken back.`, {
      reasons: ['A step that was done cannot be undone.'],
      unharmed: 'Nothing was changed now.',
      advice: 'Finish it instead.',
    });
  }
  log.undoBegun(id);
  for (let number = before?.step ?? last; number >= 0; number -= 1) {
    const step = change.steps[number];
    if (step?.undo === undefined || step.undo === null || step.undo.length === 0) continue;
    const { undo, title } = step;
    const begin = number === before?.step ? before.actions : 0;
    context.setActivity(`Taking back: ${title}`);
    await context.step(`Take back: ${title}`, async () => {
      for (const [index, action] of undo.entries()) {
        if (index < begin) continue;
        await execute({ ...executing, begun: log.begunAt(id, number) }, action);
        log.undoDone(id, { step: number, actions: index + 1 });
      }
    });
  }
}

async function close({ log, execute: { world } }: RunParts, id: UnfinishedId): Promise<void> {
  try {
    await log.close(id);
  } catch (thrown) {
    world.log.error('The journal of a change stays open', thrown); // doing it again is harmless
  }
}

function cancelled(): AppError {
  return new AppError('cancelled', 'Cancelled.');
}

function takenBack(change: Change, thrown: unknown): unknown {
  return withData(thrown, {
    takenBack: true,
    unharmed: `What was done was taken back: ${change.machine.name} is as it was before.`,
  });
}

function stopped(change: Change, thrown: unknown): unknown {
  return withData(thrown, {
    unfinished: true,
    unharmed: `Waymark stopped there. Every restore point of ${change.machine.name} is untouched.`,
    advice: 'Open the machine and choose Finish or Undo.',
  });
}

function withData(thrown: unknown, more: ErrorData): unknown {
  if (!(thrown instanceof AppError)) return thrown;
  return new AppError(thrown.code, thrown.message, { ...thrown.data, ...more }, thrown.cause);
}
