/**
 * What an action of Waymark is asked to do, and what the machine must be like once it is wholly
 * done. What it must be like when it was undone needs no words: as before.
 */
import type { MachineAction } from '#contract/actions.ts';
import { hasCode } from '#contract/errors.ts';
import { expectSame, expectThat, Mismatch, whichMoment } from './compare.ts';
import type { SeenSnapshot } from './live-machine.ts';
import {
  byAlias,
  only,
  over,
  withSnapshot,
  withoutSnapshots,
  type KnownSnapshot,
  type Model,
  type Moment,
  type PowerState,
  type Ticks,
} from './model.ts';
import { aliasOf, keptAliasOf, type Action, type Operation } from './operation.ts';
import type { Stand } from './perform.ts';

/** The machine as it is found after an action, whatever became of it. */
export interface Seen {
  /** As it was before, but for the writes that came meanwhile. */
  readonly before: Model;
  /** What the disks held at the moments the action may have met; the last is how they are now. */
  readonly moments: readonly Moment[];
  readonly power: PowerState;
  readonly snapshots: readonly SeenSnapshot[];
  readonly disks: ReadonlyMap<string, Buffer>;
  readonly ticks: number | null;
  /** Waymark said that the memory was not brought back. */
  readonly memoryLost: boolean;
}

export interface Intent {
  readonly action: MachineAction;
  /** The model once all is done; throws Mismatch when what is seen is not that. */
  done(seen: Seen): Promise<Model>;
  /** The power after it when nothing disturbed it. */
  readonly power: PowerState;
}

/** Null when what the action is about is not there. */
export async function intentOf(
  stand: Stand,
  model: Model,
  operation: Action & Operation,
): Promise<Intent | null> {
  const same = (action: MachineAction): Intent => {
    const done = (seen: Seen) => Promise.resolve(unchanged(seen.before, seen));
    return { action, power: model.power, done };
  };
  switch (operation.do) {
    case 'snapshot-create':
      return creation(stand, model, operation);
    case 'snapshot-revert':
      return reversion(stand, model, operation);
    case 'revert-undo':
      return undoing(stand, model, operation);
    case 'snapshot-delete':
      return deletion(stand, model, operation);
    case 'checkpoint-create':
      return same({ kind: 'checkpoint-create' });
    case 'checkpoint-delete': {
      const checkpoints = await stand.world.live.checkpoints();
      const name = checkpoints[operation.which % Math.max(1, checkpoints.length)];
      return name === undefined ? null : same({ kind: 'checkpoint-delete', names: [name] });
    }
    case 'repair': {
      const ids = await repairable(stand, operation.details);
      if (ids.length === 0) return null;
      const { details } = operation;
      const action = { kind: 'repair' as const, findings: [...ids], details };
      return { ...same(action), done: (seen) => repaired(stand, ids, details, seen) };
    }
  }
}

/** What the doctor finds and can repair. */
async function repairable({ world }: Stand, details: boolean): Promise<readonly string[]> {
  try {
    const order = { machine: world.machine, details };
    const { findings } = await world.engine.call('doctor.examine', order);
    return findings.flatMap(({ id, repair }) => (repair === null ? [] : [id]));
  } catch (thrown) {
    if (hasCode(thrown, 'unsupported')) return [];
    throw thrown;
  }
}

/** What was repaired is not found again. */
async function repaired(
  stand: Stand,
  ids: readonly string[],
  details: boolean,
  seen: Seen,
): Promise<Model> {
  const left = await repairable(stand, details);
  const again = left.filter((id) => ids.includes(id));
  expectThat(again.length === 0, `found again after it was repaired: ${again.join(', ')}`);
  return unchanged(seen.before, seen);
}

/** Snapshots and disks as the model has them. */
export function unchanged(model: Model, seen: Seen): Model {
  expectNames(seen, names(model));
  whichMoment('The machine’s disk', seen.disks, [model.disks]);
  return model;
}

const names = ({ snapshots }: Model) => snapshots.map(({ name }) => name);

function expectNames({ snapshots }: Seen, expected: readonly string[]): void {
  expectSame(
    'libvirt’s snapshots',
    snapshots.map(({ name }) => name),
    expected,
  );
}

async function creation(
  stand: Stand,
  { power }: Model,
  operation: Extract<Action, { do: 'snapshot-create' }> & Operation,
): Promise<Intent> {
  const name = aliasOf(operation.n);
  const { memory, storage } = operation;
  const disks = operation.disks === null ? null : [...operation.disks];
  const before = await stand.world.live.ticks();
  const what = { name, description: `Operation ${operation.n}`, memory, storage, disks };
  return {
    action: { kind: 'snapshot-create', ...what, freeze: false },
    power,
    done: async (seen) => {
      expectNames(seen, [...names(seen.before), name]);
      whichMoment('The machine’s disk', seen.disks, [seen.before.disks]);
      const made = seen.snapshots.find((one) => one.name === name);
      if (made === undefined) throw new Mismatch(`${name} is not there`);
      const shown = await momentIn(stand, made, seen.moments);
      expectThat(shown.memory === memory, `${name} is ${shown.memory ? 'with' : 'without'} memory`);
      const ticks = ticksBetween(before, seen.ticks);
      return withSnapshot(seen.before, { ticks, by: 'waymark', alias: name, power, ...shown });
    },
  };
}

