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
import type { StepAction } from '#engine/interlock/steps.ts';
import { domainSnapshotXml } from '#engine/snapshot/snapshot-xml.ts';
import { machineFacts } from '../../../fakes/machine-facts.ts';
import { perform } from '../../../fakes/pretend-machine.ts';
import {
  activeImages,
  addCheckpoint,
  guestWrites,
  isWhole,
  pretendWorld,
  resumeSaved,
  saveMachine,
  type PretendWorld,
} from '../../../fakes/pretend-world.ts';
import { checkDone, checkFiles, checkGaps, checkPlan, planFor, run } from './story-checks.ts';

type Event =
  | { readonly what: 'write'; readonly block: number; readonly value: number }
  | { readonly what: 'checkpoint' | 'switch' | 'save' }
  | { readonly what: 'ask'; readonly seed: number; readonly action: number }
  | { readonly what: 'virsh'; readonly seed: number };

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
    const disks = seed % 7 === 0 ? ['vda'] : null;
    return { ...create, memory: bit(1), storage, freeze: false, disks };
  }
  if (action < 7) {
    const to = (['as-taken', 'running', 'paused', 'off'] as const)[seed % 4] ?? 'as-taken';
    return { kind: 'snapshot-revert' as const, name, to, keep: bit(2) || bit(3) };
  }
  if (action === 7) return { kind: 'revert-undo' as const };
  return { kind: 'snapshot-delete' as const, names: [name], children: bit(4) };
}

/** Another tool does what libvirt lets it do, right or wrong; what it refuses does not happen. */
function byHand(world: PretendWorld, seed: number): PretendWorld {
  const after = structuredClone(world);
  const name = pick(world.records, seed)?.name ?? '';
  const targets = [...activeImages(world).keys()];
  const inside = seed % 2 === 0;
  const overlay = (target: string) => `/images/virsh-${world.clock}.${target}.qcow2`;
  const xml = domainSnapshotXml({
    ...{ name: `v${world.clock}`, description: '' },
    memory: { kind: inside && world.state !== 'off' ? 'internal' : 'no' },
    disks: targets.map((target) =>
      inside
        ? { target, kind: 'internal' }
        : { target, kind: 'external', overlay: overlay(target) },
    ),
  });
  const made = { flags: inside ? 0 : 16, makes: [], freeze: false };
  const done: readonly StepAction[] = [
    { do: 'create-snapshot', name: `v${world.clock}`, xml, ...made },
    { do: 'revert-snapshot', name, flags: 0 },
    { do: 'delete-snapshot', name, flags: seed % 4 === 3 ? 2 : 0 },
  ];
  try {
    const action = pick(done, seed >> 2);
    if (action !== undefined) perform(after, action);
    return after;
  } catch {
    return world;
  }
}

const tally = { refused: 0, done: 0 };

/** @param tidy nobody else has a hand in it. */
function live(world: PretendWorld, one: Event, tidy: boolean): PretendWorld {
  switch (one.what) {
    case 'write':
      if (world.state === 'running') guestWrites(world, one.block, one.value);
      return world;
    case 'checkpoint':
      if (world.state !== 'off') addCheckpoint(world, `waymark-${++world.clock}`);
      return world;
    case 'switch':
      if (world.managedSave) {
        const finds = resumeSaved(world);
        if (tidy) expect(finds, 'the guest finds its disks').toBe(true);
      } else if (world.state === 'off') perform(world, { do: 'start', paused: false });
      else perform(world, { do: 'stop' });
      return world;
    case 'save':
      if (world.state === 'running') saveMachine(world);
      return world;
    case 'virsh':
      return byHand(world, one.seed);
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
      checkFiles(world, after, plan, tidy);
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
            for (const one of events) world = live(world, one, true);
          },
        ),
        { numRuns: 12 },
      );
    },
    600_000,
  );

  test.each(versions)(
    'and other tools have a hand in it, libvirt %d',
    (libvirt) => {
      const virsh = fc.record({ what: fc.constant('virsh' as const), seed: fc.nat(1000) });
      const events = fc.array(fc.oneof(event, virsh), { minLength: 3, maxLength: 20 });
      fc.assert(
        fc.property(fc.constantFrom('running' as const, 'off' as const), events, (state, some) => {
          let world = pretendWorld({ libvirt, state });
          for (const one of some) {
            world = live(world, one, false);
            // They broke the machine itself: there is nothing left to plan.
            if ([...activeImages(world).values()].some((path) => !isWhole(world, path))) return;
          }
        }),
        { numRuns: 12 },
      );
    },
    600_000,
  );

  test('is allowed often enough to mean something', () => {
    expect(tally.done).toBeGreaterThan(tally.refused);
  });
});
