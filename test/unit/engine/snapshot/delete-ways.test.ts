/** What other snapshots, other machines and other names of an image forbid. */
import { describe, expect, test } from 'vitest';
import type { MachineFacts, SnapshotFacts } from '#engine/interlock/facts.ts';
import type { EnginePlan } from '#engine/interlock/plan.ts';
import { planDelete, type DeleteAction } from '#engine/snapshot/plan-delete.ts';
import { planRevert } from '#engine/snapshot/plan-revert.ts';
import { askRevert, reasonsOf, taken } from './ask.ts';

const external = { storage: 'external', memory: false } as const;
const remove = (...names: string[]): DeleteAction => {
  return { kind: 'snapshot-delete', names, children: false };
};
const frozen = '/images/vda.qcow2';

const deletionsOf = ({ steps }: EnginePlan) =>
  steps.flatMap(({ actions }) => actions).filter((action) => action.do === 'delete-snapshot');

/** Somebody put the disk back on what "good" froze, and took "again" of that. */
function withTwin(given: MachineFacts): MachineFacts {
  const [good] = given.snapshots;
  if (good === undefined) throw new Error('no snapshot');
  const again: SnapshotFacts = { ...good, record: { ...good.record, name: 'again' } };
  return { ...given, snapshots: [good, again] };
}

/** Neither is under the disk, and what they froze stands on another image. */
function offTheLine(given: MachineFacts): MachineFacts {
  const [disk] = given.disks;
  const [image] = disk?.chain ?? [];
  if (disk === undefined || image === undefined) throw new Error('no disk');
  const base = { ...image, path: '/images/base.qcow2' };
  const now = { ...image, path: '/images/now.qcow2' };
  const [good] = given.snapshots;
  if (good === undefined) throw new Error('no snapshot');
  const first: SnapshotFacts = {
    ...good,
    record: { ...good.record, name: 'first' },
    frozen: [{ ...good.frozen[0]!, path: base.path, overlays: [frozen, now.path] }],
  };
  return {
    ...given,
    disks: [{ ...disk, chain: [now, base] }],
    snapshots: [first, ...withTwin(given).snapshots],
  };
}

describe('two snapshots that froze the same image', () => {
  test('nothing is merged into it while the other needs it: only the record goes', () => {
    const plan = planDelete(withTwin(taken(external)), remove('good'));
    expect(deletionsOf(plan)).toEqual([{ do: 'delete-snapshot', name: 'good', flags: 2 }]);
  });

  test('the last of them is merged', () => {
    const plan = planDelete(withTwin(taken(external)), remove('good', 'again'));
    const flags = deletionsOf(plan).map((action) => action.flags);
    expect(flags).toEqual([2, 0]);
  });

  test('with a snapshot after it, whose record libvirt would falsify, it is refused', () => {
    const given = withTwin(taken(external));
    const [good, again] = given.snapshots;
    const child = { ...again!, record: { ...again!.record, name: 'child', parent: 'good' } };
    const plan = planDelete({ ...given, snapshots: [good!, again!, child] }, remove('good'));
    expect(reasonsOf(plan)).toEqual(['same-image-good']);
  });

  test('the one off the disk’s line is forgotten, and the image stays for the other', () => {
    const plan = planDelete(offTheLine(taken(external)), remove('good'));
    const actions = plan.steps.flatMap((step) => step.actions);
    expect(plan.verdict).toBe('allowed');
    expect(actions.filter((action) => action.do === 'remove-file')).toEqual([]);
  });

  test('with both it goes', () => {
    const plan = planDelete(offTheLine(taken(external)), remove('good', 'again'));
    const paths = plan.steps.flatMap(({ actions }) =>
      actions.flatMap((action) => (action.do === 'remove-file' ? [action.path] : [])),
    );
    expect(paths).toContain(frozen);
  });
});

test('an image that another machine stands on is not written into', () => {
  const given = { ...taken(external), shared: [{ path: frozen, machine: 'clone-1' }] };
  const plan = planDelete(given, remove('good'));
  expect(reasonsOf(plan)).toEqual(['shared-image-good']);
  expect(plan.reasons[0]?.detail).toContain('clone-1');
});

test('an image that the records call by another name is not touched', () => {
  const given = taken(external);
  const snapshots = given.snapshots.map((one) => ({
    ...one,
    frozen: one.frozen.map((image) => ({ ...image, path: '/alias/vda.qcow2', seen: false })),
  }));
  expect(reasonsOf(planDelete({ ...given, snapshots }, remove('good')))).toEqual(['unseen-good']);
});

test('a chain that is not told by paths is not touched', () => {
  const given = taken(external);
  const disks = given.disks.map((disk) => ({
    ...disk,
    chain: disk.chain.map((image, at) => (at === 0 ? image : { ...image, path: 'json:{}' })),
  }));
  expect(reasonsOf(planDelete({ ...given, disks }, remove('good')))).toEqual(['unseen-good']);
});

test('a revert that keeps nothing leaves what another machine stands on', () => {
  const given = taken(external);
  const [active] = given.disks[0]?.chain ?? [];
  const removed = (facts: MachineFacts) =>
    planRevert(facts, askRevert({ keep: false })).steps.flatMap(({ actions }) =>
      actions.flatMap((action) => (action.do === 'remove-file' ? [action.path] : [])),
    );
  expect(removed(given)).toEqual([active?.path]);
  expect(removed({ ...given, shared: [{ path: active!.path, machine: 'clone-1' }] })).toEqual([]);
});
