import { describe, expect, test } from 'vitest';
import { unmet } from '#contract/pre-flight.ts';
import type { Evidence } from '#engine/checkpoint/evidence.ts';
import { diagnose } from '#engine/checkpoint/examine.ts';
import { planRepair } from '#engine/checkpoint/plan-repair.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { mib } from '../../../fakes/machine-facts.ts';
import {
  at,
  checkpoint,
  disk,
  image,
  installation,
  machine,
  snapshot,
  withBitmaps,
} from './machine.ts';

const point = { id: '01M83Q4HZQ8W3V0D9K4C5E6F7G', time: at - 3_600_000 };
const name = `waymark-${point.id.toLowerCase()}`;
const attic = { id: 'repo-1', name: 'attic', points: [point] };
const off = { state: 'off' as const, liveXml: null };

/** The plan that repairs all that is found; `now` is the machine as it is when it is planned. */
function repair(
  facts: MachineFacts,
  evidence: Partial<Evidence> = {},
  now = facts,
  extra?: string,
) {
  const examination = diagnose(facts, {
    installation,
    repositories: [attic],
    sources: new Map([[name, new Map()]]),
    qemu: null,
    folders: [],
    job: null,
    memoryFiles: [],
    misled: [],
    notLooked: [],
    ...evidence,
  });
  const ids = examination.report.findings.map(({ id }) => id);
  const findings = extra === undefined ? ids : [...ids, extra];
  return planRepair(now, { kind: 'repair', findings, details: false }, examination);
}
const actions = (...given: Parameters<typeof repair>) =>
  repair(...given).steps.flatMap((step) => step.actions);

describe('what it does', () => {
  const dead = checkpoint(name, {
    reference: true,
    disks: [{ target: 'vda', health: 'inconsistent' }],
  });
  const killed = disk('vda', [
    image('/images/vda.qcow2', { bitmaps: [{ name, broken: true }], usedBytes: 5 * mib }),
  ]);

  test('C4: a dead reference goes, and the next backup reads everything', () => {
    const plan = repair(machine({ checkpoints: [dead], disks: [killed] }));
    expect(plan.verdict).toBe('allowed');
    expect(plan.tier).toBe(2);
    expect(plan.steps.flatMap((step) => step.actions)).toEqual([
      { do: 'delete-checkpoint', name, metadataOnly: false },
    ]);
    expect(plan.costs.rereads).toEqual(['attic']);
    expect(plan.afterwards).toMatchObject([{ runs: false, bytes: 5 * mib }]);
    expect(plan.checks).toEqual([]);
  });

  test('found while it ran, repaired while it is off: from the closed image', () => {
    const facts = machine({ checkpoints: [dead], disks: [killed] });
    expect(actions(facts, {}, { ...facts, ...off })).toEqual([
      { do: 'remove-bitmap', image: '/images/vda.qcow2', bitmap: name },
      { do: 'delete-checkpoint', name, metadataOnly: true },
    ]);
  });

  test('a lost checkpoint is recorded, and that can be taken back', () => {
    const facts = machine({ ...off, disks: [disk('vda', [image('/a', withBitmaps(name))])] });
    const plan = repair(facts);
    expect(plan.steps.map((step) => [step.actions.map((one) => one.do), step.undo])).toEqual([
      [['record-checkpoint'], [{ do: 'delete-checkpoint', name, metadataOnly: true }]],
    ]);
    expect(plan.costs.rereads).toEqual([]);
  });

  const orphaned = machine({
    disks: [
      disk('vda', [image('/top', withBitmaps('x')), image('/base')]),
      disk('vdb', [image('/other')]),
    ],
  });

  test('an orphan bitmap of a running machine goes through libvirt, in two actions', () => {
    const found = actions(orphaned);
    expect(found.map((one) => one.do)).toEqual(['record-checkpoint', 'delete-checkpoint']);
    const [record, removal] = found;
    if (record?.do !== 'record-checkpoint') throw new Error('Nothing is recorded.');
    expect(parseCheckpoint(record.xml).disks).toEqual([{ target: 'vda', bitmap: 'x' }]);
    expect(removal).toEqual({ do: 'delete-checkpoint', name: record.name, metadataOnly: false });
    expect(record.name).toMatch(/^[\w-]+$/);
  });

  test('of a stopped one it goes from its own image', () => {
    const stopped = { ...orphaned, ...off };
    expect(actions(stopped)).toEqual([{ do: 'remove-bitmap', image: '/top', bitmap: 'x' }]);
  });

  test('not from an image that took its place since', () => {
    const over = disk('vda', [image('/newer'), image('/top', withBitmaps('x')), image('/base')]);
    const stopped = { ...orphaned, ...off };
    expect(actions(stopped, {}, { ...stopped, disks: [over] })).toEqual([]);
  });

  test('found while it was off, not from the images below while it runs', () => {
    const chain = [image('/top', withBitmaps('x')), image('/base', withBitmaps('x'))];
    const facts = machine({ disks: [disk('vda', chain)] });
    const plan = repair({ ...facts, ...off }, {}, facts);
    expect(plan.reasons.map(({ id }) => id)).toEqual(['bitmap-below']);
    expect(actions({ ...facts, ...off })).toEqual([
      { do: 'remove-bitmap', image: '/top', bitmap: 'x' },
    ]);
  });

  test('a job first, folders last', () => {
    const facts = machine({
      libvirtJob: 'backup',
      checkpoints: [dead],
      disks: [disk('vda', [image('/top', { mode: 0o644 }), image('/base')])],
    });
    const found = actions(facts, {
      job: '/scratch/one',
      folders: ['/scratch/one', '/scratch/two'],
    });
    expect(found.map((one) => one.do)).toEqual([
      'end-job',
      'remove-folder',
      'delete-checkpoint',
      'protect-file',
      'remove-folder',
    ]);
  });

  test('a file is protected, and opened again when that is taken back', () => {
    const facts = machine({
      disks: [disk('vda', [image('/top', { mode: 0o644 }), image('/base')])],
    });
    expect(repair(facts).steps).toMatchObject([
      {
        actions: [{ do: 'protect-file', path: '/top', mode: 0o600 }],
        undo: [{ do: 'protect-file', path: '/top', mode: 0o644 }],
      },
    ]);
  });

  test('B19: a deletion is begun again', () => {
    const deleting = { target: 'vda', kind: 'external', source: '/o', deleting: true } as const;
    const disks = [{ ...deleting, format: 'qcow2', image: null }];
    const snapshots = [
      snapshot('first', {}, { disks }),
      snapshot('second', {}, { parent: 'first' }),
    ];
    expect(actions(machine({ snapshots }))).toEqual([
      { do: 'delete-snapshot', name: 'second', flags: 0 },
    ]);
  });
});

