/** Rows C1, C4, C12 and D2 of the facts about libvirt, as the planner decides them. */
import { describe, expect, test } from 'vitest';
import { unmet } from '#contract/pre-flight.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import type { StepAction } from '#engine/interlock/steps.ts';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { planCheckpointDelete } from '#engine/checkpoint/plan-delete.ts';
import { mib } from '../../../fakes/machine-facts.ts';
import { checkpoint, disk, image, leftOut, machine, withBitmaps } from './machine.ts';

const remove = (facts: MachineFacts, ...names: readonly string[]) =>
  planCheckpointDelete(facts, { kind: 'checkpoint-delete', names: [...names] });
const actions = (facts: MachineFacts, ...names: readonly string[]): readonly StepAction[] =>
  remove(facts, ...names).steps.flatMap((step) => step.actions);
const whole = (name: string): StepAction => ({
  do: 'delete-checkpoint',
  name,
  metadataOnly: false,
});
const recordOnly = (name: string): StepAction => ({
  do: 'delete-checkpoint',
  name,
  metadataOnly: true,
});

describe('while the machine runs', () => {
  const facts = machine({ checkpoints: [checkpoint('a'), checkpoint('b', { parent: 'a' })] });

  test('libvirt deletes it with its bitmaps, and nothing brings it back', () => {
    const plan = remove(facts, 'a');
    expect(plan.verdict).toBe('allowed');
    expect(plan.tier).toBe(2);
    expect(plan.undoAction).toBeNull();
    expect(plan.steps.map((step) => [step.actions, step.undo])).toEqual([[[whole('a')], null]]);
    expect(plan.lost).toHaveLength(1);
  });

  test('C12: any of them, children first', () => {
    expect(actions(facts, 'a', 'b', 'a')).toEqual([whole('b'), whole('a')]);
    expect(remove(facts, 'a', 'b').title).toBe('Delete 2 checkpoints of web-01');
  });

  test('one that is not there is refused by name', () => {
    const plan = remove(facts, 'a', 'gone');
    expect(plan.verdict).toBe('refused');
    expect(plan.reasons.map(({ title }) => title)).toEqual(['There is no checkpoint gone']);
    expect(plan.steps).toEqual([]);
  });

  test('C4: a broken one of one disk is deleted like any other', () => {
    const disks = [{ target: 'vda', health: 'inconsistent' as const }];
    expect(actions(machine({ checkpoints: [checkpoint('a', { disks })] }), 'a')).toEqual([
      whole('a'),
    ]);
  });

  test('C4: of a bitmap that is gone only the record is left', () => {
    const disks = [{ target: 'vda', health: 'missing' as const }];
    expect(actions(machine({ checkpoints: [checkpoint('a', { disks })] }), 'a')).toEqual([
      recordOnly('a'),
    ]);
  });

  test('C4: a broken one of several disks is taken apart, so that no bitmap stays', () => {
    const disks = [
      { target: 'vda', health: 'inconsistent' as const },
      { target: 'vdb', health: 'missing' as const },
      { target: 'vdc', health: 'inconsistent' as const },
    ];
    const attached = ['vda', 'vdb', 'vdc'].map((one) => disk(one, [image(`/images/${one}.qcow2`)]));
    const facts = machine({ disks: attached, checkpoints: [checkpoint('a', { disks })] });
    const found = actions(facts, 'a');
    expect(found.map((action) => action.do)).toEqual([
      'delete-checkpoint',
      'record-checkpoint',
      'delete-checkpoint',
      'record-checkpoint',
      'delete-checkpoint',
    ]);
    expect(found[0]).toEqual(recordOnly('a'));
    const recorded = found.flatMap((one) =>
      one.do === 'record-checkpoint' ? [parseCheckpoint(one.xml)] : [],
    );
    expect(recorded.map((one) => one.disks)).toEqual([
      [{ target: 'vda', bitmap: 'a' }],
      [{ target: 'vdc', bitmap: 'a' }],
    ]);
    expect(new Set(recorded.map(({ name }) => name)).size).toBe(2);
    expect(found.slice(1).filter((one) => one.do === 'delete-checkpoint')).toEqual(
      recorded.map(({ name }) => whole(name)),
    );
  });
});

