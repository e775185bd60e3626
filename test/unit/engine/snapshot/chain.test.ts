import { expect, test } from 'vitest';
import { chainLengthWarned, mergeAction } from '#engine/snapshot/chain.ts';
import { planDelete } from '#engine/snapshot/plan-delete.ts';
import { machineFacts } from '../../../fakes/machine-facts.ts';
import { pretendWorld, type PretendSpec } from '../../../fakes/pretend-world.ts';
import { carryOut, take } from './ask.ts';

function deep(images: number, spec: PretendSpec = {}) {
  const world = pretendWorld(spec);
  for (let number = 1; number < images; number += 1) {
    take(world, { name: `s-${number}`, storage: 'external', memory: false });
  }
  return world;
}

test('B15 nothing is proposed while the chain is short', () => {
  expect(mergeAction(machineFacts(deep(chainLengthWarned - 1)))).toBeNull();
});

test('B15 from 20 images on the oldest are merged, and ten images are left', () => {
  const world = deep(chainLengthWarned);
  const action = mergeAction(machineFacts(world));
  if (action?.kind !== 'snapshot-delete') throw new Error('nothing is proposed');
  expect(action.names).toEqual(Array.from({ length: 10 }, (_, index) => `s-${index + 1}`));
  carryOut(world, planDelete(machineFacts(world), action));
  const [disk] = machineFacts(world).disks;
  expect(disk?.chain).toHaveLength(10);
  expect(mergeAction(machineFacts(world))).toBeNull();
});

test('nothing is proposed where the oldest cannot be deleted', () => {
  const facts = { ...machineFacts(deep(chainLengthWarned)), waymarkJob: 'Back up web-01' };
  expect(mergeAction(facts)).toBeNull();
});

test('a thousand snapshots are planned within a second', () => {
  const facts = machineFacts(deep(3));
  const [first] = facts.snapshots;
  const snapshots = Array.from({ length: 1000 }, (_, index) => ({
    ...first!,
    storage: 'internal' as const,
    frozen: [],
    record: { ...first!.record, name: `i-${index}`, disks: [], parent: null },
  }));
  const names = snapshots.map(({ record }) => record.name);
  const since = performance.now();
  const action = { kind: 'snapshot-delete' as const, names, children: true };
  expect(planDelete({ ...facts, snapshots }, action).steps).toHaveLength(1000);
  expect(performance.now() - since).toBeLessThan(1000);
});
