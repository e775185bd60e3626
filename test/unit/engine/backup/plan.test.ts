import { describe, expect, test } from 'vitest';
import type { ReReadReason } from '#contract/domain.ts';
import {
  planBackup,
  type BackupInput,
  type CheckpointHealth,
  type DiskDecision,
  type LastPointFacts,
} from '#engine/backup/plan.ts';
import {
  disk,
  gib,
  imageOf,
  input,
  lastPoint,
  off,
  overlaid,
} from '../../../fakes/backup-input.ts';

function only(given: BackupInput): DiskDecision {
  return planBackup(given).disks[0]!;
}

const reRead = (reason: ReReadReason): DiskDecision => ({ target: 'vda', mode: 're-read', reason });
const changedOnly: DiskDecision = { target: 'vda', mode: 'changed-only' };

describe('which blocks of a disk are read', () => {
  const health: readonly CheckpointHealth[] = ['healthy', 'missing', 'inconsistent', 'unknown'];
  const withDisk = (change: Partial<LastPointFacts['disks'][number]>): LastPointFacts => ({
    ...lastPoint('vda'),
    disks: [{ ...lastPoint('vda').disks[0]!, ...change }],
  });
  const rows: readonly (readonly [string, BackupInput, DiskDecision])[] = [
    ['no point → first', input({ lastPoint: null }), reRead('first')],
    ['healthy, same size and source → changed-only', input(), changedOnly],
    ['checkpoint missing → reference-lost', input({ health: 'missing' }), reRead('reference-lost')],
    [
      'checkpoint inconsistent → reference-lost',
      input({ health: 'inconsistent' }),
      reRead('reference-lost'),
    ],
    [
      'point without a checkpoint → reference-lost',
      input({ lastPoint: { ...lastPoint('vda'), checkpoint: null } }),
      reRead('reference-lost'),
    ],
    [
      'checkpoint that does not mark this disk → reference-lost',
      input({ lastPoint: { ...lastPoint('vda'), checkpointDisks: ['vdb'] } }),
      reRead('reference-lost'),
    ],
    [
      'checkpoint whose disks are not known → changed-only, QEMU has the last word',
      input({ lastPoint: { ...lastPoint('vda'), checkpointDisks: null } }),
      changedOnly,
    ],
    [
      'another image in its place → reference-lost',
      input({ lastPoint: withDisk({ source: '/images/old.qcow2' }) }),
      reRead('reference-lost'),
    ],
    [
      'an overlay on the last image, running → changed-only',
      input({ disks: [overlaid] }),
      changedOnly,
    ],
    [
      'an overlay on the last image, whose bitmap was lost since → reference-lost',
      input({ disks: [{ ...overlaid, reachesDown: false }] }),
      reRead('reference-lost'),
    ],
    [
      'an overlay on the last image, stopped → reference-lost',
      input({ disks: [overlaid], machine: off }),
      reRead('reference-lost'),
    ],
    [
      'an overlay on another disk’s image → reference-lost',
      input({
        disks: [
          disk('vda', { source: '/images/b.over', chain: [imageOf('vdb')] }, { reachesDown: true }),
        ],
      }),
      reRead('reference-lost'),
    ],
    [
      'converted from another format → reference-lost',
      input({ lastPoint: withDisk({ format: 'raw' }) }),
      reRead('reference-lost'),
    ],
    [
      'a size that cannot be read → reference-lost',
      input({ disks: [disk('vda', {}, { sizeBytes: null })] }),
      reRead('reference-lost'),
    ],
    ['disk added → first', input({ lastPoint: lastPoint('vdb') }), reRead('first')],
    ['asked without any point → asked', input({ lastPoint: null, reread: true }), reRead('asked')],
    [
      'health not known while a QEMU runs → changed-only',
      input({ health: 'unknown' }),
      changedOnly,
    ],
    [
      'health not known on a closed image → reference-lost',
      input({ machine: off, health: 'unknown' }),
      reRead('reference-lost'),
    ],
    ['healthy on a closed image → changed-only', input({ machine: off }), changedOnly],
  ];
  test.each(rows)('%s', (_row, given, expected) => {
    expect(only(given)).toEqual(expected);
  });

  test.each(health)('resized, checkpoint %s → resized', (one) => {
    expect(only(input({ health: one, lastPoint: withDisk({ sizeBytes: 9 * gib }) }))).toEqual(
      reRead('resized'),
    );
  });
  test.each(health)('asked, checkpoint %s → asked', (one) => {
    expect(only(input({ health: one, reread: true }))).toEqual(reRead('asked'));
  });
  test.each([
    ['raw', disk('vda', { format: 'raw' })],
    ['vmdk', disk('vda', { format: 'vmdk' })],
    ['qcow2 of version 2', disk('vda', {}, { qcowVersion: 2 })],
    ['transient', disk('vda', { transient: true })],
  ])('%s → not-trackable, with a point, without, and when asked', (_what, one) => {
    const cases = [input(), input({ lastPoint: null }), input({ reread: true })];
    for (const given of cases) {
      expect(only({ ...given, disks: [one] })).toEqual(reRead('not-trackable'));
    }
  });
  test('qcow2 whose version cannot be read is taken as trackable', () => {
    expect(only(input({ disks: [disk('vda', {}, { qcowVersion: null })] }))).toEqual(changedOnly);
  });
});

