/** waymark change …: what to do with a change of a machine that was cut off half way */
import type { Client } from '#contract/client.ts';
import { AppError } from '#contract/errors.ts';
import type { Unfinished } from '#contract/moments.ts';
import { operand, type Command } from '../command.ts';
import { findUnfinished } from '../find.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { exitCodes } from '../output.ts';
import { resultValue, resultWords, unfinishedWays } from '../run-action.ts';
import { moment, plainLines } from '../words.ts';

const stepWords: Readonly<Record<Unfinished['steps'][number]['state'], string>> = {
  done: 'done',
  'cut-off': 'CUT OFF',
  'not-begun': 'not begun',
};

function changeWords(change: Unfinished): string {
  const lines = [
    `${change.title}: cut off`,
    `  Id: ${change.id}`,
    `  Machine: ${change.machine.name}`,
    `  Begun: ${moment(change.startedAt)}`,
    ...change.steps.map(
      ({ title, state }, index) => `  ${index + 1}. ${title}: ${stepWords[state]}`,
    ),
    ...(change.why === '' ? [] : [`  ${change.why}`]),
    ...(change.finish === null ? [] : [`  Finishing it: ${change.finish}`]),
    ...(change.undo === null ? [] : [`  Undoing it: ${change.undo}`]),
    ...(change.leave === null ? [] : [`  Leaving it: ${change.leave}`]),
    ...unfinishedWays(change).map(({ title, command }) => `  ${title}: ${command}`),
  ];
  return plainLines(lines.join('\n'));
}

const list: Command = {
  name: 'change list',
  operands: '',
  summary: 'changes that were cut off half way and wait to be finished or undone',
  options: {},
  count: { min: 0, max: 0 },
  async run(context) {
    const changes = await (await context.client()).call('unfinished.list', {});
    context.output.result({ changes }, () =>
      changes.length === 0 ? 'No change was cut off.' : changes.map(changeWords).join('\n\n'),
    );
    return exitCodes.done;
  },
};

/** `refused` with the other way out when this one is not open. */
function checkOpen(change: Unfinished, how: Way): void {
  if (change[how] !== null) return;
  throw new AppError('refused', `"${change.title}" cannot be ${verbs[how]}.`, {
    reasons: change.why === '' ? [] : [change.why],
    unharmed: 'Nothing was touched.',
    advice: unfinishedWays(change).map(({ title, command }) => `${title}: ${command}`),
  });
}

const verbs = { finish: 'finished', undo: 'undone', leave: 'left as it is' } as const;
type Way = keyof typeof verbs;

function resolve(how: Way, summary: string): Command {
  return {
    name: `change ${how}`,
    operands: '<id>',
    summary,
    options: {},
    count: { min: 1, max: 1 },
    async run(context) {
      const client: Client = await context.client();
      const change = await findUnfinished(client, operand(context, 0));
      checkOpen(change, how);
      const { job, result, exitCode } = await follow(context, client, () =>
        client.call('unfinished.resolve', { id: change.id, how }),
      );
      if (result?.kind !== 'action') throw unexpectedResult(job);
      context.output.result(resultValue(result), () => resultWords(change.machine.name, result));
      return exitCode;
    },
  };
}

export const changeCommands: readonly Command[] = [
  list,
  resolve('finish', 'do the rest of a change that was cut off'),
  resolve('undo', 'take back what a change that was cut off had done'),
  resolve('leave', 'close the record of one that can be finished or undone only, as it is'),
];
