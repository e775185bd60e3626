/** Bitmaps that libvirt has no checkpoint of: which are told to it again, and which go. */
import { describe, expect, test } from 'vitest';
import { checkpointOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import { parseCheckpoint } from '#engine/hypervisor/checkpoint-xml.ts';
import { attic, found, kinds, nameOf, newer, off, older, reference } from './diagnosed.ts';
import { disk, image, installation, machine, snapshot, withBitmaps } from './machine.ts';

describe('a bitmap without a checkpoint', () => {
  const inside = (...names: readonly string[]) => [
    disk('vda', [image('/images/vda.qcow2', withBitmaps(...names))]),
  ];

  test('of a point of ours is a lost checkpoint: libvirt is told of it again', () => {
    const facts = machine({ ...off, disks: inside(nameOf(newer)) });
    const [diagnosis] = found(facts).diagnoses;
    expect(diagnosis?.finding).toMatchObject({ kind: 'lost-checkpoint', severity: 'problem' });
    if (diagnosis?.cure?.do !== 'record-checkpoint') throw new Error('It is not recorded.');
    const record = parseCheckpoint(diagnosis.cure.xml);
    expect(record.name).toBe(nameOf(newer));
    expect(record.time).toBe(newer.time);
    expect(checkpointOwner(record)).toEqual({ installation, repository: 'repo-1' });
    expect(record.disks).toEqual([{ target: 'vda', bitmap: nameOf(newer) }]);
  });

  test('only of the disks on which it is whole; the rest of it goes', () => {
    const name = nameOf(newer);
    const broken = [{ name, broken: true }];
    const facts = machine({
      ...off,
      disks: [
        disk('vda', [image('/a', withBitmaps(name))]),
        disk('vdb', [image('/b', { bitmaps: broken })]),
        disk('vdc', [image('/c'), image('/base', withBitmaps(name))]),
      ],
    });
    const { diagnoses } = found(facts);
    expect(diagnoses.map(({ cure }) => cure?.do)).toEqual(['record-checkpoint', 'remove-bitmap']);
    const [lost, rest] = diagnoses.map(({ cure }) => cure);
    if (lost?.do !== 'record-checkpoint') throw new Error('It is not recorded.');
    expect(parseCheckpoint(lost.xml).disks.map(({ target }) => target)).toEqual(['vda']);
    expect(rest).toMatchObject({ target: 'vdb', image: '/b' });
  });

  describe('since an external snapshot', () => {
    const name = nameOf(newer);
    const was = (source: string) => ({ sources: new Map([[name, new Map([['vda', source]])]]) });
    const chain = (below: readonly string[]) => [
      disk('vda', [image('/top', withBitmaps(name)), image('/base', withBitmaps(...below))]),
    ];

    test('it has to be in all images down to the one the point was made from', () => {
      const whole = machine({ ...off, disks: chain([name]) });
      expect(kinds(whole, was('/base'))).toEqual(['lost-checkpoint']);
      const torn = machine({ ...off, disks: chain([]) });
      expect(kinds(torn, was('/base'))).toEqual(['orphan-bitmap']);
      expect(kinds(torn, was('/top'))).toEqual(['lost-checkpoint']);
    });

    test('of a disk that had another image it is no use', () => {
      expect(kinds(machine({ ...off, disks: chain([name]) }), was('/elsewhere'))).toEqual([
        'orphan-bitmap',
      ]);
    });

    test('of a point whose manifest cannot be read nothing is said', () => {
      const sources = new Map();
      expect(kinds(machine({ ...off, disks: chain([name]) }), { sources })).toEqual([]);
    });

    test.each([off, {}])('libvirt’s word is not enough for a listed one either: %o', (state) => {
      const torn = machine({ ...state, disks: chain([]), checkpoints: [reference()] });
      expect(kinds(torn, was('/base'))).toEqual(['dead-checkpoint']);
      expect(kinds(torn, was('/top'))).toEqual([]);
      const whole = machine({ ...state, disks: chain([name]), checkpoints: [reference()] });
      expect(kinds(whole, was('/base'))).toEqual([]);
    });
  });

  test('below, it costs nothing and may be needed by others', () => {
    const disks = [disk('vda', [image('/top'), image('/base', withBitmaps('x'))])];
    expect(kinds(machine({ disks }))).toEqual([]);
  });

  test('in both, it goes only from its own image, so only while the machine is off', () => {
    const disks = [
      disk('vda', [image('/top', withBitmaps('x')), image('/base', withBitmaps('x'))]),
    ];
    const [running] = found(machine({ disks })).diagnoses;
    expect([running?.cure, running?.finding.repair]).toEqual([null, null]);
    expect(running?.finding.detail).toContain('while web-01 is off');
    expect(found(machine({ ...off, disks })).diagnoses[0]?.cure).toMatchObject({ image: '/top' });
  });

  test('the newest is told of, an older one only takes space', () => {
    const { diagnoses } = found(machine({ ...off, disks: inside(nameOf(older), nameOf(newer)) }));
    expect(diagnoses.map(({ finding, cure, consent }) => [finding.kind, cure, consent])).toEqual([
      ['lost-checkpoint', expect.objectContaining({ name: nameOf(newer) }), null],
      ['orphan-bitmap', expect.objectContaining({ bitmap: nameOf(older) }), null],
    ]);
  });

  test('with a living reference as new, it only takes space', () => {
    const facts = machine({ disks: inside(nameOf(older)), checkpoints: [reference()] });
    expect(kinds(facts)).toEqual(['orphan-bitmap']);
  });

  test('a dead newer one does not hide an older one that is whole', () => {
    const facts = machine({ ...off, disks: inside(nameOf(older)), checkpoints: [reference()] });
    expect(kinds(facts)).toEqual(['dead-checkpoint', 'lost-checkpoint']);
  });

  test('each repository has its own reference', () => {
    const vault = { id: 'repo-2', name: 'vault', points: [older] };
    const facts = machine({ disks: inside(nameOf(older)), checkpoints: [reference()] });
    const evidence = { repositories: [{ ...attic, points: [newer] }, vault] };
    expect(kinds(facts, evidence)).toEqual(['lost-checkpoint']);
  });

  test('C6: on a running machine it is said that the backup checks it', () => {
    const facts = machine({ disks: inside(nameOf(newer)) });
    expect(found(facts).report.findings[0]?.repair).toContain('checked by that backup');
  });

  test('nobody knows: it goes only with a tick', () => {
    for (const bitmap of ['waymark-01m9zzzzzzzzzzzzzzzzzzzzzz', 'virtnbdbackup.0']) {
      const [diagnosis] = found(machine({ disks: inside(bitmap) })).diagnoses;
      expect(diagnosis?.finding).toMatchObject({ kind: 'orphan-bitmap', severity: 'notice' });
      expect(diagnosis?.consent?.accept).toBe(`Remove ${bitmap} from vda`);
    }
  });

  test('A1: beside an internal snapshot it is a problem', () => {
    const snapshots = [snapshot('before', { storage: 'internal' })];
    const facts = machine({ disks: inside('x'), snapshots });
    expect(found(facts).report.findings).toMatchObject([{ severity: 'problem' }]);
  });

  test('one that libvirt names is none', () => {
    const facts = machine({ disks: inside(nameOf(newer)), checkpoints: [reference()] });
    expect(kinds(facts)).toEqual([]);
  });

  test('QEMU tells of one that is in no file yet', () => {
    const qemu = new Map([['/images/vda.qcow2', [{ name: nameOf(newer), healthy: true }]]]);
    expect(kinds(machine(), { qemu })).toEqual(['lost-checkpoint']);
  });

  test('images that cannot be read are named', () => {
    const disks = [disk('vda', [image('/images/vda.qcow2', { bitmaps: null, format: '' })])];
    expect(found(machine({ ...off, disks })).report.notLooked).toEqual([
      {
        what: 'The bitmaps in the images of vda',
        why: '/images/vda.qcow2 cannot be read by this user.',
      },
    ]);
  });
});