describe('when it is refused', () => {
  test('a finding that is not found any more', () => {
    const plan = repair(machine(), {}, machine(), 'dead-checkpoint:gone');
    expect(plan.verdict).toBe('refused');
    expect(plan.reasons).toMatchObject([{ title: 'This is not found any more' }]);
  });

  test('what only a person can mend', () => {
    const facts = machine({ disks: [disk('vda', [image('/gone', { exists: false })])] });
    const plan = repair(facts);
    expect(plan.verdict).toBe('refused');
    expect(plan.reasons[0]?.detail).toContain('/gone is not there');
  });

  test('closed images that are not ours to change', () => {
    const closed = image('/top', { ...withBitmaps('x'), writable: false });
    const facts = machine({ ...off, disks: [disk('vda', [closed])] });
    expect(repair(facts).reasons.map(({ id }) => id)).toEqual(['images-not-writable']);
  });

  test.each([
    ['waymark-job', { waymarkJob: 'Back up web-01' }],
    ['libvirt-job', { libvirtJob: 'snapshot' }],
    ['unfinished', { unfinished: 'Revert web-01' }],
  ])('D2: %s comes first', (id, busy) => {
    const facts = machine({ disks: [disk('vda', [image('/a', withBitmaps('x'))])] });
    expect(repair(facts, {}, { ...facts, ...busy }).reasons.map((reason) => reason.id)).toEqual([
      id,
    ]);
  });

  test('nothing of somebody else goes without its tick', () => {
    const facts = machine({
      checkpoints: [
        checkpoint('nightly', {
          owner: 'foreign',
          disks: [{ target: 'vda', health: 'inconsistent' }],
        }),
      ],
      disks: [disk('vda', [image('/a', withBitmaps('x', 'nightly'))])],
    });
    const plan = repair(facts);
    expect(plan.verdict).toBe('allowed');
    expect(unmet(plan.checks, []).map(({ accept }) => accept)).toEqual([
      'Delete nightly',
      'Remove x from vda',
    ]);
    expect(plan.lost).toHaveLength(2);
  });
});
