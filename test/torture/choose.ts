/** Chooses what happens next: by weights that depend on what the machine is like. */
import type { Dice } from './random.ts';
import { isActive, type Model } from './model.ts';
import type { Action, Fault, Foreign, Operation, Work, Write } from './operation.ts';

const maxSnapshots = 9;
const maxPoints = 24;
const mostSectorsAWrite = 512; // 256 KiB
/** So that writes meet each other, most go into the first part of a disk. */
const hotSectors = 4096; // 2 MiB

type What = Operation['do'];
/** Weights by power; each is how often, compared with the others. */
function weights(model: Model): Readonly<Record<What, number>> {
  const active = isActive(model);
  const { power, snapshots, points } = model;
  const running = power === 'running' ? 1 : 0;
  const when = (holds: boolean, weight: number) => (holds ? weight : 0);
  const crowded = snapshots.length >= maxSnapshots;
  const some = snapshots.length > 0;
  return {
    write: when(power !== 'saved', 24),
    backup: 16,
    'point-delete': when(points.length > 2, points.length > maxPoints ? 10 : 1),
    restore: when(points.length > 0, 1),
    start: power === 'saved' ? 40 : when(!active, 14),
    stop: when(active, 4),
    pause: running,
    resume: when(power === 'paused', 8),
    save: when(active, 0.7),
    'kill-qemu': when(active, 2),
    'kill-libvirtd': 1.5,
    'kill-engine': 1,
    'power-cut': 1,
    'restart-engine': 0.5,
    ...foreignWeights(model),
    'snapshot-create': crowded ? 1 : 14,
    'snapshot-revert': when(some, 14),
    'revert-undo': when(some, 5),
    'snapshot-delete': when(some, crowded ? 20 : 8),
    'checkpoint-create': 2,
    'checkpoint-delete': 3,
    repair: 5,
    tamper: 0,
  };
}

/**
 * Only what libvirt 9.0 does alone without losing data, which is not ours to test: it forgets a
 * managed save when it takes or reverts a snapshot, reverts and deletes badly where kinds are
 * mixed, and merges an image below another branch of overlays without a word.
 */
function foreignWeights(model: Model): Readonly<Record<Foreign['do'], number>> {
  const { power, snapshots, reverted } = model;
  const kinds = new Set(snapshots.map(({ storage }) => storage));
  const internal = kinds.size === 1 && kinds.has('internal');
  const linear = kinds.size === 1 && kinds.has('external') && !reverted;
  const awake = power !== 'saved';
  return {
    'other-snapshot': awake && snapshots.length < maxSnapshots ? 2 : 0,
    'other-revert': internal && awake ? 1 : 0,
    'other-snapshot-delete': (internal || linear) && awake ? 1 : 0,
    'other-checkpoint': isActive(model) ? 1 : 0,
    'other-checkpoint-delete': isActive(model) ? 1 : 0,
  };
}

/** Whether it still makes sense: a sequence that was made shorter has other models on its way. */
export function applies(model: Model, operation: Operation): boolean {
  return operation.do === 'tamper' || weights(model)[operation.do] > 0;
}

export function choose(model: Model, dice: Dice, n: number): Operation {
  const what = dice.weighted(weights(model));
  return { n, ...workOf(what, model, dice) };
}

function workOf(what: What, model: Model, dice: Dice): Work {
  switch (what) {
    case 'write':
      return { do: what, writes: writesOf(model, dice, 1 + dice.int(3)) };
    case 'backup':
      return backupOf(model, dice);
    case 'point-delete':
      return { do: what, which: dice.int(1000) };
    case 'restore':
      return { do: what, which: dice.int(1000), format: dice.pick(['raw', 'qcow2']) };
    case 'start':
      return { do: what, paused: dice.chance(0.1) };
    case 'kill-libvirtd':
      return { do: what, withQemu: dice.chance(0.3) };
    case 'stop':
    case 'pause':
    case 'resume':
    case 'save':
    case 'kill-qemu':
    case 'kill-engine':
    case 'power-cut':
    case 'restart-engine':
      return { do: what };
    case 'other-snapshot':
    case 'other-revert':
    case 'other-snapshot-delete':
    case 'other-checkpoint':
    case 'other-checkpoint-delete':
      return foreignOf(what, model, dice);
    case 'tamper':
      return { do: what, what: 'disk' };
    default:
      return actionOf(what, model, dice);
  }
}

