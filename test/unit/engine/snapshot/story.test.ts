/**
 * Random stories of one machine: it writes, sets checkpoints, is switched on and off, takes
 * snapshots, goes back, undoes that and deletes. Whatever a plan allows is done to a pretend
 * machine that has libvirt's traps, and after every action each moment must hold what it held, the
 * machine be where the plan says, and at every gap a plan that is cut off come to the same end when
 * it is finished, and to the same beginning when it is undone.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { showPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { planDelete } from '#engine/snapshot/plan-delete.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { planRevertUndo } from '#engine/snapshot/plan-undo.ts';
import { machineFacts } from '../../../fakes/machine-facts.ts';
import { readImage } from '../../../fakes/pretend-images.ts';
import { frozenOf } from '../../../fakes/pretend-libvirt.ts';
import { perform } from '../../../fakes/pretend-machine.ts';
import {
  activeImages,
  addCheckpoint,
  guestWrites,
  presentOf,
  pretendWorld,
  resumeSaved,
  saveMachine,
  type PretendWorld,
} from '../../../fakes/pretend-world.ts';

interface Moment {
  readonly disks: Record<string, Record<number, number>>;
  readonly memory: number | null;
}

type Moments = ReadonlyMap<string, Moment>;

/** What every snapshot holds now. */
function momentsOf(world: PretendWorld): Moments {
  return new Map(
    world.records.map((record) => {
      const disks = record.disks.flatMap(({ target, kind }) => {
        const frozen = frozenOf(record, target);
        if (kind === 'external') return [[target, readImage(world.images, frozen)] as const];
        const inside = world.images.get(frozen)?.moments.get(record.name);
        return [[target, Object.fromEntries(inside?.blocks ?? [[-1, -1]])] as const];
      });
      return [record.name, { disks: Object.fromEntries(disks), memory: memoryOf(world, record) }];
    }),
  );
}

function memoryOf(world: PretendWorld, record: PretendWorld['records'][number]): number | null {
  if (record.memoryFile !== null) return world.memoryFiles.get(record.memoryFile)?.memory ?? NaN;
  if (record.memory === 'no') return null;
  for (const { moments } of world.images.values()) {
    const memory = moments.get(record.name)?.memory;
    if (typeof memory === 'number') return memory;
  }
  return NaN;
}

function planFor(facts: MachineFacts, action: MachineAction): EnginePlan {
  switch (action.kind) {
    case 'snapshot-create':
      return planCreate(facts, action);
    case 'snapshot-revert':
      return planRevert(facts, action);
    case 'revert-undo':
      return planRevertUndo(facts, action);
    case 'snapshot-delete':
      return planDelete(facts, action);
    default:
      throw new Error(action.kind);
  }
}

/** Where the machine is, as far as a person can tell. */
function placeOf(world: PretendWorld) {
  const { state, memory, current, managedSave } = world;
  return { state, memory, current, managedSave, disks: presentOf(world) };
}

function run(world: PretendWorld, plan: EnginePlan): void {
  for (const { actions } of plan.steps) for (const action of actions) perform(world, action);
}

/** A copy in which the plan was cut off after so many actions of so many whole steps. */
function cutOff(world: PretendWorld, plan: EnginePlan, steps: number, actions: number) {
  const copy = structuredClone(world);
  for (const step of plan.steps.slice(0, steps)) {
    for (const action of step.actions) perform(copy, action);
  }
  for (const action of plan.steps[steps]?.actions.slice(0, actions) ?? []) perform(copy, action);
  return copy;
}

function checkGaps(world: PretendWorld, plan: EnginePlan): void {
  const whole = structuredClone(world);
  run(whole, plan);
  for (const [number, step] of plan.steps.entries()) {
    for (let actions = 0; actions <= step.actions.length; actions += 1) {
      const finished = cutOff(world, plan, number, actions);
      run(finished, { ...plan, steps: plan.steps.slice(number) });
      expect(placeOf(finished), 'finished').toEqual(placeOf(whole));
      expect(momentsOf(finished), 'finished').toEqual(momentsOf(whole));
      const upTo = plan.steps.slice(0, number + 1);
      if (upTo.some(({ undo }) => undo === null)) continue;
      const undone = cutOff(world, plan, number, actions);
      for (const { undo } of upTo.toReversed()) for (const one of undo ?? []) perform(undone, one);
      const { current: _now, ...place } = placeOf(undone);
      const { current: _before, ...before } = placeOf(world);
      expect(place, `undone after ${number} steps and ${actions} actions`).toEqual(before);
      expect(momentsOf(undone), 'undone').toEqual(momentsOf(world));
    }
  }
}

