/** waymark machine … */
import type { Machine } from '#contract/domain.ts';
import type { Timeline } from '#contract/moments.ts';
import { operand, textValue, type Command } from '../command.ts';
import { findHost, findMachine } from '../find.ts';
import { exitCodes } from '../output.ts';
import { moment, sheet, size, table } from '../words.ts';

const protectionWords: Readonly<Record<Machine['protection'], string>> = {
  protected: 'protected',
  overdue: 'overdue',
  failing: 'failing',
  never: 'never',
  'not-planned': 'not planned',
};

const list: Command = {
  name: 'machine list',
  operands: '',
  summary: 'the machines of every host, or of one',
  options: { host: { type: 'string', value: 'HOST', help: 'only machines of this host' } },
  count: { min: 0, max: 0 },
  async run(context) {
    const client = await context.client();
    const wanted = textValue(context, 'host');
    const host = wanted === undefined ? null : (await findHost(client, wanted)).id;
    const machines = await client.call('machines.list', { host });
    context.output.result({ machines }, () => {
      if (machines.length === 0) return 'No machines.';
      return table(
        ['protection', 'name', 'host', 'state', 'disks', 'points', 'last point'],
        machines.map((machine) => [
          protectionWords[machine.protection],
          machine.name,
          machine.host.name,
          machine.state,
          machine.disks.map((disk) => disk.target).join(' '),
          String(machine.pointCount),
          machine.lastPoint === null ? 'none' : moment(machine.lastPoint.time),
        ]),
      );
    });
    return exitCodes.done;
  },
};

function diskTable(machine: Machine): string {
  return table(
    ['disk', 'size', 'format', 'bus', 'source', 'backup reads'],
    machine.disks.map((disk) => [
      disk.target,
      disk.sizeBytes === null ? 'unknown' : size(disk.sizeBytes),
      disk.format,
      disk.bus,
      disk.source ?? 'empty',
      disk.tracking.kind === 'trackable'
        ? 'what changed'
        : disk.tracking.kind === 'skipped'
          ? `nothing: ${disk.tracking.reason}`
          : `all of it: ${disk.tracking.reason}`,
    ]),
  );
}

function timelineTable(timeline: Timeline): string {
  const rows = [
    ...timeline.points.map(({ time, id, repository }) => ({
      time,
      cells: ['restore point', id, `in ${repository.name}`],
    })),
    ...timeline.snapshots.map(({ time, name, memory, current }) => ({
      time,
      cells: [
        'snapshot',
        name,
        `${memory ? 'with memory' : 'disks only'}${current ? ', you are here' : ''}`,
      ],
    })),
    ...timeline.checkpoints.map(({ time, name, owner, role }) => ({
      time,
      cells: ['checkpoint', name, `${owner}, ${role}`],
    })),
  ].sort((a, b) => b.time - a.time);
  if (rows.length === 0) return 'Nothing on its timeline yet.';
  return table(
    ['time', 'kind', 'name', ''],
    rows.map((row) => [moment(row.time), ...row.cells]),
  );
}

const show: Command = {
  name: 'machine show',
  operands: '<machine>',
  summary: 'one machine, its disks and its timeline',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const machine = await findMachine(client, operand(context, 0));
    const timeline = await client.call('machines.timeline', { machine: machine.id });
    if (timeline.incomplete !== null) {
      context.output.note(`The timeline is not complete: ${timeline.incomplete.message}`);
    }
    context.output.result({ machine, timeline }, () =>
      [
        sheet([
          ['Name', machine.name],
          ['Uuid', machine.uuid],
          ['Host', machine.host.name],
          ['State', machine.state + (machine.hasManagedSave ? ', with a saved memory' : '')],
          ['Memory', size(machine.memoryBytes)],
          ['Processors', String(machine.processors)],
          ['Firmware', machine.firmware + (machine.hasTpm ? ', with TPM' : '')],
          ['Protection', protectionWords[machine.protection]],
        ]),
        diskTable(machine),
        timelineTable(timeline),
      ].join('\n\n'),
    );
    return exitCodes.done;
  },
};

export const machineCommands: readonly Command[] = [list, show];
