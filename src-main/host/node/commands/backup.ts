/** waymark backup … */
import type { BackupPlan, Check, Point } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import {
  confirmStep,
  flag,
  operand,
  textValue,
  usage,
  type Command,
  type Context,
} from '../command.ts';
import { findMachine, findRepository } from '../find.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { passwordFileOption, unlock } from '../secrets.ts';
import { duration, plain, size, table } from '../words.ts';

/**
 * Judges a pre-flight: a blocker is `refused` with every reason; warnings that ask are put to the
 * person (or `--yes`). Returns the ids of the accepted ones.
 */
export async function passChecks(
  context: Context,
  checks: readonly Check[],
): Promise<readonly string[]> {
  const blockers = checks.filter((check) => check.level === 'blocker');
  if (blockers.length > 0) {
    throw new AppError('refused', blockers[0]?.title ?? 'The pre-flight says no.', {
      reasons: blockers.map((check) => `${check.title}: ${check.detail}`),
      checks: blockers.map(({ id, title, detail }) => ({ id, title, detail })),
      unharmed: 'Nothing was touched.',
    });
  }
  for (const check of checks) {
    if (check.level === 'warning') context.output.note(`${check.title}: ${check.detail}`);
  }
  const asking = checks.filter((check) => check.accept !== undefined);
  for (const check of asking) {
    await confirmStep(context, `${check.title}: ${check.accept ?? check.detail}`);
  }
  return asking.map((check) => check.id);
}

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
    const excluded = context.values['exclude'];
    const wanted = {
      machine: machine.id,
      repository: repository.id,
      exclude: Array.isArray(excluded) ? [...(excluded as readonly string[])] : [],
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
