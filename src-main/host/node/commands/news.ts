/** waymark report and waymark news test: knowing how it is without a window. */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { channelNames } from '#contract/news.ts';
import { AppError, fromWireError } from '#contract/errors.ts';
import { confirmStep, operand, textValue, usage, type Command, type Context } from '../command.ts';
import { exitCodes } from '../output.ts';
import { plain, size } from '../words.ts';

/** Written beside its name first: a report that is there is whole. */
function writeWhole(path: string, text: string): void {
  const beside = `${path}.part`;
  try {
    rmSync(beside, { force: true });
    writeFileSync(beside, text, { flag: 'wx', mode: 0o600 }); // 'wx': through no link of others
    renameSync(beside, path);
  } catch (thrown) {
    rmSync(beside, { force: true });
    throw new AppError(
      'path-invalid',
      `${path} cannot be written.`,
      { path, advice: 'Choose another file with --to.' },
      thrown,
    );
  }
}

async function mayReplace(context: Context, path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  await confirmStep(context, `${path} is there already. Replace it?`);
}

export const reportCommand: Command = {
  name: 'report',
  operands: '',
  summary: 'a page of the last seven days: what is protected, what was missed, space',
  options: {
    to: { type: 'string', value: 'FILE', help: 'where it goes (default: here; - prints it)' },
  },
  count: { min: 0, max: 0 },
  async run(context) {
    const to = textValue(context, 'to');
    if (to === '-' && context.json) throw usage('Either --to - or --json, not both.');
    const client = await context.client();
    const { html, name } = await client.call('report.make', {});
    if (to === '-') {
      context.output.result(null, () => html.trimEnd());
      return exitCodes.done;
    }
    const path = resolve(to ?? name);
    await mayReplace(context, path);
    writeWhole(path, html);
    const bytes = Buffer.byteLength(html);
    context.output.result({ report: { path, sizeBytes: bytes } }, () =>
      plain(`The report is ${path} (${size(bytes)}).`),
    );
    return exitCodes.done;
  },
};

export const newsTestCommand: Command = {
  name: 'news test',
  operands: `<${channelNames.join('|')}>`,
  summary: 'send a test the way news of plans is sent',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const name = operand(context, 0);
    const channel = channelNames.find((known) => known === name);
    if (channel === undefined) throw usage(`The ways are ${channelNames.join(', ')}.`);
    const client = await context.client();
    const channels = await client.call('channels.get', {});
    const test = await client.call('channels.test', { channel, channels });
    if (test.kind === 'failed') throw fromWireError(test.error);
    context.output.result({ channel, sent: true }, () => `A test was sent by ${channel}.`);
    return exitCodes.done;
  },
};