describe('while the machine is off', () => {
  const off = (chain: readonly ReturnType<typeof image>[], ...names: readonly string[]) =>
    machine({
      state: 'off',
      liveXml: null,
      disks: [disk('vda', chain)],
      checkpoints: names.map((name) => checkpoint(name)),
    });

  test('C1: the bitmap is taken out of every image that has it, then the record', () => {
    const chain = [
      image('/images/top.qcow2', withBitmaps('a', 'b')),
      image('/images/middle.qcow2', withBitmaps('a')),
      image('/images/base.raw', { format: 'raw' }),
    ];
    expect(actions(off(chain, 'a', 'b'), 'a')).toEqual([
      { do: 'remove-bitmap', image: '/images/top.qcow2', bitmap: 'a' },
      { do: 'remove-bitmap', image: '/images/middle.qcow2', bitmap: 'a' },
      recordOnly('a'),
    ]);
  });

  test('C4: one whose bitmap is gone is only forgotten', () => {
    expect(actions(off([image('/images/vda.qcow2')], 'a'), 'a')).toEqual([recordOnly('a')]);
  });

  test.each([
    ['not writable', { writable: false, ...withBitmaps('a') }, 'images-not-writable'],
    ['not readable', { writable: false, bitmaps: null }, 'images-not-readable'],
  ])('an image that is %s: refused, nothing half done', (_what, replace, id) => {
    const plan = remove(off([image('/images/vda.qcow2', replace)], 'a', 'b'), 'a', 'b');
    expect(plan.verdict).toBe('refused');
    expect(plan.reasons.map((reason) => reason.id)).toEqual([id]);
    expect(plan.reasons[0]?.detail).toContain('Start the machine');
    expect(plan.steps).toEqual([]);
  });

  test('an image that is not writable and has no such bitmap does not matter', () => {
    const chain = [
      image('/images/top.qcow2', withBitmaps('a')),
      image('/images/base.qcow2', { writable: false }),
    ];
    expect(actions(off(chain, 'a'), 'a')).toHaveLength(2);
  });

  test('a disk whose image is out of reach: refused, its bitmap would stay', () => {
    const facts = {
      ...off([image('/images/vda.qcow2')]),
      checkpoints: [checkpoint('a', { disks: [{ target: 'vda' }, { target: 'vdb' }] })],
    };
    const plan = remove({ ...facts, disks: [...facts.disks, leftOut('vdb', 'network')] }, 'a');
    expect(plan.reasons.map(({ id }) => id)).toEqual(['images-not-readable']);
  });

  test('a disk that was taken out or is no image any more is passed over', () => {
    const disks = [{ target: 'vda' }, { target: 'vdx' }, { target: 'sda' }];
    const facts = {
      ...off([image('/images/vda.qcow2', withBitmaps('a'))]),
      checkpoints: [checkpoint('a', { disks })],
    };
    const withDrive = { ...facts, disks: [...facts.disks, leftOut('sda', 'empty')] };
    expect(actions(withDrive, 'a')).toEqual([
      { do: 'remove-bitmap', image: '/images/vda.qcow2', bitmap: 'a' },
      recordOnly('a'),
    ]);
  });
});

describe('whose it is', () => {
  test('each foreign one needs its own tick', () => {
    const facts = machine({
      checkpoints: [
        checkpoint('nightly', { owner: 'foreign' }),
        checkpoint('waymark-x', { owner: 'other-waymark' }),
        checkpoint('mine'),
      ],
    });
    const { checks, verdict } = remove(facts, 'nightly', 'waymark-x', 'mine');
    expect(verdict).toBe('allowed');
    expect(unmet(checks, []).map(({ accept }) => accept)).toEqual([
      'Delete waymark-x',
      'Delete nightly',
    ]);
    expect(unmet(checks, ['foreign:nightly']).map(({ id }) => id)).toEqual(['foreign:waymark-x']);
    expect(unmet(checks, ['foreign:nightly', 'foreign:waymark-x'])).toEqual([]);
  });

  test('a name of any length has an id the contract takes', () => {
    const long = 'x'.repeat(1023);
    const facts = machine({ checkpoints: [checkpoint(long, { owner: 'foreign' })] });
    const id = remove(facts, long).checks[0]?.id ?? '';
    expect(id.length).toBeLessThanOrEqual(256);
    const other = machine({ checkpoints: [checkpoint(`${long.slice(1)}y`, { owner: 'foreign' })] });
    expect(remove(other, `${long.slice(1)}y`).checks[0]?.id).not.toBe(id);
  });

  test('a reference says which next backup reads everything', () => {
    const facts = machine({
      checkpoints: [
        checkpoint('a', { reference: true }),
        checkpoint('b', { reference: true, repository: 'usb-vault' }),
        checkpoint('c'),
      ],
    });
    const plan = remove(facts, 'a', 'b', 'c');
    expect(plan.costs.rereads).toEqual(['usb-vault', 'attic']);
    expect(plan.afterwards.map(({ runs, bytes }) => [runs, bytes])).toEqual([
      [false, 8 * mib],
      [false, 8 * mib],
    ]);
    expect(plan.checks.map(({ id, level, accept }) => [id, level, accept])).toEqual([
      ['reference:b', 'warning', undefined],
      ['reference:a', 'warning', undefined],
    ]);
    expect(remove(facts, 'c').costs.rereads).toEqual([]);
  });
});

test('D2: it never waits for another job', () => {
  const busy = { libvirtJob: 'backup', waymarkJob: 'Back up web-01', unfinished: 'Revert web-01' };
  const plan = remove(machine({ checkpoints: [checkpoint('a')], ...busy }), 'a');
  expect(plan.verdict).toBe('refused');
  expect(plan.reasons.map(({ id }) => id)).toEqual(['waymark-job', 'libvirt-job', 'unfinished']);
});
