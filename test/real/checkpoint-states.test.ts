/** "Changed since" on the real libvirt: equal to what was written, and never in the way. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Repository } from '#contract/domain.ts';
import type { CheckpointState } from '#contract/moments.ts';
import { admit, type Patient } from './patient.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: checkpoint states: ${reason}`);
const kib = 1024;
const mib = 1024 * kib;
/** Longer than one asking may follow another, and a sweep another. */
const patience = { timeout: 80_000, interval: 500 };

describe.skipIf(reason !== null)('changed since', { timeout: 120_000 }, () => {
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

  const states = ({ id }: Patient) => engine.engine.handlers['checkpoints.states']({ machine: id });
  const stateOf = async (patient: Patient, name: string): Promise<CheckpointState | undefined> =>
    (await states(patient)).checkpoints.find((one) => one.name === name);
  const bytesOf = (patient: Patient, name: string) => async () =>
    (await stateOf(patient, name))?.changedBytes ?? null;

  test('what was written is what is told, per disk and for the list of machines', async () => {
    const patient = await admit(libvirtd, engine, 'writer');
    const { checkpoint, time } = await patient.backup(attic);
    const name = checkpoint ?? '';
    await expect.poll(bytesOf(patient, name), patience).toBe(0);
    await patient.vda.write(1, 0, 2 * mib);
    await patient.vda.write(2, mib, mib); // again: not counted twice
    await patient.vda.write(3, 8 * mib, 64 * kib);
    await patient.vdb.write(4, 4 * mib, 512); // a whole block of the bitmap
    const expected = 2 * mib + 64 * kib + 64 * kib;
    await expect.poll(bytesOf(patient, name), patience).toBe(expected);
    expect((await stateOf(patient, name))?.disks).toEqual([
      { target: 'vda', health: 'healthy', changedBytes: 2 * mib + 64 * kib },
      { target: 'vdb', health: 'healthy', changedBytes: 64 * kib },
    ]);
    const { changed } = await engine.engine.handlers['machines.get']({ machine: patient.id });
    expect(changed?.bytes).toBe(expected);
    expect(Math.abs((changed?.since ?? 0) - time)).toBeLessThan(10_000);
    const point = await patient.backup(attic);
    expect(point.disks.map(({ readBytes }) => readBytes)).toEqual([2 * mib + 64 * kib, 64 * kib]);
  });

  test('nobody asks: the list of machines still learns of it', async () => {
    const patient = await admit(libvirtd, engine, 'swept');
    await patient.backup(attic);
    await patient.vda.write(5, 0, mib);
    const listed = async () => {
      const machines = await engine.engine.handlers['machines.list']({ host: null });
      return machines.find(({ id }) => id === patient.id)?.changed?.bytes ?? null;
    };
    await expect.poll(listed, patience).toBe(mib);
    await patient.stop();
    await expect.poll(listed, patience).toBeNull();
  });

  test('D2: another program’s job: what was known, at once, and why', async () => {
    const patient = await admit(libvirtd, engine, 'busy');
    const { checkpoint } = await patient.backup(attic);
    const name = checkpoint ?? '';
    await patient.vda.write(6, 0, mib);
    await expect.poll(bytesOf(patient, name), patience).toBe(mib);
    const xml = join(libvirtd.folder, 'pull.xml');
    const server = `<server transport="unix" socket="${libvirtd.images}/busy"/>`;
    writeFileSync(xml, `<domainbackup mode="pull">${server}</domainbackup>`, { mode: 0o644 });
    await libvirtd.virsh('backup-begin', patient.machine.uuid, xml);
    const waits = async () => (await states(patient)).waits;
    await expect.poll(waits, patience).not.toBeNull();
    const since = performance.now();
    const during = await states(patient);
    expect(performance.now() - since).toBeLessThan(5000);
    expect(during.checkpoints.find((one) => one.name === name)?.changedBytes).toBe(mib);
    await libvirtd.virsh('domjobabort', patient.machine.uuid);
    await expect.poll(waits, patience).toBeNull();
  });

  test('C4: broken and gone are told apart; off, the closed images say how it is', async () => {
    const patient = await admit(libvirtd, engine, 'broken');
    const { checkpoint } = await patient.backup(attic);
    const name = checkpoint ?? '';
    const healths = async () => (await stateOf(patient, name))?.disks.map(({ health }) => health);
    await patient.stop();
    await expect.poll(healths, patience).toEqual(['healthy', 'healthy']);
    expect(await bytesOf(patient, name)()).toBeNull();
    await patient.start();
    await patient.kill();
    const image = patient.machine.disks[1]?.path ?? '';
    await libvirtd.runAs('qemu-img', ['bitmap', '--remove', image, name]);
    await expect.poll(healths, patience).toEqual(['inconsistent', 'missing']);
    await patient.start();
    await expect.poll(healths, patience).toEqual(['inconsistent', 'missing']);
    expect((await stateOf(patient, name))?.health).toBe('missing');
    expect(await patient.tainted()).toBe(false);
  });
});
