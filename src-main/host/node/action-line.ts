/** An action as the command a person types for it. */
import type { MachineAction } from '#contract/actions.ts';

/** A word as a shell needs it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function option(name: string, value: string): readonly string[] {
  return value.startsWith('-') ? [`--${name}=${value}`] : [`--${name}`, value];
}

/** `operands` may begin with a dash: then the options come before them. */
function line(
  command: string,
  operands: readonly string[],
  options: readonly string[] = [],
): string {
  const dashed = operands.some((word) => word.startsWith('-'));
  const words = dashed ? [...options, '--', ...operands] : [...operands, ...options];
  return ['waymark', command, ...words.map(quoted)].join(' ');
}

/**
 * The line to type. `machine` is the word that names the machine: its name, uuid or `host/name`.
 * A repair of single findings has no command of its own: the line repairs all that can be.
 */
export function actionLine(machine: string, action: MachineAction): string {
  switch (action.kind) {
    case 'snapshot-create':
      return line(
        'snapshot create',
        [machine, action.name],
        [
          ...(action.memory ? ['--memory'] : []),
          ...(action.storage === 'auto' ? [] : ['--kind', action.storage]),
          ...(action.description === '' ? [] : option('description', action.description)),
          ...(action.freeze ? ['--freeze'] : []),
          ...(action.disks ?? []).flatMap((target) => option('disk', target)),
        ],
      );
    case 'snapshot-revert':
      return line(
        'snapshot revert',
        [machine, action.name],
        [
          ...(action.to === 'as-taken' ? [] : ['--to', action.to]),
          ...(action.keep ? [] : ['--no-undo']),
        ],
      );
    case 'revert-undo':
      return line('snapshot undo', [machine]);
    case 'snapshot-delete':
      return line(
        'snapshot delete',
        [machine, ...action.names],
        action.children ? ['--children'] : [],
      );
    case 'checkpoint-create':
      return line('checkpoint create', [machine]);
    case 'checkpoint-delete':
      return line('checkpoint delete', [machine, ...action.names]);
    case 'repair':
      return line(
        'checkpoint doctor',
        [machine],
        ['--repair', ...(action.details ? ['--details'] : [])],
      );
  }
}
