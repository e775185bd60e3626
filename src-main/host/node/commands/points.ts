/** waymark point … */
import type { Point } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { confirmStep, operand, textValue, type Command } from '../command.ts';
import { findMachine, findPoint, findRepository } from '../find.ts';
import { follow, unexpectedResult } from '../follow.ts';
import { exitCodes } from '../output.ts';
import { passwordFileOption, unlockAll } from '../secrets.ts';
import { duration, moment, partWords, plain, sheet, size, table, verifiedWords } from '../words.ts';
import { keptPointCommands } from './kept-points.ts';
import { printVerify } from './repositories.ts';

const list: Command = {
  name: 'point list',
  operands: '',
  summary: 'the restore points, newest first',
  options: {
    machine: { type: 'string', value: 'MACHINE', help: 'only of this machine' },
    repository: { type: 'string', value: 'REPOSITORY', help: 'only in this repository' },
    'password-file': passwordFileOption,
  },
  count: { min: 0, max: 0 },
  async run(context) {
    const client = await context.client();
    await unlockAll(context, client);
    const wanted = textValue(context, 'repository');
    const repository = wanted === undefined ? null : (await findRepository(client, wanted)).id;
    const all = await client.call('points.list', { machineUuid: null, repository });
    const name = textValue(context, 'machine');
    let points = all;
    if (name !== undefined) {
      // A machine that is gone still has its points, under the name it had.
      const named = all.filter(({ machine }) => machine.name === name || machine.uuid === name);
      const uuid = named[0]?.machine.uuid ?? (await findMachine(client, name)).uuid;
      const sameName = new Set(named.map(({ machine }) => machine.uuid));
      points = all.filter(({ machine }) => machine.uuid === uuid || sameName.has(machine.uuid));
    }
    context.output.result({ points }, () => {
      if (points.length === 0) return 'No restore points.';
      return table(
        ['id', 'time', 'machine', 'repository', 'size', 'stored', 'verified', 'pinned'],
        points.map((point) => [
          point.id,
          moment(point.time),
          point.machine.name,
          point.repository.name,
          size(point.sizeBytes),
          size(point.storedBytes),
          point.damaged ? 'DAMAGED' : verifiedWords(point.verified),
          point.pinned ? 'yes' : '',
        ]),
      );
    });
    return exitCodes.done;
  },
};

function pointSheet(point: Point): string {
  return [
    sheet([
      ['Id', point.id],
      ['Machine', `${point.machine.name} (${point.machine.uuid})`],
      ['Host', point.host],
      ['Repository', point.repository.name],
      ['Time', moment(point.time)],
      ['Took', duration(point.seconds)],
      ['Consistency', `${point.consistency.kind}: ${point.consistency.why}`],
      ['Definition', partWords(point.definition)],
      ['Firmware variables', partWords(point.firmware)],
      ['TPM state', partWords(point.tpm)],
      ['Verified', point.damaged ? 'DAMAGED' : verifiedWords(point.verified)],
      ['Pinned', point.pinned ? 'yes: no rule removes it' : 'no'],
    ]),
    table(
      ['disk', 'format', 'mode', 'size', 'read', 'stored'],
      point.disks.map((disk) => [
        disk.target,
        disk.format,
        disk.mode + (disk.reason === undefined ? '' : ` (${disk.reason})`),
        size(disk.sizeBytes),
        size(disk.readBytes),
        size(disk.storedBytes),
      ]),
    ),
    ...point.skipped.map(({ target, reason }) => `Not in it: ${plain(target)} (${reason}).`),
  ].join('\n\n');
}

const show: Command = {
  name: 'point show',
  operands: '<point>',
  summary: 'one restore point in full',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    await unlockAll(context, client);
    const { id } = await findPoint(client, operand(context, 0));
    const point = await client.call('points.get', { point: id });
    context.output.result({ point }, () => pointSheet(point));
    return exitCodes.done;
  },
};

const verify: Command = {
  name: 'point verify',
  operands: '<point>',
  summary: 'read and check every block of one restore point',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    await unlockAll(context, client);
    const { id } = await findPoint(client, operand(context, 0));
    const ended = await follow(context, client, () => client.call('points.verify', { point: id }));
    return printVerify(context, ended);
  },
};

/** Machines that would have no restore point left. */
function losers(all: readonly Point[], doomed: readonly Point[]): readonly string[] {
  const gone = new Set(doomed.map((point) => point.id));
  const left = new Set(
    all.filter((point) => !gone.has(point.id)).map((point) => point.machine.uuid),
  );
  const lost = doomed.filter((point) => !left.has(point.machine.uuid));
  return [...new Set(lost.map((point) => point.machine.name))];
}

const remove: Command = {
  name: 'point delete',
  operands: '<point>…',
  summary: 'delete restore points; all others stay whole',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1000 },
  async run(context) {
    const client = await context.client();
    await unlockAll(context, client);
    const doomed: Point[] = [];
    for (const wanted of context.operands) doomed.push(await findPoint(client, wanted));
    const repositories = new Set(doomed.map((point) => point.repository.id));
    if (repositories.size > 1) {
      throw new AppError('invalid-input', 'These points are in more than one repository.', {
        unharmed: 'Nothing was deleted.',
        advice: 'Delete those of each repository in a command of their own.',
      });
    }
    const all = await client.call('points.list', { machineUuid: null, repository: null });
    const last = losers(all, doomed);
    const count = `${doomed.length} restore point${doomed.length === 1 ? '' : 's'}`;
    const warning = last.length > 0 ? ` Nothing is left then of ${last.join(', ')}.` : '';
    await confirmStep(context, `Delete ${count}?${warning} It can be taken back for some days.`);
    const points = doomed.map((point) => point.id);
    const { job, result, exitCode } = await follow(context, client, () =>
      client.call('points.delete', { points, last: last.length > 0 }),
    );
    if (result?.kind !== 'other') throw unexpectedResult(job);
    context.output.result({ deleted: points }, () => plain(result.summary));
    return exitCode;
  },
};

export const pointCommands: readonly Command[] = [
  ...[list, show, verify, remove],
  ...keptPointCommands,
];
