/** A change that was cut off, as a person is asked about it. */
import type { Named, MachineId } from '#contract/domain.ts';
import type { Unfinished } from '#contract/moments.ts';
import type { OpenChange } from './change-log.ts';
import { canUndo, lastStep } from './run-change.ts';

export function viewUnfinished({ id, startedAt, change, progress }: OpenChange): Unfinished {
  const last = lastStep(progress);
  const titles = (from: number, to: number) =>
    change.steps.slice(from, to).map(({ title }) => title);
  const left = titles(progress.done, change.steps.length);
  const undoable = canUndo(change, last);
  const bothWays = undoable && !progress.undoing;
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
    finish: progress.undoing ? null : finishWords(left),
    undo: undoable ? undoWords(change.machine.name, last) : null,
    leave: bothWays ? null : leaveWords(change.machine.name),
    why: why(progress.undoing, undoable),
  };
}

function finishWords(left: readonly string[]): string {
  if (left.length === 0) return 'Nothing is left to do; this only closes the record.';
  return `Does the rest: ${left.join('; ')}.`;
}

function undoWords(name: string, last: number): string {
  if (last < 0) return 'Nothing was begun; this only closes the record.';
  return `Takes back what was done, so that ${name} is as it was before.`;
}

/** With one way left, and that one failing, nothing could be done to the machine ever again. */
function leaveWords(name: string): string {
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
