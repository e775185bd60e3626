/** A change that was cut off, as a person is asked about it. */
import type { Named, MachineId } from '#contract/domain.ts';
import type { Unfinished } from '#contract/moments.ts';
import type { Change, OpenChange } from './change-log.ts';
import { canUndo, lastStep } from './run-change.ts';

/** @param gone libvirt does not know the machine any more. */
export function viewUnfinished(
  { id, startedAt, change, progress }: OpenChange,
  gone = false,
): Unfinished {
  const last = lastStep(progress);
  const titles = (from: number, to: number) =>
    change.steps.slice(from, to).map(({ title }) => title);
  const left = titles(progress.done, change.steps.length);
  const undoable = canUndo(change, last);
  const canFinish = !progress.undoing && !gone;
  const canTakeBack = undoable && !gone;
  const machine: Named<MachineId> = { id: change.machine.id, name: change.machine.name };
  return {
    id,
    machine,
    action: change.action,
    title: change.title,
    startedAt,
    steps: change.steps.map(({ title }, index) => ({
      title,
      state: index < progress.done ? 'done' : index === last ? 'cut-off' : 'not-begun',
    })),
    finish: canFinish ? finishWords(left) + lossWords(change, progress.done) : null,
    undo: canTakeBack ? undoWords(change.machine.name, last) : null,
    leave: canFinish && canTakeBack ? null : leaveWords(change.machine.name, gone),
    why: gone ? goneWords(change.machine.name) : why(progress.undoing, undoable),
  };
}

function finishWords(left: readonly string[]): string {
  if (left.length === 0) return 'Nothing is left to do; this only closes the record.';
  return `Does the rest: ${left.join('; ')}.`;
}

/** It may have been started since, and worked with for days. */
function lossWords({ machine, steps }: Change, done: number): string {
  const goesBack = steps
    .slice(done)
    .some(({ actions }) =>
      actions.some((one) => one.do === 'revert-snapshot' || one.do === 'define'),
    );
  if (!goesBack) return '';
  return ` What ${machine.name} did since it was cut off is lost then.`;
}

function goneWords(name: string): string {
  return `libvirt does not know ${name} any more, so nothing can be done to it.`;
}

function undoWords(name: string, last: number): string {
  if (last < 0) return 'Nothing was begun; this only closes the record.';
  return `Takes back what was done, so that ${name} is as it was before.`;
}

/** With one way left, and that one failing, nothing else could be done to the machine again. */
function leaveWords(name: string, gone: boolean): string {
  if (gone) return 'Closes the record. Files that were made for it stay where they are.';
  return (
    `Changes nothing more and closes the record: ${name} stays as it is now. For when it is as ` +
    'you want it, or was mended by other means.'
  );
}

function why(undoing: boolean, undoable: boolean): string {
  if (undoing) return 'Undoing was begun already, so it can only be undone to the end.';
  if (!undoable) return 'A step that was begun cannot be undone, so it can only be finished.';
  return '';
}
