/** waymark snapshot … */
import { maxNamed, type MachineAction } from '#contract/actions.ts';
import type { Timeline } from '#contract/moments.ts';
import { actionLine } from '../action-line.ts';
import {
  flag,
  operand,
  textValue,
  textValues,
  usage,
  type Command,
  type Context,
} from '../command.ts';
import { planOption, runAction, wantedMachine } from '../run-action.ts';
import { treeWords } from '../snapshot-tree.ts';
import { readTimeline } from '../timeline.ts';
import { moment, plain } from '../words.ts';

type SnapshotCreate = Extract<MachineAction, { readonly kind: 'snapshot-create' }>;
type SnapshotRevert = Extract<MachineAction, { readonly kind: 'snapshot-revert' }>;

/** What a person wants to know beside the tree. */
function remarks(word: string, { undo, chainWarning }: Timeline): readonly string[] {
  const lines: string[] = [];
  if (undo !== null) {
    const { to, time } = undo.revert;
    lines.push(
      `It was taken back to ${to} on ${moment(time)}. ` +
        `To undo that: ${actionLine(word, undo.action)}`,
    );
  }
  if (chainWarning !== null) {
    const { target, images, merge } = chainWarning;
    lines.push(
      `${target} is read through ${images} images, which is slow.` +
        (merge === null ? '' : ` To merge the oldest: ${actionLine(word, merge)}`),
    );
  }
  return lines.map(plain);
}

const list: Command = {
  name: 'snapshot list',
  operands: '<machine>',
  summary: 'the points on the host a machine can go back to, as a tree',
  options: {},
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const { word, machine } = await wantedMachine(context, client);
    const { timeline, exitCode } = await readTimeline(
      context,
      client,
      machine,
      ({ snapshots }) => snapshots.length,
    );
    const { snapshots } = timeline;
    context.output.result({ snapshots }, () => {
      if (snapshots.length === 0) return 'No snapshots.';
      return [treeWords(snapshots), ...remarks(word, timeline)].join('\n\n');
    });
    return exitCode;
  },
};

function storageOf(context: Context): SnapshotCreate['storage'] {
  const kind = textValue(context, 'kind');
  switch (kind) {
    case undefined:
      return 'auto';
    case 'internal':
    case 'external':
      return kind;
    default:
      throw usage('--kind is internal or external.');
  }
}

function createAction(context: Context): SnapshotCreate {
  const disks = textValues(context, 'disk');
  return {
    kind: 'snapshot-create',
    name: operand(context, 1),
    description: textValue(context, 'description') ?? '',
    memory: flag(context, 'memory'),
    storage: storageOf(context),
    freeze: flag(context, 'freeze'),
    disks: disks.length === 0 ? null : [...disks],
  };
}

const create: Command = {
  name: 'snapshot create',
  operands: '<machine> <name>',
  summary: 'keep the machine as it is now, to go back to',
  options: {
    memory: { type: 'boolean', help: 'with memory: everything that runs goes on after a revert' },
    kind: {
      type: 'string',
      value: 'internal|external',
      help: 'inside the disk images or beside them (default: what fits this machine)',
    },
    description: { type: 'string', value: 'TEXT', help: 'what it is for' },
    freeze: { type: 'boolean', help: 'freeze the file systems first, where the guest agent runs' },
    disk: {
      type: 'string',
      multiple: true,
      value: 'TARGET',
      help: 'only this disk; may be given more than once (default: every disk that can be)',
    },
    plan: planOption,
  },
  count: { min: 2, max: 2 },
  async run(context) {
    const action = createAction(context);
    const client = await context.client();
    return runAction(context, client, await wantedMachine(context, client), action);
  },
};

function revertAction(context: Context): SnapshotRevert {
  const to = textValue(context, 'to') ?? 'as-taken';
  switch (to) {
    case 'as-taken':
    case 'running':
    case 'paused':
    case 'off': {
      const keep = !flag(context, 'no-undo');
      return { kind: 'snapshot-revert', name: operand(context, 1), to, keep };
    }
    default:
      throw usage('--to is running, paused or off.');
  }
}

const revert: Command = {
  name: 'snapshot revert',
  operands: '<machine> <name>',
  summary: 'take a machine back to a snapshot',
  options: {
    to: {
      type: 'string',
      value: 'running|paused|off',
      help: 'how it is afterwards (default: running if the snapshot has its memory, else off)',
    },
    'no-undo': { type: 'boolean', help: 'do not keep where it is now: that is lost then' },
    plan: planOption,
  },
  count: { min: 2, max: 2 },
  details:
    'Where the machine is now is kept as a snapshot, so that waymark snapshot undo brings it back.',
  async run(context) {
    const action = revertAction(context);
    const client = await context.client();
    return runAction(context, client, await wantedMachine(context, client), action);
  },
};

const undo: Command = {
  name: 'snapshot undo',
  operands: '<machine>',
  summary: 'undo the newest revert: the machine is where it was before',
  options: { plan: planOption },
  count: { min: 1, max: 1 },
  async run(context) {
    const client = await context.client();
    const wanted = await wantedMachine(context, client);
    return runAction(context, client, wanted, { kind: 'revert-undo' });
  },
};

const remove: Command = {
  name: 'snapshot delete',
  operands: '<machine> <name>…',
  summary: 'delete snapshots; the machine and all others stay as they are',
  options: {
    children: { type: 'boolean', help: 'with all that were taken after them' },
    plan: planOption,
  },
  count: { min: 2, max: 1 + maxNamed },
  async run(context) {
    const client = await context.client();
    return runAction(context, client, await wantedMachine(context, client), {
      kind: 'snapshot-delete',
      names: context.operands.slice(1),
      children: flag(context, 'children'),
    });
  },
};

export const snapshotCommands: readonly Command[] = [list, create, revert, undo, remove];