/** Nothing that a person did not ask to lose is lost. */
function checkDone(before: PretendWorld, after: PretendWorld, action: MachineAction): void {
  const [was, is] = [momentsOf(before), momentsOf(after)];
  const gone = [...was.keys()].filter((name) => !is.has(name));
  for (const [name, moment] of is) if (was.has(name)) expect(moment, name).toEqual(was.get(name));
  switch (action.kind) {
    case 'snapshot-create': {
      expect(gone).toEqual([]);
      expect(placeOf(after).disks).toEqual(placeOf(before).disks);
      expect(after.state).toBe(before.state);
      const made = is.get(action.name);
      expect(made?.disks).toEqual(presentOf(before));
      if (made?.memory !== null) expect(made?.memory).toBe(before.memory);
      return;
    }
    case 'snapshot-revert': {
      expect(gone).toEqual([]);
      expect(presentOf(after)).toEqual({ ...presentOf(before), ...was.get(action.name)?.disks });
      expect(after.checkpoints).toEqual([]);
      const kept = [...is.keys()].filter((name) => !was.has(name));
      expect(kept).toHaveLength(action.keep ? 1 : 0);
      if (action.keep) expect(is.get(kept[0] ?? '')?.disks).toEqual(presentOf(before));
      const { memory } = was.get(action.name) ?? {};
      const resumed = typeof memory === 'number' && after.state !== 'off';
      if (resumed) expect(after.memory).toBe(memory);
      return;
    }
    case 'revert-undo':
      expect(presentOf(after)).toEqual(was.get(before.undoable?.kept ?? '')?.disks);
      return;
    case 'snapshot-delete':
      for (const name of gone) expect(action.children || action.names.includes(name)).toBe(true);
      for (const name of action.names) expect(is.has(name)).toBe(false);
      expect(placeOf(after).disks).toEqual(placeOf(before).disks);
      expect(after.state).toBe(before.state);
      return;
    default:
  }
}

/** No image that something needs is missing, and none is left that nothing needs. */
function checkFiles(world: PretendWorld): void {
  const needed = new Set<string>();
  const follow = (top: string) => {
    for (let next: string | null = top; next !== null;) {
      const image = world.images.get(next);
      expect(image, `${next} is missing`).toBeDefined();
      needed.add(next);
      next = image?.base ?? null;
    }
  };
  for (const path of activeImages(world).values()) follow(path);
  for (const record of world.records) {
    for (const { target } of record.disks) follow(frozenOf(record, target));
  }
  expect([...world.images.keys()].filter((path) => !needed.has(path))).toEqual([]);
  const memories = world.records.flatMap(({ memoryFile }) => memoryFile ?? []);
  expect([...world.memoryFiles.keys()].sort()).toEqual(memories.sort());
}

function checkPlan(facts: MachineFacts, plan: EnginePlan): void {
  const actions = plan.steps.flatMap((step) => step.actions);
  if (plan.verdict === 'refused') {
    expect(plan.steps).toEqual([]);
    expect(plan.reasons.length).toBeGreaterThan(0);
    return;
  }
  const noReturn = plan.steps.findIndex(({ undo }) => undo === null);
  const after = noReturn === -1 ? [] : plan.steps.slice(noReturn);
  expect(after.every(({ undo }) => undo === null)).toBe(true);
  expect(plan.confirm).toBe(plan.tier === 3 ? facts.name : null);
  const shown = showPlan(facts, plan);
  const later = { ...facts, at: facts.at + 60_000 };
  expect(showPlan(later, planFor(later, plan.action)).fingerprint).toBe(shown.fingerprint);
  const goesBack = actions.findIndex(
    ({ do: what }) => what === 'revert-snapshot' || what === 'create-overlay',
  );
  if (goesBack === -1) return;
  const removed = actions.flatMap((one, index) => (one.do === 'delete-checkpoint' ? [index] : []));
  for (const index of removed) expect(index).toBeLessThan(goesBack);
  expect(removed).toHaveLength(facts.checkpoints.length);
}

