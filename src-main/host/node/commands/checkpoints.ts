/** waymark checkpoint list, create and delete */
import { maxNamed } from '#contract/actions.ts';
import type { Client } from '#contract/client.ts';
import type { Machine } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { BitmapHealth, Checkpoint, CheckpointState } from '#contract/moments.ts';
import type { Command, Context } from '../command.ts';
import { exitCodes, type ExitCode } from '../output.ts';
import { planOption, runAction, wantedMachine } from '../run-action.ts';
import { readTimeline } from '../timeline.ts';
import { moment, plain, size, table } from '../words.ts';

const healthWords: Readonly<Record<BitmapHealth, string>> = {
  healthy: 'healthy',
  inconsistent: 'BROKEN, QEMU was killed',
  missing: 'BROKEN, not in the image',
  unknown: 'not known now',
};

const owners: Readonly<Record<Checkpoint['owner'], string>> = {
  ours: 'Waymark',
  'other-waymark': 'another Waymark',
  foreign: 'another program',
};

function purpose({ role, repository }: Pick<Checkpoint, 'role' | 'repository'>): string {
  const where = repository === null ? '' : ` to ${repository.name}`;
  switch (role) {
    case 'reference':
      return `the next backup${where} starts here`;
    case 'pending':
      return `a backup${where} that has not ended`;
    case 'unused':
      return 'no backup starts here';
    case 'foreign':
      return 'not known to Waymark';
  }
}

/** How each is now; those libvirt says nothing about are `unknown`, which is not `healthy`. */
async function statesOf(
  context: Context,
  client: Client,
  { id }: Machine,
): Promise<{ readonly states: readonly CheckpointState[]; readonly exitCode: ExitCode }> {
  try {
    const { checkpoints, waits } = await client.call('checkpoints.states', { machine: id });
    if (waits !== null)
      context.output.note(plain(`What changed since is not up to date: ${waits}`));
    return { states: checkpoints, exitCode: exitCodes.done };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    context.output.note(plain(`Their state cannot be told: ${thrown.message}`));
    return { states: [], exitCode: exitCodes.problems };
  }
}

function merged(checkpoint: Checkpoint, states: readonly CheckpointState[]) {
  const state = states.find(({ name }) => name === checkpoint.name);
  const unknown = { health: 'unknown', changedBytes: null } as const;
  const disks = checkpoint.disks.map((target) => ({ target, ...unknown }));
  return { ...checkpoint, ...unknown, disks, ...state };
}

const list: Command = {
  name: 'checkpoint list',
  operands: '<machine>',
  summary: 'the marks backups start from, and what changed since each',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const { machine } = await wantedMachine(context, client);
    const { timeline, exitCode } = await readTimeline(
      context,
      client,
      machine,
      (read) => read.checkpoints.length,
    );
    // Nothing to ask libvirt about, and asking costs it a job.
    const none = { states: [], exitCode: exitCodes.done };
    const told =
      timeline.checkpoints.length === 0 ? none : await statesOf(context, client, machine);
    const checkpoints = timeline.checkpoints.map((one) => merged(one, told.states));
    context.output.result({ checkpoints }, () => {
      if (checkpoints.length === 0) return 'No checkpoints.';
      return table(
        ['checkpoint', 'taken', 'made by', 'health', 'changed since', 'good for'],
        checkpoints.map((checkpoint) => [
          checkpoint.name,
          moment(checkpoint.time),
          owners[checkpoint.owner],
          healthWords[checkpoint.health],
          checkpoint.changedBytes === null ? 'not known' : size(checkpoint.changedBytes),
          purpose(checkpoint),
        ]),
      );
    });
    return exitCode === exitCodes.done ? told.exitCode : exitCode;
  },
};

const create: Command = {
  name: 'checkpoint create',
  operands: '<machine>',
  summary: 'set a mark: from here on QEMU remembers which blocks change',
  options: { plan: planOption },
  count: { min: 1, max: 1 },
  details: 'A checkpoint cannot be gone back to: that is what waymark snapshot create is for.',
  async run(context) {
    const client = await context.client();
    const wanted = await wantedMachine(context, client);
    return runAction(context, client, wanted, { kind: 'checkpoint-create' });
  },
};

const remove: Command = {
  name: 'checkpoint delete',
  operands: '<machine> <name>…',
  summary: 'delete checkpoints; no disk and no restore point is touched',
  options: { plan: planOption },
  count: { min: 2, max: 1 + maxNamed },
  details: 'A backup that would have started from one of them reads everything again.',
  async run(context) {
    const client = await context.client();
    const names = context.operands.slice(1);
    const wanted = await wantedMachine(context, client);
    return runAction(context, client, wanted, { kind: 'checkpoint-delete', names });
  },
};

export const checkpointCommands: readonly Command[] = [list, create, remove];
