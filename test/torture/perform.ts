/**
 * Does one operation to the real machine and to the model, and compares: what every operation must
 * leave true is checked here, what only one of them promises is checked where it is done.
 */
import type { setTimeout } from 'node:timers/promises';
import {
  checkDisks,
  checkPoint,
  checkPointLists,
  checkSnapshots,
  expectSame,
  expectThat,
  Mismatch,
  type PointReader,
} from './compare.ts';
import { isActive, type Model } from './model.ts';
import type { Operation } from './operation.ts';
import { performAction } from './perform-action.ts';
import { deletePoint, performBackup, restorePoint } from './perform-backup.ts';
import { performForeign } from './perform-foreign.ts';
import { performCrash, performPower, performWrites, tamper } from './perform-machine.ts';
import type { TortureWorld } from './world.ts';

export interface Stand {
  readonly world: TortureWorld;
  readonly reader: PointReader;
  readonly sleep: typeof setTimeout;
}

export type Outcome =
  | 'done'
  | 'refused' // by Waymark's plan or by libvirt; nothing may have changed
  | 'skipped' // what it is about is not there (any more)
  | 'finished' // cut off, then finished
  | 'undone' // cut off, then undone
  | 'cut-off'; // cut off, and nothing was left to decide

export interface Performed {
  readonly model: Model;
  readonly outcome: Outcome;
  /** Why, or how, in a word; for the table. */
  readonly note: string;
}

export async function perform(
  stand: Stand,
  model: Model,
  operation: Operation,
): Promise<Performed> {
  const performed = await dispatch(stand, model, operation);
  await checkAlways(stand, performed.model);
  if (mayMoveContent(operation, performed)) await checkContent(stand, performed.model);
  return performed;
}

function dispatch(stand: Stand, model: Model, operation: Operation): Promise<Performed> {
  switch (operation.do) {
    case 'write':
      return performWrites(stand, model, operation.n, operation.writes);
    case 'backup':
      return performBackup(stand, model, operation);
    case 'point-delete':
      return deletePoint(stand, model, operation.which);
    case 'restore':
      return restorePoint(stand, model, operation.which, operation.format);
    case 'start':
    case 'stop':
    case 'pause':
    case 'resume':
    case 'save':
      return performPower(stand, model, operation);
    case 'kill-qemu':
    case 'kill-libvirtd':
    case 'kill-engine':
    case 'power-cut':
    case 'restart-engine':
      return performCrash(stand, model, operation);
    case 'other-snapshot':
    case 'other-revert':
    case 'other-snapshot-delete':
    case 'other-checkpoint':
    case 'other-checkpoint-delete':
      return performForeign(stand, model, operation);
    case 'tamper':
      return tamper(stand, model, operation.what);
    default:
      return performAction(stand, model, operation);
  }
}

function mayMoveContent({ do: what }: Operation, { outcome }: Performed): boolean {
  if (outcome === 'skipped') return false;
  return !['write', 'point-delete', 'restore', 'restart-engine', 'pause', 'resume'].includes(what);
}

/** Cheap: holds after every operation. */
async function checkAlways({ world, reader }: Stand, model: Model): Promise<void> {
  await untilCheckpointsAgree(world);
  const [power, jobs, waiting, timeline, checkpoints, job] = await Promise.all([
    world.live.power(),
    world.engine.call('jobs.list', { all: false }),
    world.engine.call('unfinished.list', {}),
    world.engine.call('machines.timeline', { machine: world.machine }),
    world.live.checkpoints(),
    isActive(model) ? world.libvirtd.tryVirsh('domjobinfo', world.uuid) : null,
    checkPointLists(world, reader, model),
  ]);
  if (power !== model.power) {
    const { stdout } = await world.libvirtd.tryVirsh('domstate', '--reason', world.uuid);
    throw new Mismatch(`The machine is ${stdout.trim()}, expected was ${model.power}`);
  }
  expectThat(jobs.length === 0, `jobs still run: ${jobs.map(({ title }) => title).join(', ')}`);
  expectThat(waiting.length === 0, `unfinished: ${waiting.map(({ title }) => title).join(', ')}`);
  expectThat(timeline.incomplete === null, `the timeline: ${JSON.stringify(timeline.incomplete)}`);
  const named = (some: readonly { readonly name: string }[]) => some.map(({ name }) => name);
  expectSame('the timeline’s snapshots', named(timeline.snapshots), named(model.snapshots));
  expectSame('the timeline’s checkpoints', named(timeline.checkpoints), checkpoints);
  const idle = job === null || /Job type:\s+None/.test(job.stdout);
  expectThat(idle, `libvirt still runs a job: ${job?.stdout ?? ''}${job?.stderr ?? ''}`);
}

/** After a crash the engine clears up by itself, also while it is being looked at. */
async function untilCheckpointsAgree({ engine, machine, live }: TortureWorld): Promise<void> {
  const deadline = performance.now() + clearingUpMs;
  while (performance.now() < deadline) {
    const { checkpoints } = await engine.call('machines.timeline', { machine });
    const shown = checkpoints.map(({ name }) => name).sort();
    if (shown.join() === [...(await live.checkpoints())].sort().join()) return;
  }
}

const clearingUpMs = 10_000;

async function checkContent({ world }: Stand, model: Model): Promise<void> {
  await checkDisks(world, model);
  await checkSnapshots(world, model);
}

/** At the end: every point once more, and the store's own word on its blocks. */
export async function checkAll(stand: Stand, model: Model): Promise<void> {
  const { world, reader } = stand;
  await checkAlways(stand, model);
  await checkContent(stand, model);
  for (const point of model.points) await checkPoint(reader, point);
  for (const { id, name } of world.repositories) {
    const order = { repository: id, readData: true };
    const job = await world.engine.ended(await world.engine.call('repositories.verify', order));
    const damage = job.result?.kind === 'verify' ? job.result.report.damage : null;
    if (job.state.kind === 'done' && damage?.length === 0) continue;
    throw new Mismatch(`Verifying ${name}: ${JSON.stringify([job.state, damage])}`);
  }
}
