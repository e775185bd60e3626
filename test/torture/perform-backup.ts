/** Backups, and what is done with restore points. */
import type { PointId } from '#contract/domain.ts';
import { checkRestored, expectThat, Mismatch, repositoryAt, whichMoment } from './compare.ts';
import { errorOf, runJob, told } from './disturb.ts';
import { mendLost } from './lost-job.ts';
import { afterWrite, type KnownPoint, type Model, type Moment } from './model.ts';
import { writeNumber, type Operation, type Work, type Write } from './operation.ts';
import type { Performed, Stand } from './perform.ts';

type Backup = Extract<Work, { do: 'backup' }> & Operation;

/** How long after the start the first write meets the running backup, in milliseconds. */
const writeEveryMs = 60;

export async function performBackup(
  stand: Stand,
  before: Model,
  operation: Backup,
): Promise<Performed> {
  const { world, reader } = stand;
  const { n, fault, during, reread } = operation;
  const { id: repository } = repositoryAt(world, operation.repository);
  const order = { machine: world.machine, repository, exclude: [], reread };
  const plan = await world.engine.call('backup.plan', order);
  const blocker = plan.checks.find(({ level }) => level === 'blocker');
  if (blocker !== undefined) return { model: before, outcome: 'refused', note: blocker.id };
  const accepted = plan.checks.filter(({ accept }) => accept !== undefined).map(({ id }) => id);
  const meanwhile = writesDuring(stand, before, n, during);
  const end = await runJob(
    world,
    `backup ${plan.route}`,
    fault,
    () => world.engine.call('backup.start', { ...order, accepted }),
    meanwhile.run,
  );
  const { disks, moments } = meanwhile.passed();
  const lost = fault?.kind === 'kill-libvirtd' && (await mendLost(world));
  const killed = lost || fault?.kind === 'kill-qemu' || fault?.kind === 'power-cut';
  const power = killed ? await world.live.power() : before.power;
  const model = { ...before, disks, power };
  const point = await newPoint(stand, before, operation.repository);
  const error = errorOf(end);
  const done = end.kind === 'ended' && end.job.state.kind === 'done';
  if (fault === null && error !== null) {
    if (error.data['preflight'] === true) {
      return { model, outcome: 'refused', note: error.code };
    }
    throw new Mismatch(`A backup failed though nothing disturbed it: ${told(error)}`);
  }
  expectThat(!done || point !== null, 'A backup that was done has no point');
  if (point === null) return { model, outcome: 'cut-off', note: error?.code ?? fault?.kind ?? '' };
  const read = await reader.read(point);
  const moment = moments[whichMoment(`The new point ${point.id}`, read, moments)] ?? disks;
  const points = [...model.points, { ...point, moment }];
  return { model: { ...model, points }, outcome: 'done', note: plan.route };
}

export interface WritesDuring {
  run(): Promise<void>;
  /** The disks now, and before each of the writes that were done. */
  passed(): { readonly disks: Moment; readonly moments: readonly Moment[] };
}

/** Writes of the guest while something else goes on. */
export function writesDuring(
  { world, sleep }: Stand,
  { disks }: Model,
  n: number,
  writes: readonly Write[],
): WritesDuring {
  const moments = [disks];
  const now = () => moments.at(-1) ?? disks;
  return {
    run: async () => {
      for (const [k, write] of writes.entries()) {
        await sleep(writeEveryMs);
        const { disk, first, count, zero } = write;
        await world.live.write(disk, first, count, zero ? 0 : writeNumber(n, k));
        moments.push(afterWrite(now(), write, writeNumber(n, k)));
      }
    },
    passed: () => ({ disks: now(), moments }),
  };
}

/** The one point the repository has now and had not before; null when there is none. */
async function newPoint(
  { reader }: Stand,
  { points }: Model,
  repository: number,
): Promise<Omit<KnownPoint, 'moment'> | null> {
  const known = new Set(points.map(({ id }) => id));
  const [id, ...more] = (await reader.list(repository)).filter((one) => !known.has(one));
  expectThat(more.length === 0, `One backup made ${more.length + 1} points`);
  return id === undefined ? null : { id, repository };
}

export async function deletePoint({ world }: Stand, model: Model, which: number) {
  const point = model.points[which % model.points.length];
  if (point === undefined) return { model, outcome: 'skipped', note: '' } as const;
  const order = { points: [point.id as PointId], last: true };
  const job = await world.engine.ended(await world.engine.call('points.delete', order));
  expectThat(job.state.kind === 'done', `Deleting a point: ${JSON.stringify(job.state)}`);
  const points = model.points.filter(({ id }) => id !== point.id);
  return { model: { ...model, points }, outcome: 'done', note: '' } as const;
}

export async function restorePoint(
  { world }: Stand,
  model: Model,
  which: number,
  format: 'raw' | 'qcow2',
) {
  const point = model.points[which % model.points.length];
  if (point === undefined) return { model, outcome: 'skipped', note: '' } as const;
  await checkRestored(world, point, format);
  return { model, outcome: 'done', note: '' } as const;
}
