/** waymark backup … */
import type { BackupPlan, Point } from '#contract/domain.ts';
import { passChecks } from '../checks.ts';
import { flag, operand, textValue, textValues, usage, type Command } from '../command.ts';
import { findMachine, findRepository } from '../find.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { passwordFileOption, unlock } from '../secrets.ts';
import { duration, plain, size, table } from '../words.ts';

function checkTargets(plan: BackupPlan, exclude: readonly string[]): void {
  const unknown = exclude.find((target) => !plan.disks.some((disk) => disk.target === target));
  if (unknown === undefined) return;
  const known = plan.disks.map((disk) => disk.target).join(', ');
  throw usage(`${plan.machine.name} has no disk ${unknown}.`, `It has ${known}.`);
}

function pointWords(point: Point, seconds: number): string {
  const skipped = point.skipped.map(({ target, reason }) => `${target} (${reason})`).join(', ');
  return [
    `Restore point ${point.id} of ${plain(point.machine.name)} in ` +
      `${plain(point.repository.name)}, ${duration(seconds)}.`,
    table(
      ['disk', 'mode', 'size', 'read', 'stored'],
      point.disks.map((disk) => [
        disk.target,
        disk.mode + (disk.reason === undefined ? '' : ` (${disk.reason})`),
        size(disk.sizeBytes),
        size(disk.readBytes),
        size(disk.storedBytes),
      ]),
    ),
    ...(skipped === '' ? [] : [`Not in it: ${skipped}.`]),
  ].join('\n');
}

export const backupCommand: Command = {
  name: 'backup',
  operands: '<machine>',
  summary: 'make a restore point of a machine in a repository',
  options: {
    to: { type: 'string', value: 'REPOSITORY', help: 'where the restore point goes' },
    reread: { type: 'boolean', help: 'read everything, not only what changed' },
    exclude: {
      type: 'string',
      multiple: true,
      value: 'TARGET',
      help: 'leave this disk out; may be given more than once',
    },
    'password-file': passwordFileOption,
  },
  count: { min: 1, max: 1 },
  async run(context) {
    const to = textValue(context, 'to');
    if (to === undefined) throw usage('Where to? --to REPOSITORY is needed.');
    const client = await context.client();
    const machine = await findMachine(client, operand(context, 0));
    const repository = await findRepository(client, to);
    await unlock(context, client, repository);
    const wanted = {
      machine: machine.id,
      repository: repository.id,
      exclude: [...textValues(context, 'exclude')],
      reread: flag(context, 'reread'),
    };
    const plan = await client.call('backup.plan', wanted);
    checkTargets(plan, wanted.exclude);
    const accepted = [...(await passChecks(context, plan.checks))];
    const { job, result, exitCode } = await follow(context, client, () =>
      client.call('backup.start', { ...wanted, accepted }),
    );
    if (result?.kind !== 'backup') throw unexpectedResult(job);
    const { point, seconds } = result;
    context.output.result({ point, seconds }, () => pointWords(point, seconds));
    return exitCode;
  },
};
