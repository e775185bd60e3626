/** waymark restore … */
import { resolve } from 'node:path';
import type { Client } from '#contract/client.ts';
import type { RestoreTarget } from '#contract/inputs.ts';
import type { Host, JobResult, Point } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { passChecks } from '../checks.ts';
import { flag, operand, textValue, usage, type Command, type Context } from '../command.ts';
import { findHost, findPoint, findRepository } from '../find.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { passwordFileOption, unlock, unlockAll } from '../secrets.ts';
import { duration, plain, size, table } from '../words.ts';
import { notYet } from './later.ts';

/** A new machine's host: the one asked for, else where the point was made, else the only one. */
async function targetHost(context: Context, client: Client, point: Point): Promise<Host> {
  const wanted = textValue(context, 'host');
  if (wanted !== undefined) return findHost(client, wanted);
  const hosts = await client.call('hosts.list', {});
  const same = hosts.find((host) => host.name === point.host);
  const [only] = hosts;
  if (same !== undefined) return same;
  if (only !== undefined && hosts.length === 1) return only;
  throw new AppError('host-not-found', `The host ${point.host} is not in the list.`, {
    unharmed: 'Nothing was written.',
    advice: 'Say where the new machine goes: --host HOST.',
  });
}

function imageTarget(context: Context, disk: string): RestoreTarget {
  const image = textValue(context, 'image');
  if (image === undefined) throw usage('--disk needs --image PATH.');
  const path = resolve(image);
  const format = textValue(context, 'format') ?? (path.endsWith('.qcow2') ? 'qcow2' : 'raw');
  if (format !== 'raw' && format !== 'qcow2') throw usage('--format is raw or qcow2.');
  return { kind: 'image', disk, path, format };
}

async function machineTarget(
  context: Context,
  client: Client,
  point: Point,
  name: string,
): Promise<RestoreTarget> {
  const folder = textValue(context, 'folder');
  const host = await targetHost(context, client, point);
  return {
    kind: 'new-machine',
    host: host.id,
    name,
    folder: folder === undefined ? null : resolve(folder),
    network: 'disconnected',
    start: flag(context, 'start'),
  };
}

/** Options that say nothing together, told before anything is opened. */
function checkUsage(context: Context): void {
  if (textValue(context, 'replace') !== undefined) throw notYet('restore --replace');
  const disk = textValue(context, 'disk');
  const as = textValue(context, 'as');
  if ((disk === undefined) === (as === undefined)) {
    throw usage('Restore what? Either --disk TARGET --image PATH, or --as NAME.');
  }
  const [other, names] =
    disk === undefined ? ['--disk', ['image', 'format']] : ['--as', ['folder', 'start', 'host']];
  const stray = names.find((name) => context.values[name] !== undefined);
  if (stray !== undefined) throw usage(`--${stray} belongs to ${other}.`);
  if (disk !== undefined) imageTarget(context, disk);
}

function restoredWords(result: JobResult & { readonly kind: 'restore' }): string {
  const checked = result.verified
    ? 'Read back and equal to the restore point.'
    : 'NOT read back: do not rely on it yet.';
  return [
    table(
      ['what', 'path', 'format', 'size', 'written'],
      result.restored.map((item) => [
        item.target,
        item.path,
        item.format,
        size(item.sizeBytes),
        size(item.writtenBytes),
      ]),
    ),
    ...(result.machine === null
      ? []
      : [`New machine: ${plain(result.machine.name)} (${result.machine.uuid})`]),
    `${checked} ${duration(result.seconds)}.`,
  ].join('\n');
}

export const restoreCommand: Command = {
  name: 'restore',
  operands: '<point>',
  summary: 'bring a disk or a whole machine back',
  options: {
    disk: { type: 'string', value: 'TARGET', help: 'restore this disk…' },
    image: { type: 'string', value: 'PATH', help: '…to this new image file' },
    format: {
      type: 'string',
      value: 'raw|qcow2',
      help: 'its format (default: qcow2 if it is called so, else raw)',
    },
    as: { type: 'string', value: 'NAME', help: 'restore as a new machine of this name' },
    folder: { type: 'string', value: 'DIR', help: 'where its disks go' },
    host: { type: 'string', value: 'HOST', help: 'on this host (default: where it was)' },
    start: { type: 'boolean', help: 'start it when it is restored' },
    replace: { type: 'string', value: 'MACHINE', help: 'not in this version yet' },
    'password-file': passwordFileOption,
  },
  count: { min: 1, max: 1 },
  details:
    'A new machine gets a new uuid and new network addresses, and is not connected to the\n' +
    'network. An existing file is never overwritten.',
  async run(context) {
    checkUsage(context);
    const client = await context.client();
    await unlockAll(context, client);
    const point = await findPoint(client, operand(context, 0));
    await unlock(context, client, await findRepository(client, point.repository.id));
    const disk = textValue(context, 'disk');
    const to =
      disk === undefined
        ? await machineTarget(context, client, point, textValue(context, 'as') ?? '')
        : imageTarget(context, disk);
    const plan = await client.call('restore.plan', { point: point.id, to });
    const accepted = [...(await passChecks(context, plan.checks))];
    const { job, result, exitCode } = await follow(context, client, () =>
      client.call('restore.start', { point: point.id, to, accepted }),
    );
    if (result?.kind !== 'restore') throw unexpectedResult(job);
    const { restored, verified, seconds, machine } = result;
    context.output.result({ restored, verified, seconds, machine }, () => restoredWords(result));
    return exitCode;
  },
};
