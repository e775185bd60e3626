/** waymark practice … */
import { flag, type Command } from '../command.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { exitCodes } from '../output.ts';
import { plain } from '../words.ts';

const create: Command = {
  name: 'practice create',
  operands: '',
  summary: 'make a tiny real machine to try everything on, and its repository',
  options: { 'no-repository': { type: 'boolean', help: 'only the machine' } },
  count: { min: 0, max: 0 },
  async run(context) {
    const client = await context.client();
    const repository = !flag(context, 'no-repository');
    const { job, result, exitCode } = await follow(context, client, () =>
      client.call('practice.create', { repository }),
    );
    if (result?.kind !== 'other') throw unexpectedResult(job);
    const { practice } = await client.call('app.info', {});
    context.output.result({ practice }, () =>
      [plain(result.summary), 'Try: waymark backup waymark-practice --to Practice'].join('\n'),
    );
    return exitCode;
  },
};

function simple(verb: 'start' | 'stop', summary: string, done: string): Command {
  return {
    name: `practice ${verb}`,
    operands: '',
    summary,
    options: {},
    count: { min: 0, max: 0 },
    async run(context) {
      const client = await context.client();
      await client.call(`practice.${verb}`, {});
      const { practice } = await client.call('app.info', {});
      context.output.result({ practice }, () => done);
      return exitCodes.done;
    },
  };
}

const remove: Command = {
  name: 'practice remove',
  operands: '',
  summary: 'remove the practice machine, its repository and its host',
  options: {},
  count: { min: 0, max: 0 },
  async run(context) {
    const client = await context.client();
    await client.call('practice.remove', {});
    const { practice } = await client.call('app.info', {});
    context.output.result({ practice }, () => 'The practice machine is removed.');
    return exitCodes.done;
  },
};

export const practiceCommands: readonly Command[] = [
  create,
  simple('start', 'start the practice machine', 'The practice machine runs.'),
  simple('stop', 'stop the practice machine', 'The practice machine is off.'),
  remove,
];
