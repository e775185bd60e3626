/** What the doctor says of machines written down as values; real ones are in test/real. */
import { describe, expect, test } from 'vitest';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { attic, found, kinds, nameOf, newer, off, reference } from './diagnosed.ts';
import { at, checkpoint, disk, image, machine, snapshot, withBitmaps } from './machine.ts';

test('a healthy machine has nothing to be found', () => {
  const facts = machine({ checkpoints: [reference()] });
  const { report } = found(facts);
  expect(report.findings).toEqual([]);
  expect(report.looked).toContain('The bitmaps of each checkpoint, as libvirt checks them');
  expect(report.looked).toContain('The restore points in attic');
  expect(report.notLooked.map(({ what }) => what)).toEqual([
    'Bitmaps that were made since the machine was started',
  ]);
});

describe('a dead checkpoint', () => {
  test('C4: of a running machine, as libvirt says', () => {
    const disks = [{ target: 'vda', health: 'inconsistent' as const }];
    const facts = machine({ checkpoints: [reference({ disks })] });
    expect(found(facts).diagnoses).toMatchObject([
      {
        finding: { kind: 'dead-checkpoint', severity: 'problem' },
        cure: { do: 'remove-checkpoint', checkpoint: { name: nameOf(newer) } },
        consent: null,
        rereads: ['attic'],
      },
    ]);
    expect(found(facts).report.findings[0]?.title).toBe('The reference of attic is broken');
  });

  test('of a stopped one, as its closed images say, whatever was gathered', () => {
    const facts = machine({ ...off, checkpoints: [reference()] });
    expect(found(facts).diagnoses[0]?.cure).toMatchObject({
      checkpoint: { disks: [{ target: 'vda', health: 'missing' }] },
    });
    const bitmaps = [{ name: nameOf(newer), broken: true }];
    const killed = { ...facts, disks: [disk('vda', [image('/images/vda.qcow2', { bitmaps })])] };
    expect(found(killed).diagnoses[0]?.cure).toMatchObject({
      checkpoint: { disks: [{ target: 'vda', health: 'inconsistent' }] },
    });
    const closed = withBitmaps(nameOf(newer));
    const whole = { ...facts, disks: [disk('vda', [image('/images/vda.qcow2', closed)])] };
    expect(found(whole).report.findings).toEqual([]);
  });

  test('QEMU itself tells which disk it is', () => {
    const health = 'inconsistent' as const;
    const disks = [
      { target: 'vda', health },
      { target: 'vdb', health },
    ];
    const facts = machine({
      disks: [disk('vda', [image('/a')]), disk('vdb', [image('/b')])],
      checkpoints: [reference({ disks })],
    });
    const qemu = new Map([
      ['/a', [{ name: nameOf(newer), healthy: true }]],
      ['/b', []],
    ]);
    const { diagnoses, report } = found(facts, { qemu });
    expect(diagnoses[0]?.cure).toMatchObject({
      checkpoint: { disks: [{ health: 'healthy' }, { health: 'missing' }] },
    });
    expect(report.findings[0]?.detail).toContain('vdb');
    expect(report.findings[0]?.detail).not.toContain('vda');
    expect(report.notLooked).toEqual([]);
  });

  test('of another program only with a tick', () => {
    const disks = [{ target: 'vda', health: 'missing' as const }];
    const facts = machine({ checkpoints: [checkpoint('nightly', { owner: 'foreign', disks })] });
    expect(found(facts).diagnoses[0]?.consent).toMatchObject({ accept: 'Delete nightly' });
  });

  test('D2: while a job is under way it is not known, and said so', () => {
    const disks = [{ target: 'vda', health: 'unknown' as const }];
    const facts = machine({ libvirtJob: 'backup', checkpoints: [reference({ disks })] });
    expect(kinds(facts)).toEqual([]);
    expect(found(facts).report.notLooked.map(({ what }) => what)).toContain(
      'The bitmaps of each checkpoint',
    );
  });
});

describe('a pending checkpoint', () => {
  const pending = checkpoint('waymark-01m84000000000000000000000');

  test('of ours without a point in its repository', () => {
    const facts = machine({ checkpoints: [reference(), pending] });
    expect(found(facts).diagnoses).toMatchObject([
      {
        finding: { kind: 'pending-checkpoint', severity: 'notice' },
        cure: { do: 'remove-checkpoint', checkpoint: { name: pending.name } },
        consent: null,
      },
    ]);
  });

  test.each([
    ['a backup runs', { waymarkJob: 'Back up web-01 to attic' }, {}],
    ['libvirt runs a job', { libvirtJob: 'backup' }, {}],
    ['the repository cannot be read', {}, { repositories: [{ ...attic, points: null }] }],
    ['the repository is not known here', {}, { repositories: [] }],
  ])('is not said while %s', (_what, replace, evidence) => {
    expect(kinds(machine({ checkpoints: [pending], ...replace }), evidence)).toEqual([]);
  });

  test('is neither one made by hand nor one of another Waymark', () => {
    const facts = machine({
      checkpoints: [
        checkpoint('waymark-by-hand-2026-11-25-1', { of: null }),
        checkpoint(pending.name, { owner: 'other-waymark' }),
      ],
    });
    expect(kinds(facts)).toEqual([]);
  });
});