function backupOf(model: Model, dice: Dice): Work {
  const fault = faultOf(model, dice, 0.3);
  const during = writesMeanwhile(model, dice, fault, 0.4);
  const [repository, reread] = [dice.int(2), dice.chance(0.05)];
  return { do: 'backup', repository, reread, during, fault };
}

function foreignOf(what: Foreign['do'], model: Model, dice: Dice): Foreign {
  const aliases = model.snapshots.map(({ alias }) => alias);
  switch (what) {
    case 'other-snapshot':
      return { do: what, external: externalToo(model, dice), memory: dice.chance(0.4) };
    case 'other-revert':
    case 'other-snapshot-delete':
      return { do: what, alias: dice.pick(aliases) };
    case 'other-checkpoint':
      return { do: what };
    case 'other-checkpoint-delete':
      return { do: what, which: dice.int(1000) };
  }
}

/** Seldom of another kind than what is there: Waymark then rightly refuses nearly everything. */
function externalToo({ snapshots }: Model, dice: Dice): boolean {
  const [first] = snapshots;
  if (first === undefined) return dice.chance(0.5);
  return (first.storage === 'external') !== dice.chance(0.1);
}

function actionOf(what: Action['do'], model: Model, dice: Dice): Action {
  const aliases = model.snapshots.map(({ alias }) => alias);
  const fault = faultOf(model, dice, 0.35);
  switch (what) {
    case 'snapshot-create': {
      const internal = model.snapshots[0]?.storage === 'internal';
      const memory = isActive(model) && dice.chance(internal ? 0.85 : 0.5);
      const likely = internal ? 6 : 2;
      const storage = dice.weighted({ auto: 10, internal: likely, external: 8 - likely });
      const disks = dice.chance(0.1) ? [dice.pick(model.specs).target] : null;
      // A guest stands still while its memory is kept; QEMU aborts on a write of ours then.
      const during = memory ? [] : writesMeanwhile(model, dice, fault, 0.3);
      return { do: what, memory, storage, disks, during, fault };
    }
    case 'snapshot-revert': {
      const to = dice.weighted({ 'as-taken': 6, running: 2, paused: 1, off: 2 });
      return { do: what, alias: dice.pick(aliases), to, keep: dice.chance(0.6), fault };
    }
    case 'snapshot-delete': {
      const first = dice.pick(aliases);
      const both = dice.chance(0.2) ? [first, dice.pick(aliases)] : [first];
      return { do: what, aliases: [...new Set(both)], children: dice.chance(0.2), fault };
    }
    case 'checkpoint-delete':
      return { do: what, which: dice.int(1000), fault };
    case 'repair':
      return { do: what, details: dice.chance(0.3), fault };
    case 'revert-undo':
    case 'checkpoint-create':
      return { do: what, fault };
  }
}

function faultOf(model: Model, dice: Dice, probability: number): Fault | null {
  const happens = dice.chance(probability);
  const kind = dice.weighted({
    'kill-engine': 5,
    'kill-qemu': isActive(model) ? 2 : 0,
    'kill-libvirtd': 2,
    'power-cut': 2,
    cancel: 2,
  });
  const [at, then] = [dice.fraction(), dice.pick(['finish', 'undo'] as const)];
  const [twice, meddle] = [dice.chance(0.2), dice.chance(0.15)];
  return happens ? { kind, at: Number(at.toFixed(3)), then, twice, meddle } : null;
}

/** Writes while something runs; none where the way to the machine is cut just then. */
function writesMeanwhile(
  model: Model,
  dice: Dice,
  fault: Fault | null,
  probability: number,
): readonly Write[] {
  const cut = fault !== null && ['kill-qemu', 'kill-libvirtd', 'power-cut'].includes(fault.kind);
  const happens = dice.chance(probability);
  const writes = writesOf(model, dice, 1 + dice.int(4));
  return happens && !cut && isActive(model) ? writes : [];
}

function writesOf(model: Model, dice: Dice, count: number): readonly Write[] {
  return Array.from({ length: count }, () => {
    const { target, sizeBytes } = dice.pick(model.specs);
    const sectors = sizeBytes / 512;
    const within = dice.chance(0.7) ? Math.min(hotSectors, sectors) : sectors;
    // Many small ones, some that fill whole blocks, now and then the very end of the disk.
    const length = 1 + dice.int(dice.pick([8, 128, mostSectorsAWrite]));
    const room = Math.max(1, within - length);
    const first = dice.chance(0.05) ? sectors - length : dice.int(room);
    return { disk: target, first, count: length, zero: dice.chance(0.15) };
  });
}
