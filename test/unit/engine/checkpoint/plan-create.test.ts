/** Rows C1, C2, C3, C7, C8 and A9 of the facts about libvirt, as the planner decides them. */
import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { checkpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { planCheckpointCreate } from '#engine/checkpoint/plan-create.ts';
import { showPlan } from '#engine/interlock/plan.ts';
import { mib } from '../../../fakes/machine-facts.ts';
import {
  at,
  checkpoint,
  disk,
  image,
  installation,
  leftOut,
  machine,
  snapshot,
  withBitmaps,
} from './machine.ts';

const create = (facts: MachineFacts) =>
  planCheckpointCreate(facts, { kind: 'checkpoint-create' }, installation);
const reasonIds = (facts: MachineFacts) => create(facts).reasons.map(({ id }) => id);

/** The checkpoint a plan hands to libvirt. */
function created(facts: MachineFacts) {
  const action = create(facts).steps[0]?.actions[0];
  if (action?.do !== 'create-checkpoint') throw new Error('No checkpoint is created.');
  return { name: action.name, record: parseCheckpoint(action.xml), xml: action.xml };
}

describe('a checkpoint by hand', () => {
  test('of a running machine: one step, taken back by deleting it', () => {
    const plan = create(machine());
    expect(plan.verdict).toBe('allowed');
    const { name, record } = created(machine());
    expect(plan.steps.map(({ actions, undo }) => [actions.length, undo])).toEqual([
      [1, [{ do: 'delete-checkpoint', name, metadataOnly: false }]],
    ]);
    expect(plan.undoAction).toEqual({ kind: 'checkpoint-delete', names: [name] });
    expect(record.name).toBe(name);
    expect(checkpointOwner(record)).toEqual({ installation, repository: null });
    expect(record.disks).toEqual([{ target: 'vda', bitmap: name }]);
  });

  test('a paused machine runs a QEMU too', () => {
    expect(create(machine({ state: 'paused' })).verdict).toBe('allowed');
  });

  test('shown again a minute later it is the same plan', () => {
    const first = machine();
    const second = machine({ at: at + 60_000 });
    const fingerprint = (facts: MachineFacts) => showPlan(facts, create(facts)).fingerprint;
    expect(fingerprint(second)).toBe(fingerprint(first));
  });

  test.each(['off', 'crashed'] as const)('C1: %s, it is refused with what to do', (state) => {
    const plan = create(machine({ state, liveXml: null }));
    expect(plan.verdict).toBe('refused');
    expect(plan.steps).toEqual([]);
    expect(plan.reasons.map(({ id }) => id)).toEqual(['not-running']);
    expect(plan.reasons[0]?.detail).toContain('Start web-01');
  });

  test('C2: a raw image is left out and named with the way out', () => {
    const raw = disk('vdb', [image('/images/vdb.raw', { format: 'raw', bitmaps: null })]);
    const facts = machine({ disks: [...machine().disks, raw] });
    expect(created(facts).record.disks.map(({ target }) => target)).toEqual(['vda']);
    // libvirt takes part in each disk it is not told about.
    expect(created(facts).xml).toContain('<disk name="vdb" checkpoint="no"');
    const check = create(facts).checks.find(({ id }) => id === 'not-marked-vdb');
    expect(check).toMatchObject({ level: 'warning' });
    expect(check?.detail).toContain('external snapshot');
  });

  test('C2: a raw base below a qcow2 image is fine', () => {
    const chain = [image('/images/top.qcow2'), image('/images/base.raw', { format: 'raw' })];
    expect(create(machine({ disks: [disk('vda', chain)] })).verdict).toBe('allowed');
  });

  test('C3: nothing but a qcow2 of version 2 is refused with the command that mends it', () => {
    const facts = machine({
      disks: [disk('vda', [image('/images/old.qcow2', { oldFormat: true })])],
    });
    expect(reasonIds(facts)).toEqual(['no-disk']);
    expect(create(facts).reasons[0]?.detail).toContain(
      'qemu-img amend -o compat=1.1 /images/old.qcow2',
    );
  });

  test.each(['cdrom', 'floppy', 'empty', 'read-only'] as const)('%s is no surprise', (why) => {
    const facts = machine({ disks: [...machine().disks, leftOut('sda', why)] });
    expect(create(facts).checks).toMatchObject([{ id: 'not-marked-sda', level: 'ok' }]);
  });

  test.each(['shared', 'passthrough', 'network', 'transient', 'sd-bus', 'vhost-user'] as const)(
    '%s is said',
    (why) => {
      const facts = machine({ disks: [...machine().disks, leftOut('sda', why)] });
      expect(create(facts).checks).toMatchObject([{ id: 'not-marked-sda', level: 'warning' }]);
      expect(created(facts).xml).toContain('<disk name="sda" checkpoint="no"');
    },
  );

  test('a machine without disks has nothing to mark', () => {
    expect(reasonIds(machine({ disks: [] }))).toEqual(['no-disk']);
  });

  test('C7: the fourth says what each one costs', () => {
    const some = ['a', 'b', 'c'].map((name) => checkpoint(name, { owner: 'foreign' }));
    expect(create(machine({ checkpoints: some.slice(1) })).checks).toEqual([]);
    const plan = create(machine({ checkpoints: some }));
    expect(plan.checks.map(({ id, level }) => [id, level])).toEqual([
      ['many-checkpoints', 'warning'],
    ]);
    // 64 MiB at one bit for 64 KiB.
    expect(plan.costs.bytes).toBe((64 * mib) / (64 * 1024) / 8);
  });

  test('C8: QEMU’s limit of bitmaps', () => {
    const bitmaps = Array.from({ length: 65_535 }, (_, at) => ({ name: `b${at}`, broken: false }));
    const full = disk('vda', [image('/images/vda.qcow2', { bitmaps })]);
    expect(reasonIds(machine({ disks: [full] }))).toEqual(['too-many']);
  });

  test('A9: no name of a checkpoint or a bitmap is used twice', () => {
    const { name } = created(machine());
    expect(name).toBe('waymark-by-hand-2026-11-25-1');
    const listed = machine({ checkpoints: [checkpoint(name, { of: null })] });
    expect(created(listed).name).toBe('waymark-by-hand-2026-11-25-2');
    const old = image('/images/base.qcow2', withBitmaps('waymark-by-hand-2026-11-25-7', 'x'));
    const carried = machine({ disks: [disk('vda', [image('/images/vda.qcow2'), old])] });
    expect(created(carried).name).toBe('waymark-by-hand-2026-11-25-8');
  });

  test('before 6.10 libvirt keeps none', () => {
    const host = { ...machine().host, libvirt: 6_009_000 };
    expect(reasonIds(machine({ host }))).toEqual(['libvirt-version']);
  });

  test('D2: it never waits for another job', () => {
    expect(reasonIds(machine({ libvirtJob: 'backup' }))).toEqual(['libvirt-job']);
    expect(reasonIds(machine({ waymarkJob: 'Back up web-01 to attic' }))).toEqual(['waymark-job']);
    expect(reasonIds(machine({ unfinished: 'Revert web-01' }))).toEqual(['unfinished']);
  });

  test('A2: beside internal snapshots it says what a revert does with it', () => {
    const facts = machine({ snapshots: [snapshot('before', { storage: 'internal' })] });
    expect(create(facts).checks).toMatchObject([{ id: 'internal-snapshots', level: 'ok' }]);
  });

  test('B18: of a transient machine it is forgotten with it', () => {
    const plan = create(machine({ persistent: false }));
    expect(plan.verdict).toBe('allowed');
    expect(plan.checks).toMatchObject([{ id: 'transient-machine', level: 'warning' }]);
  });
});