/** Which of the moments a snapshot shows, and what it is, read from its images. */
async function momentIn(
  { world }: Stand,
  seen: SeenSnapshot,
  moments: readonly Moment[],
): Promise<Pick<KnownSnapshot, 'name' | 'moment' | 'memory' | 'storage'>> {
  const targets = new Set(seen.disks.map(({ target }) => target));
  const candidates = moments.map((moment) => only(moment, targets));
  const read = await world.live.readSnapshot(seen);
  const index = whichMoment(`The new snapshot ${seen.name}`, read, candidates);
  const moment = candidates[index];
  if (moment === undefined) throw new Error('No such moment');
  const memory = seen.memory !== 'no';
  const kinds = new Set([...seen.disks.map(({ kind }) => kind), ...(memory ? [seen.memory] : [])]);
  const storage = kinds.size > 1 ? 'mixed' : kinds.has('external') ? 'external' : 'internal';
  return { name: seen.name, moment, memory, storage };
}

function ticksBetween(before: number | null, after: number | null): Ticks | null {
  return before === null || after === null ? null : { least: before, most: after };
}

function reversion(
  stand: Stand,
  model: Model,
  operation: Extract<Action, { do: 'snapshot-revert' }> & Operation,
): Intent | null {
  const snapshot = byAlias(model, operation.alias);
  if (snapshot === null) return null;
  const { to, keep, n } = operation;
  const since = performance.now();
  const power = powerAfter(snapshot, to);
  return {
    action: { kind: 'snapshot-revert', name: snapshot.name, to, keep },
    power,
    done: async (seen) => {
      const disks = over(seen.before.disks, snapshot.moment);
      whichMoment(`The disk after going back to ${snapshot.alias}`, seen.disks, [disks]);
      const kept = await keptPoints(stand, seen, keptAliasOf(n));
      expectThat(kept.length === (keep ? 1 : 0), `${kept.length} undo points were made`);
      if (snapshot.memory && power !== 'off' && !seen.memoryLost)
        expectTicks(snapshot, seen, since);
      return kept.reduce(withSnapshot, { ...seen.before, disks, reverted: true });
    },
  };
}

/** "As taken" is running with the memory it was taken with, else off. */
function powerAfter({ memory, power }: KnownSnapshot, to: string): PowerState {
  if (to !== 'as-taken') return to as PowerState;
  return memory ? (power === 'paused' ? 'paused' : 'running') : 'off';
}

/** Snapshots nobody asked for by name: each must keep where the machine was. */
async function keptPoints(
  stand: Stand,
  seen: Seen,
  alias: string,
  gone: readonly string[] = [],
): Promise<readonly KnownSnapshot[]> {
  const known = names(seen.before).filter((name) => !gone.includes(name));
  const fresh = seen.snapshots.filter(({ name }) => !known.includes(name));
  expectNames(seen, [...known, ...fresh.map(({ name }) => name)]);
  const kept: KnownSnapshot[] = [];
  for (const one of fresh) {
    const what = await momentIn(stand, one, [seen.before.disks]);
    kept.push({ alias, power: seen.before.power, ticks: null, by: 'waymark', ...what });
  }
  return kept;
}

/** The BIOS clock goes on from where it was when the memory was kept. */
function expectTicks({ alias, ticks }: KnownSnapshot, seen: Seen, since: number): void {
  if (ticks === null || seen.ticks === null || ticks.most < ticks.least) return;
  const seconds = (performance.now() - since) / 1000;
  const most = ticks.most + Math.ceil((seconds + 1) * ticksPerSecond);
  expectThat(
    seen.ticks >= ticks.least && seen.ticks <= most,
    `The memory of ${alias} is not back: its clock shows ${seen.ticks}, ` +
      `expected was ${ticks.least} to ${most}`,
  );
}

const ticksPerSecond = 18.3; // a little more than it really is

async function undoing(stand: Stand, model: Model, { n }: Operation): Promise<Intent | null> {
  const { machine, engine } = stand.world;
  const { undo } = await engine.call('machines.timeline', { machine });
  if (undo === null) return null;
  const { action, revert } = undo;
  const kept = model.snapshots.find(({ name }) => name === revert.kept);
  if (kept === undefined) throw new Mismatch(`The undo point ${String(revert.kept)} is not there`);
  return {
    action,
    power: powerAfter(kept, 'as-taken'),
    done: async (seen) => {
      const disks = over(seen.before.disks, kept.moment);
      whichMoment(`The disk after undoing ${revert.to}`, seen.disks, [disks]);
      const gone = seen.snapshots.some(({ name }) => name === kept.name) ? [] : [kept.name];
      const more = await keptPoints(stand, seen, keptAliasOf(n), gone);
      const left = withoutSnapshots(seen.before, new Set(gone));
      return more.reduce(withSnapshot, { ...left, disks, reverted: true });
    },
  };
}

async function deletion(
  { world }: Stand,
  model: Model,
  { aliases, children }: Extract<Action, { do: 'snapshot-delete' }>,
): Promise<Intent | null> {
  const wanted = aliases.flatMap((alias) => byAlias(model, alias)?.name ?? []);
  if (wanted.length === 0) return null;
  const gone = new Set(wanted);
  // libvirt lists parents in no certain order, so this goes on until nothing is added.
  const seen = children ? await world.live.snapshots() : [];
  for (let size = 0; size !== gone.size;) {
    size = gone.size;
    for (const { name, parent } of seen) if (parent !== null && gone.has(parent)) gone.add(name);
  }
  return {
    action: { kind: 'snapshot-delete', names: wanted, children },
    power: model.power,
    done: (after) => Promise.resolve(unchanged(withoutSnapshots(after.before, gone), after)),
  };
}
