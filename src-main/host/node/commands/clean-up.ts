/** waymark repository gc */
import type { CleanUpPlan } from '#contract/plans.ts';
import { flag, operand, type Command } from '../command.ts';
import { findRepository } from '../find.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { exitCodes } from '../output.ts';
import { passwordFileOption, unlock } from '../secrets.ts';
import { moment, plain, sheet, size, table } from '../words.ts';

function planWords(plan: CleanUpPlan): string {
  const { points, packsDeleted, packsRewritten, freesBytes, writesBytes } = plan;
  if (points.length + packsDeleted + packsRewritten === 0) {
    return `There is nothing to free in ${plain(plan.repository.name)}. Nothing was changed.`;
  }
  return [
    sheet([
      ['Frees', size(Math.max(0, freesBytes))],
      ['Packs deleted', String(packsDeleted)],
      ['Packs written anew', `${packsRewritten}, ${size(writesBytes)} copied`],
      ['Restore points gone for good', String(points.length)],
    ]),
    ...(points.length === 0
      ? []
      : [
          table(
            ['id', 'time', 'machine', 'removed', 'by'],
            points.map((point) => [
              point.id,
              moment(point.time),
              point.machine.name,
              moment(point.removedAt),
              point.by,
            ]),
          ),
        ]),
    'Nothing was changed.',
  ].join('\n\n');
}

export const cleanUpCommand: Command = {
  name: 'repository gc',
  operands: '<name>',
  summary: 'free the space of points removed too long ago to be taken back',
  options: {
    'dry-run': { type: 'boolean', help: 'only say what it would delete and free' },
    'password-file': passwordFileOption,
  },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const found = await findRepository(client, operand(context, 0));
    await unlock(context, client, found);
    const repository = found.id;
    if (flag(context, 'dry-run')) {
      const plan = await client.call('repositories.plan-clean-up', { repository });
      context.output.result({ plan }, () => planWords(plan));
      return exitCodes.done;
    }
    const started = context.now();
    const { result, exitCode, job } = await follow(context, client, () =>
      client.call('repositories.clean-up', { repository }),
    );
    if (result?.kind !== 'other') throw unexpectedResult(job);
    const seconds = (context.now() - started) / 1000;
    context.output.result({ summary: result.summary, seconds }, () => plain(result.summary));
    return exitCode;
  },
};
