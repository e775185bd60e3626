/**
 * The doctor on the real libvirt: what kill -9, other programs and lost records do to checkpoints
 * is found and named, and after the repair the next backup is right to the byte.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Repository } from '#contract/domain.ts';
import { describeOwner } from '#engine/hypervisor/checkpoint-owner.ts';
import { domainCheckpointXml } from '#engine/hypervisor/checkpoint-xml.ts';
import { admit, installationOf, type Patient } from './patient.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: doctor: ${reason}`);
const mib = 1024 * 1024;

describe.skipIf(reason !== null)('the doctor', { timeout: 120_000 }, () => {
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

  const modes = async (patient: Patient) => {
    const point = await patient.backup(attic);
    await patient.expectExact(point);
    return point.disks.map(({ mode, reason: why }) => why ?? mode);
  };
  /** A machine with a restore point, whose bitmaps are in its images and record again. */
  const withReference = async (name: string) => {
    const patient = await admit(libvirtd, engine, name);
    await patient.vda.write(1, 0, 2 * mib);
    await patient.vdb.write(2, mib, mib);
    const { checkpoint } = await patient.backup(attic);
    if (checkpoint === null) throw new Error('The backup set no checkpoint.');
    await patient.stop();
    await patient.start();
    await patient.vda.write(3, 4 * mib, mib);
    return { patient, checkpoint };
  };
  /** What was written last is lost or not, as with a power cut, so it is written anew. */
  const killed = async (patient: Patient) => {
    await patient.kill();
    await patient.vda.writeClosed(4, 4 * mib, mib);
  };
  const forget = (patient: Patient, name: string) =>
    libvirtd.virsh('checkpoint-delete', '--metadata', patient.machine.uuid, name);
  const checkpoint = async (patient: Patient, name: string, description: string) => {
    const file = join(libvirtd.folder, `${patient.machine.name}-checkpoint.xml`);
    const disks = ['vda', 'vdb'].map((target) => ({ target, checkpoint: true }));
    writeFileSync(file, domainCheckpointXml({ name, description, disks }), { mode: 0o644 });
    await libvirtd.virsh('checkpoint-create', patient.machine.uuid, file);
  };

  test('finds nothing wrong with a machine that is well, running or not', async () => {
    const { patient, checkpoint: name } = await withReference('well');
    expect(await patient.kinds()).toEqual([]);
    await patient.stop();
    expect(await patient.kinds()).toEqual([]);
    await patient.start();
    expect(await patient.checkpoints()).toEqual([name]);
    expect(await modes(patient)).toEqual(['changed-only', 'changed-only']);
  });

  test.each(['running', 'off'] as const)(
    'C4: QEMU killed: a dead checkpoint, repaired while the machine is %s',
    async (when) => {
      const { patient, checkpoint: name } = await withReference(`killed-${when}`);
      await killed(patient);
      if (when === 'running') await patient.start();
      expect((await patient.examine()).findings).toMatchObject([
        { kind: 'dead-checkpoint', severity: 'problem', title: 'The reference of attic is broken' },
      ]);
      await patient.repair();
      expect(await patient.kinds()).toEqual([]);
      expect(await patient.checkpoints()).toEqual([]);
      expect(await patient.bitmaps('vda')).not.toContain(name);
      expect(await patient.bitmaps('vdb')).not.toContain(name);
      if (when === 'off') await patient.start();
      expect(await modes(patient)).toEqual(['reference-lost', 'reference-lost']);
      await patient.vdb.write(5, 8 * mib, mib);
      expect(await modes(patient)).toEqual(['changed-only', 'changed-only']);
    },
  );

  test('C4: broken on one disk, gone from the other: no bitmap stays behind', async () => {
    const { patient, checkpoint: name } = await withReference('half');
    await killed(patient);
    const image = patient.machine.disks.find(({ target }) => target === 'vdb')?.path ?? '';
    await libvirtd.runAs('qemu-img', ['bitmap', '--remove', image, name]);
    await patient.start();
    await patient.repair();
    expect(await patient.checkpoints()).toEqual([]);
    await patient.stop();
    expect(await patient.bitmaps('vda')).toEqual([]);
    expect(await patient.kinds()).toEqual([]);
    await patient.start();
    expect(await modes(patient)).toEqual(['reference-lost', 'reference-lost']);
  });

  test.each(['running', 'off'] as const)(
    'a checkpoint that libvirt forgot is told to it again while the machine is %s',
    async (when) => {
      const { patient, checkpoint: name } = await withReference(`lost-${when}`);
      await forget(patient, name);
      if (when === 'off') {
        await patient.stop();
        await patient.vdb.writeClosed(6, 10 * mib, mib);
      }
      expect(await patient.kinds()).toEqual(['lost-checkpoint']);
      await patient.repair();
      expect(await patient.checkpoints()).toEqual([name]);
      expect(await patient.kinds()).toEqual([]);
      if (when === 'off') await patient.start();
      await patient.vda.write(7, 12 * mib, 64 * 1024);
      expect(await modes(patient)).toEqual(['changed-only', 'changed-only']);
      expect(await patient.checkpoints()).not.toContain(name);
    },
  );

  test('forgotten and broken: told again, then found dead, then right', async () => {
    const { patient, checkpoint: name } = await withReference('forgotten');
    await killed(patient);
    await forget(patient, name);
    expect(await patient.kinds()).toEqual(['orphan-bitmap', 'orphan-bitmap']);
    await patient.start();
    // The files of a running machine do not tell a broken bitmap from a whole one.
    expect(await patient.kinds()).toEqual(['lost-checkpoint']);
    await patient.repair();
    expect(await patient.kinds()).toEqual(['dead-checkpoint']);
    await patient.repair();
    expect(await patient.kinds()).toEqual([]);
    expect(await modes(patient)).toEqual(['reference-lost', 'reference-lost']);
  });

  test('an orphan bitmap goes from a closed image, and from one in use without taint', async () => {
    const patient = await admit(libvirtd, engine, 'orphan');
    await checkpoint(patient, 'theirs', '');
    await patient.stop();
    const image = patient.machine.disks[0]?.path ?? '';
    await libvirtd.runAs('qemu-img', ['bitmap', '--add', image, 'stray/mark']);
    expect(await patient.kinds()).toEqual(['orphan-bitmap']);
    await patient.repair();
    expect(await patient.bitmaps('vda')).toEqual(['theirs']);
    await libvirtd.runAs('qemu-img', ['bitmap', '--add', image, 'stray/mark']);
    await patient.start();
    await forget(patient, 'theirs');
    const { findings } = await patient.examine();
    expect(findings.map(({ kind }) => kind)).toEqual(Array(3).fill('orphan-bitmap'));
    const [one = ''] = findings.map(({ id }) => id);
    const plan = await engine.plan(patient.id, { kind: 'repair', findings: [one], details: false });
    expect(plan.checks).toMatchObject([{ level: 'warning', accept: expect.any(String) as string }]);
    await patient.repair();
    expect(await patient.kinds()).toEqual([]);
    expect(await patient.tainted()).toBe(false);
    expect(await patient.checkpoints()).toEqual([]);
    expect(await patient.bitmaps('vda')).toEqual([]);
    expect(await patient.bitmaps('vdb')).toEqual([]);
  });

  test('what no file tells yet, QEMU does: only when asked, for it taints', async () => {
    const patient = await admit(libvirtd, engine, 'details');
    await checkpoint(patient, 'theirs', '');
    await forget(patient, 'theirs');
    const quick = await patient.examine();
    expect(quick.findings).toEqual([]);
    expect(quick.notLooked.map(({ what }) => what)).toContain(
      'Bitmaps that were made since the machine was started',
    );
    expect(await patient.tainted()).toBe(false);
    expect(await patient.kinds(true)).toEqual(['orphan-bitmap', 'orphan-bitmap']);
    expect(await patient.tainted()).toBe(true);
  });

  test('a checkpoint of a backup that never became a point', async () => {
    const { patient, checkpoint: name } = await withReference('pending');
    const owner = { installation: installationOf(engine), repository: attic.id };
    await checkpoint(patient, 'waymark-01m9zzzzzzzzzzzzzzzzzzzzzz', describeOwner(owner));
    expect(await patient.kinds()).toEqual(['pending-checkpoint']);
    await patient.repair();
    expect(await patient.checkpoints()).toEqual([name]);
    expect(await modes(patient)).toEqual(['changed-only', 'changed-only']);
  });

  test('by hand: created, measured, not taken for a reference, deleted', async () => {
    const { patient } = await withReference('hand');
    await engine.act(patient.id, { kind: 'checkpoint-create' });
    const made = (await patient.checkpoints()).find((name) => name.includes('by-hand')) ?? '';
    const timeline = await engine.engine.handlers['machines.timeline']({ machine: patient.id });
    expect(timeline.checkpoints.find(({ name }) => name === made)).toMatchObject({
      owner: 'ours',
      repository: null,
      role: 'unused',
    });
    expect(await patient.kinds()).toEqual([]);
    expect(await modes(patient)).toEqual(['changed-only', 'changed-only']);
    expect(await patient.checkpoints()).toContain(made);
    await engine.act(patient.id, { kind: 'checkpoint-delete', names: [made] });
    expect(await patient.checkpoints()).not.toContain(made);
    expect(await modes(patient)).toEqual(['changed-only', 'changed-only']);
  });

  test('C1, D2: what libvirt would refuse or wait 30 s for is refused at once', async () => {
    const { patient, checkpoint: name } = await withReference('refused');
    const { uuid } = patient.machine;
    const xml = join(libvirtd.folder, 'pull.xml');
    const server = `<server transport="unix" socket="${libvirtd.images}/s"/>`;
    writeFileSync(xml, `<domainbackup mode="pull">${server}</domainbackup>`, { mode: 0o644 });
    await libvirtd.virsh('backup-begin', uuid, xml);
    const since = performance.now();
    const busy = await engine.plan(patient.id, { kind: 'checkpoint-delete', names: [name] });
    expect(busy.reasons.map(({ id }) => id)).toEqual(['libvirt-job']);
    const report = await patient.examine(true);
    expect(report.notLooked.map(({ what }) => what)).toContain('QEMU’s own list of bitmaps');
    expect(performance.now() - since).toBeLessThan(10_000);
    await libvirtd.virsh('domjobabort', uuid);
    await patient.stop();
    const off = await engine.plan(patient.id, { kind: 'checkpoint-create' });
    expect(off.reasons.map(({ id }) => id)).toEqual(['not-running']);
    await engine.act(patient.id, { kind: 'checkpoint-delete', names: [name] });
    expect(await patient.bitmaps('vda')).toEqual([]);
    expect(await patient.kinds()).toEqual([]);
  });
});
