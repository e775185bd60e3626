/** waymark point pin | unpin | removed | take-back */
import type { Client } from '#contract/client.ts';
import type { Point } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import type { RemovedPoint } from '#contract/plans.ts';
import { textValue, type Command, type Context } from '../command.ts';
import { findPoint, findRepository } from '../find.ts';
import { exitCodes, type ExitCode } from '../output.ts';
import { passwordFileOption, unlockAll } from '../secrets.ts';
import { moment, plain, table } from '../words.ts';

/** Points named in an error because a beginning fits several. */
const maxCandidates = 10;

async function setPinned(context: Context, pinned: boolean): Promise<ExitCode> {
  const client = await context.client();
  await unlockAll(context, client);
  const found: Point[] = [];
  for (const wanted of context.operands) found.push(await findPoint(client, wanted));
  const points: Point[] = [];
  for (const { id } of found) points.push(await client.call('points.pin', { point: id, pinned }));
  context.output.result({ points }, () =>
    points
      .map(({ machine, time }) => {
        const what = `The restore point of ${plain(machine.name)} of ${moment(time)}`;
        return pinned ? `${what} is pinned: no rule removes it.` : `${what} is not pinned.`;
      })
      .join('\n'),
  );
  return exitCodes.done;
}

const pin: Command = {
  name: 'point pin',
  operands: '<point>…',
  summary: 'keep restore points whatever a rule says',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1000 },
  run: (context) => setPinned(context, true),
};

const unpin: Command = {
  name: 'point unpin',
  operands: '<point>…',
  summary: 'let rules decide about restore points again',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1000 },
  run: (context) => setPinned(context, false),
};

function removedTable(points: readonly RemovedPoint[]): string {
  if (points.length === 0) return 'No removed restore points.';
  return table(
    ['id', 'time', 'machine', 'repository', 'removed', 'by', 'for sure until'],
    points.map((point) => [
      point.id,
      moment(point.time),
      point.machine.name,
      point.repository.name,
      moment(point.removedAt),
      point.by,
      moment(point.goneAfter),
    ]),
  );
}

const removed: Command = {
  name: 'point removed',
  operands: '',
  summary: 'what was removed and can be taken back until the next clean-up',
  options: {
    machine: { type: 'string', value: 'MACHINE', help: 'only of this machine, by name or uuid' },
    repository: { type: 'string', value: 'REPOSITORY', help: 'only in this repository' },
    'password-file': passwordFileOption,
  },
  count: { min: 0, max: 0 },
  async run(context) {
    const client = await context.client();
    await unlockAll(context, client);
    const wanted = textValue(context, 'repository');
    const repository = wanted === undefined ? null : (await findRepository(client, wanted)).id;
    const all = await client.call('points.removed', { repository });
    const name = textValue(context, 'machine');
    const points = all.filter(
      ({ machine }) => name === undefined || machine.name === name || machine.uuid === name,
    );
    context.output.result({ points }, () => removedTable(points));
    return exitCodes.done;
  },
};

/** A removed point by id or a unique beginning of it. */
function findRemoved(all: readonly RemovedPoint[], wanted: string): RemovedPoint {
  const start = wanted.toLowerCase();
  const exact = all.filter(({ id }) => id === wanted);
  const matches =
    exact.length > 0 ? exact : all.filter(({ id }) => id.toLowerCase().startsWith(start));
  const [only] = matches;
  if (only === undefined) {
    throw new AppError('point-not-found', `No removed restore point is called ${wanted}.`, {
      advice: 'See waymark point removed; a clean-up may have freed it.',
    });
  }
  if (matches.length === 1) return only;
  throw new AppError('invalid-input', `More than one removed point begins with ${wanted}.`, {
    candidates: matches.slice(0, maxCandidates).map(({ id }) => id),
    advice: 'Write more of its id.',
  });
}

async function listRemoved(context: Context, client: Client): Promise<readonly RemovedPoint[]> {
  await unlockAll(context, client);
  return client.call('points.removed', { repository: null });
}

const takeBack: Command = {
  name: 'point take-back',
  operands: '<point>…',
  summary: 'list removed restore points again',
  options: { 'password-file': passwordFileOption },
  count: { min: 1, max: 1000 },
  async run(context) {
    const client = await context.client();
    const all = await listRemoved(context, client);
    const found = context.operands.map((wanted) => findRemoved(all, wanted));
    const points = [...new Set(found.map(({ id }) => id))];
    await client.call('points.take-back', { points });
    context.output.result({ takenBack: points }, () =>
      found
        .map(({ machine, time }) => {
          return `The restore point of ${plain(machine.name)} of ${moment(time)} is back.`;
        })
        .join('\n'),
    );
    return exitCodes.done;
  },
};

export const keptPointCommands: readonly Command[] = [pin, unpin, removed, takeBack];