type Event =
  | { readonly what: 'write'; readonly block: number; readonly value: number }
  | { readonly what: 'checkpoint' | 'switch' | 'save' }
  | { readonly what: 'ask'; readonly seed: number; readonly action: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      block: fc.integer({ min: 0, max: 3 }),
      value: fc.integer({ min: 2, max: 99 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constantFrom('checkpoint' as const, 'switch' as const, 'save' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('ask' as const),
      seed: fc.nat(1000),
      action: fc.nat(9),
    }),
  },
);

function pick<T>(some: readonly T[], seed: number): T | undefined {
  return some[seed % Math.max(1, some.length)];
}

/** One thing a person could ask for now. */
function actionFor(
  world: PretendWorld,
  { seed, action }: Extract<Event, { what: 'ask' }>,
): MachineAction {
  const name = pick(world.records, seed)?.name;
  const bit = (at: number) => ((seed >> at) & 1) === 1;
  if (action < 4 || name === undefined) {
    const storage = (['auto', 'internal', 'external'] as const)[seed % 3] ?? 'auto';
    const create = { kind: 'snapshot-create' as const, name: `s${world.clock}`, description: '' };
    return { ...create, memory: bit(1), storage, freeze: false, disks: null };
  }
  if (action < 7) {
    const to = (['as-taken', 'running', 'paused', 'off'] as const)[seed % 4] ?? 'as-taken';
    return { kind: 'snapshot-revert' as const, name, to, keep: bit(2) || bit(3) };
  }
  if (action === 7) return { kind: 'revert-undo' as const };
  return { kind: 'snapshot-delete' as const, names: [name], children: bit(4) };
}

const tally = { refused: 0, done: 0 };

function live(world: PretendWorld, one: Event): PretendWorld {
  switch (one.what) {
    case 'write':
      if (world.state === 'running') guestWrites(world, one.block, one.value);
      return world;
    case 'checkpoint':
      if (world.state !== 'off') addCheckpoint(world, `waymark-${++world.clock}`);
      return world;
    case 'switch':
      if (world.managedSave) expect(resumeSaved(world), 'the guest finds its disks').toBe(true);
      else if (world.state === 'off') perform(world, { do: 'start', paused: false });
      else perform(world, { do: 'stop' });
      return world;
    case 'save':
      if (world.state === 'running') saveMachine(world);
      return world;
    case 'ask': {
      const action = actionFor(world, one);
      const facts = machineFacts(world);
      const plan = planFor(facts, action);
      checkPlan(facts, plan);
      tally[plan.verdict === 'refused' ? 'refused' : 'done'] += 1;
      if (plan.verdict === 'refused') return world;
      checkGaps(world, plan);
      const after = structuredClone(world);
      run(after, plan);
      checkDone(world, after, action);
      checkFiles(after);
      return after;
    }
  }
}

describe('a machine’s story', () => {
  const versions = [9_000_000, 9_001_000, 9_009_000, 10_010_000, 11_003_000, 12_000_000];
  test.each(versions)(
    'keeps every moment on libvirt %d',
    (libvirt) => {
      fc.assert(
        fc.property(
          fc.constantFrom('running' as const, 'off' as const),
          fc.constantFrom(
            ['qcow2'] as const,
            ['qcow2', 'qcow2'] as const,
            ['qcow2', 'raw'] as const,
          ),
          fc.array(event, { minLength: 3, maxLength: 20 }),
          (state, disks, events) => {
            let world = pretendWorld({ libvirt, state, disks });
            for (const one of events) world = live(world, one);
          },
        ),
        { numRuns: 12 },
      );
    },
    600_000,
  );

  test('is allowed often enough to mean something', () => {
    expect(tally.done).toBeGreaterThan(tally.refused);
  });
});