describe('which disks are skipped', () => {
  test.each([
    ['cdrom', disk('sda', { device: 'cdrom', readOnly: true })],
    ['cdrom', disk('sda', { device: 'cdrom', source: null, sourceKind: 'none' })],
    ['floppy', disk('fda', { device: 'floppy' })],
    ['passthrough', disk('sda', { device: 'lun', sourceKind: 'block', source: '/dev/sdc' })],
    ['empty', disk('vdb', { source: null, sourceKind: 'none' })],
    ['read-only', disk('vdb', { readOnly: true })],
    ['shared', disk('vdb', { shareable: true })],
    ['network', disk('vdb', { sourceKind: 'network', source: 'rbd pool/image' })],
  ] as const)('%s', (reason, one) => {
    const decision = planBackup(input({ disks: [disk('vda'), one] }));
    expect(decision.disks).toEqual([
      changedOnly,
      { target: one.disk.target, mode: 'skip', reason },
    ]);
    expect(decision.checkpointDisks).toEqual(['vda']);
    expect(decision.refuse).toBeNull();
  });

  test('excluded; but what is a CD-ROM stays a CD-ROM', () => {
    const cdrom = disk('sda', { device: 'cdrom' });
    const given = input({ disks: [disk('vda'), disk('vdb'), cdrom], exclude: ['vdb', 'sda'] });
    expect(planBackup(given).disks.slice(1)).toEqual([
      { target: 'vdb', mode: 'skip', reason: 'excluded' },
      { target: 'sda', mode: 'skip', reason: 'cdrom' },
    ]);
  });

  test('a disk excluded last time is first when it comes back', () => {
    const given = input({ disks: [disk('vda'), disk('vdb')], lastPoint: lastPoint('vda') });
    expect(planBackup(given).disks).toEqual([
      changedOnly,
      { target: 'vdb', mode: 're-read', reason: 'first' },
    ]);
  });
});

describe('checkpoint and incremental', () => {
  test('mixed formats: raw is re-read and not marked, qcow2 goes on as changed-only', () => {
    const decision = planBackup(
      input({
        disks: [disk('vda'), disk('vdb', { format: 'raw' })],
        lastPoint: lastPoint('vda', 'vdb'),
      }),
    );
    expect(decision.disks.map(({ mode }) => mode)).toEqual(['changed-only', 're-read']);
    expect(decision).toMatchObject({ checkpointDisks: ['vda'], incremental: 'waymark-1' });
  });

  test('every disk re-read: nothing is incremental, all that can be are marked', () => {
    const given = input({ disks: [disk('vda'), disk('vdb')], reread: true });
    expect(planBackup(given)).toMatchObject({
      incremental: null,
      checkpointDisks: ['vda', 'vdb'],
      keptCheckpoint: null,
    });
  });

  test('only raw disks: no checkpoint at all', () => {
    const given = input({ disks: [disk('vda', { format: 'raw' })] });
    expect(planBackup(given)).toMatchObject({ incremental: null, checkpointDisks: [] });
  });

  test('a closed image gets no new mark and keeps a healthy old one', () => {
    expect(planBackup(input({ machine: off }))).toMatchObject({
      route: 'closed-image',
      incremental: 'waymark-1',
      checkpointDisks: [],
      keptCheckpoint: 'waymark-1',
    });
    expect(planBackup(input({ machine: off, health: 'missing' })).keptCheckpoint).toBeNull();
    expect(planBackup(input({ machine: off, lastPoint: null })).keptCheckpoint).toBeNull();
  });
});
