/**
 * What changed before an external snapshot is recorded in the image below it. Where that part of
 * the record is gone, libvirt still calls the rest healthy: no backup may start from it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { Repository } from '#contract/domain.ts';
import { admit } from './patient.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: reference below: ${reason}`);
const mib = 1024 * 1024;
const snapshot: MachineAction = {
  ...{ kind: 'snapshot-create', name: 'before', description: '', memory: false },
  ...{ storage: 'external', freeze: false, disks: null },
};

describe.skipIf(reason !== null)('a record in two images', { timeout: 120_000 }, () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;
  let attic: Repository;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine();
    attic = await engine.createRepository('attic', null);
  }, 60_000);
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });

  /** Changes on both sides of an external snapshot, all of them since the restore point. */
  const onTwoImages = async (name: string) => {
    const patient = await admit(libvirtd, engine, name);
    await patient.vda.write(1, 0, mib);
    const { checkpoint } = await patient.backup(attic);
    await patient.vda.write(2, 2 * mib, mib);
    await engine.act(patient.id, snapshot);
    await patient.vda.write(3, 4 * mib, mib);
    const base = patient.machine.disks.find(({ target }) => target === 'vda')?.path ?? '';
    return { patient, checkpoint: checkpoint ?? '', base };
  };

  test('whole: only what changed is read', async () => {
    const { patient } = await onTwoImages('whole');
    expect(await patient.kinds()).toEqual([]);
    const point = await patient.backup(attic);
    expect(point.disks.map(({ mode }) => mode)).toEqual(['changed-only', 'changed-only']);
    await patient.expectExact(point);
  });

  test('the lower part is gone: everything is read, and the doctor says why', async () => {
    const { patient, checkpoint, base } = await onTwoImages('torn');
    await patient.stop();
    await libvirtd.runAs('qemu-img', ['bitmap', '--remove', base, checkpoint]);
    expect(await patient.kinds()).toEqual(['dead-checkpoint']);
    await patient.start();
    expect(await patient.kinds()).toEqual(['dead-checkpoint']);
    const point = await patient.backup(attic);
    expect(point.disks[0]).toMatchObject({ mode: 're-read', reason: 'reference-lost' });
    await patient.expectExact(point);
  });

  test('forgotten by libvirt with the lower part gone: it is not told to it again', async () => {
    const { patient, checkpoint, base } = await onTwoImages('both');
    await patient.stop();
    await libvirtd.virsh('checkpoint-delete', '--metadata', patient.machine.uuid, checkpoint);
    await libvirtd.runAs('qemu-img', ['bitmap', '--remove', base, checkpoint]);
    const { findings } = await patient.examine();
    expect(findings.map(({ kind }) => kind)).toEqual(['lost-checkpoint', 'orphan-bitmap']);
    await patient.repair();
    await patient.start();
    const point = await patient.backup(attic);
    expect(point.disks.map(({ mode }) => mode)).toEqual(['re-read', 'changed-only']);
    await patient.expectExact(point);
  });
});
