/** What must be true of every plan, of what it does, and of every way it can be cut off. */
import { expect } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { showPlan, type EnginePlan } from '#engine/interlock/plan.ts';
import { planCreate } from '#engine/snapshot/plan-create.ts';
import { planDelete } from '#engine/snapshot/plan-delete.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { planRevertUndo } from '#engine/snapshot/plan-undo.ts';
import { imageAt, readImage } from '../../../fakes/pretend-images.ts';
import { frozenOf } from '../../../fakes/pretend-libvirt.ts';
import { perform } from '../../../fakes/pretend-machine.ts';
import {
  activeImages,
  isWhole,
  presentOf,
  type PretendWorld,
} from '../../../fakes/pretend-world.ts';

interface Moment {
  readonly disks: Record<string, Record<number, number>>;
  readonly memory: number | null;
}

type Moments = ReadonlyMap<string, Moment>;

const broken = { [-1]: -1 };

/** What every snapshot holds now. */
function momentsOf(world: PretendWorld): Moments {
  return new Map(
    world.records.map((record) => {
      const disks = record.disks.flatMap(({ target, kind }) => {
        if (kind === 'no') return [];
        const frozen = frozenOf(record, target);
        if (!isWhole(world, frozen)) return [[target, broken] as const];
        if (kind === 'external') return [[target, readImage(world.images, frozen)] as const];
        const { base, moments } = imageAt(world.images, frozen);
        const inside = moments.get(record.name);
        if (inside === undefined) return [[target, broken] as const];
        const below = base === null ? {} : readImage(world.images, base);
        return [[target, { ...below, ...Object.fromEntries(inside.blocks) }] as const];
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

export function planFor(facts: MachineFacts, action: MachineAction): EnginePlan {
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

export function run(world: PretendWorld, plan: EnginePlan): void {
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

/** What is lost by going back is lost by taking that back, too: the person was told. */
function toCompare(world: PretendWorld, { lost }: EnginePlan) {
  const { current: _told, memory, ...place } = placeOf(world);
  return lost.length === 0 ? { ...place, memory } : place;
}

export function checkGaps(world: PretendWorld, plan: EnginePlan): void {
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
      const place = toCompare(undone, plan);
      const before = toCompare(world, plan);
      expect(place, `undone after ${number} steps and ${actions} actions`).toEqual(before);
      const [now, then] = [momentsOf(undone), momentsOf(world)];
      expect([...now.keys()].sort(), 'undone').toEqual([...then.keys()].sort());
      for (const [name, moment] of then) expectStill(now.get(name), moment, name);
    }
  }
}

type Disks = Moment['disks'];

/** Those of the disks that the other has too. */
function only(disks: Disks, other: Disks = {}): Disks {
  return Object.fromEntries(Object.entries(disks).filter(([target]) => target in other));
}

/** Going back may let libvirt note disks that a snapshot had left out: those are no matter. */
function expectStill(now: Moment | undefined, before: Moment, name: string): void {
  expect(now?.memory, name).toEqual(before.memory);
  expect(only(now?.disks ?? {}, before.disks), name).toEqual(before.disks);
}

/** Nothing that a person did not ask to lose is lost. */
export function checkDone(before: PretendWorld, after: PretendWorld, action: MachineAction): void {
  const [was, is] = [momentsOf(before), momentsOf(after)];
  const gone = [...was.keys()].filter((name) => !is.has(name));
  for (const [name, moment] of was) if (is.has(name)) expectStill(is.get(name), moment, name);
  switch (action.kind) {
    case 'snapshot-create': {
      expect(gone).toEqual([]);
      expect(placeOf(after).disks).toEqual(placeOf(before).disks);
      expect(after.state).toBe(before.state);
      const made = is.get(action.name);
      expect(made?.disks).toEqual(only(presentOf(before), made?.disks));
      if (made?.memory !== null) expect(made?.memory).toBe(before.memory);
      return;
    }
    case 'snapshot-revert': {
      expect(gone).toEqual([]);
      expect(presentOf(after)).toEqual({ ...presentOf(before), ...was.get(action.name)?.disks });
      expect(after.checkpoints).toEqual([]);
      const kept = [...is.keys()].filter((name) => !was.has(name));
      expect(kept).toHaveLength(action.keep ? 1 : 0);
      const point = is.get(kept[0] ?? '');
      if (action.keep) expect(point?.disks).toEqual(only(presentOf(before), point?.disks));
      const { memory } = was.get(action.name) ?? {};
      const resumed = typeof memory === 'number' && after.state !== 'off';
      if (resumed) expect(after.memory).toBe(memory);
      return;
    }
    case 'revert-undo':
      expect(presentOf(after)).toEqual({
        ...presentOf(before),
        ...was.get(before.undoable?.kept ?? '')?.disks,
      });
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

/**
 * No image that something needs is missing, and none is left that nothing needs.
 * @param tidy nobody else left any.
 */
export function checkFiles(
  before: PretendWorld,
  world: PretendWorld,
  plan: EnginePlan,
  tidy: boolean,
): void {
  for (const path of activeImages(world).values()) expect(isWhole(world, path), path).toBe(true);
  const needed = new Set<string>();
  const tops = [
    ...activeImages(world).values(),
    ...world.records.flatMap((one) => one.disks.map(({ target }) => frozenOf(one, target))),
  ];
  for (const top of tops) {
    for (let next: string | null = top; next !== null && !needed.has(next);) {
      needed.add(next);
      next = world.images.get(next)?.base ?? null;
    }
  }
  // What a plan says it leaves is left with the person’s knowledge, from then on.
  const told = plan.checks.filter(({ id }) => id.startsWith('left-image'));
  for (const path of world.images.keys()) {
    if (told.some(({ detail }) => detail.startsWith(`${path} `))) world.left.push(path);
  }
  const left = [...world.images.keys()].filter(
    (path) => !needed.has(path) && !world.left.includes(path),
  );
  const made = left.filter((path) => !before.images.has(path));
  expect(tidy ? left : made).toEqual([]);
  if (!tidy) return;
  const memories = world.records.flatMap(({ memoryFile }) => memoryFile ?? []);
  expect([...world.memoryFiles.keys()].sort()).toEqual(memories.sort());
}

export function checkPlan(facts: MachineFacts, plan: EnginePlan): void {
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