describe('images and snapshots', () => {
  test('B16: an overlay that others may read; a base is its owner’s business', () => {
    const chain = [image('/top', { mode: 0o644 }), image('/base', { mode: 0o644 })];
    const { diagnoses } = found(machine({ disks: [disk('vda', chain)] }));
    expect(diagnoses).toMatchObject([
      {
        finding: { kind: 'open-overlay', severity: 'problem' },
        cure: { do: 'protect-file', path: '/top', mode: 0o600, before: 0o644 },
      },
    ]);
  });

  test.each([
    [0o640, 'notice'],
    [0o604, 'problem'],
  ])('mode %o is a %s', (mode, severity) => {
    const disks = [disk('vda', [image('/top', { mode }), image('/base')])];
    expect(found(machine({ disks })).report.findings).toMatchObject([{ severity }]);
  });

  test('a group that may write is how QEMU reaches an image, so it still may', () => {
    const of = (mode: number) =>
      found(machine({ disks: [disk('vda', [image('/top', { mode }), image('/base')])] })).diagnoses;
    expect(of(0o660)).toEqual([]);
    expect(of(0o664)).toMatchObject([{ cure: { do: 'protect-file', mode: 0o660 } }]);
  });

  test('of another user it is said with the command', () => {
    const disks = [disk('vda', [image('/top', { mode: 0o644 }), image('/base')])];
    const host = { ...machine().host, kind: 'system-user' as const };
    const [diagnosis] = found(machine({ disks, host })).diagnoses;
    expect(diagnosis?.cure).toBeNull();
    expect(diagnosis?.finding.repair).toBeNull();
    expect(diagnosis?.finding.detail).toContain('sudo chmod 600 /top');
  });

  test('a missing image is nothing a program can mend, and what to do depends', () => {
    const chain = [image('/top'), image('/base', { exists: false, bitmaps: null })];
    const running = found(machine({ disks: [disk('vda', chain)] })).report.findings[0];
    expect(running).toMatchObject({ kind: 'broken-chain', repair: null });
    expect(running?.title).toBe('An image below vda is missing');
    expect(running?.detail).toContain('Back it up now');
    const stopped = found(machine({ ...off, disks: [disk('vda', chain)] })).report.findings[0];
    expect(stopped?.detail).toContain('Put the file back');
    expect(stopped?.id).toBe(running?.id);
  });

  test('another image than libvirt thinks', () => {
    const misled = [{ target: 'vda', told: '/base', found: '/other' }];
    expect(kinds(machine(), { misled })).toEqual(['broken-chain']);
  });

  test('a snapshot whose image is gone', () => {
    const frozen = [
      { target: 'vda', path: '/gone', format: 'qcow2', exists: false, seen: true, overlays: [] },
      { target: 'vdb', path: '/there', format: 'qcow2', exists: true, seen: true, overlays: [] },
    ];
    const facts = machine({ snapshots: [snapshot('before', { frozen })] });
    expect(found(facts).report.findings.map(({ title }) => title)).toEqual([
      'The snapshot before has lost an image',
    ]);
  });

  test('B19: a deletion that was cut off is finished by deleting the one after', () => {
    const deleting = { target: 'vda', kind: 'external', source: '/o1', deleting: true } as const;
    const disks = [{ ...deleting, format: 'qcow2', image: null }];
    const target = snapshot('first', {}, { disks });
    const after = snapshot('second', {}, { parent: 'first' });
    const one = found(machine({ snapshots: [target, after] }));
    expect(one.diagnoses).toMatchObject([
      {
        finding: { kind: 'unfinished-delete', title: 'The deletion of second was cut off' },
        cure: { do: 'delete-snapshot', name: 'second' },
      },
    ]);
    const branch = snapshot('third', {}, { parent: 'first' });
    const two = found(machine({ snapshots: [target, after, branch] }));
    expect(two.diagnoses).toMatchObject([{ finding: { repair: null }, cure: null }]);
  });
});

describe('left-overs', () => {
  const folder = '/scratch/5c9b3b0a00004000';

  test('a job of ours goes with its folder', () => {
    const { diagnoses } = found(machine({ libvirtJob: 'backup' }), {
      job: folder,
      folders: [folder],
    });
    expect(diagnoses).toMatchObject([
      { finding: { kind: 'left-over-job' }, cure: { do: 'end-job', workFolder: folder } },
    ]);
  });

  test('a folder, unless a backup runs', () => {
    expect(kinds(machine(), { folders: [folder] })).toEqual(['left-over-folder']);
    expect(kinds(machine({ waymarkJob: 'Back up' }), { folders: [folder] })).toEqual([]);
  });

  test('saved memory goes only with a tick', () => {
    const { diagnoses } = found(machine(), { memoryFiles: ['/images/web-01.before.memory'] });
    expect(diagnoses).toMatchObject([
      {
        finding: { kind: 'left-over-memory', severity: 'notice' },
        cure: { do: 'remove-file' },
        consent: { accept: 'Remove the saved memory' },
      },
    ]);
  });
});

test('a finding keeps its id while it is the same, and no two share one', () => {
  const facts = machine({
    checkpoints: [checkpoint('waymark-01m84000000000000000000000')],
    disks: [
      disk('vda', [image('/a', { ...withBitmaps('x', 'y'), mode: 0o644 }), image('/base')]),
      disk('vdb', [image('/b', { ...withBitmaps('x'), mode: 0o644 }), image('/base')]),
    ],
  });
  const ids = (given: MachineFacts) => found(given).report.findings.map(({ id }) => id);
  expect(ids({ ...facts, at: at + 5000 })).toEqual(ids(facts));
  expect(new Set(ids(facts)).size).toBe(ids(facts).length);
  expect(ids(facts)).toHaveLength(6);
});
