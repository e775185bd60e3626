/** What backups, snapshots and people leave behind on a real host, found and mended. */
import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineAction } from '#contract/actions.ts';
import type { Repository } from '#contract/domain.ts';
import { makeWorkFolder, type AccessFolders } from '#engine/backup/host-access.ts';
import { beginPullJob } from '#engine/backup/pull-job.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { realWorld } from '#engine/world/world.ts';
import { admit, installationOf, type Patient } from './patient.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: doctor left-overs: ${reason}`);
const mib = 1024 * 1024;
const world = realWorld();

const snapshot = (name: string, more: object = {}): MachineAction => ({
  ...{ kind: 'snapshot-create', name, description: '', memory: false, storage: 'external' },
  ...{ freeze: false, disks: null },
  ...more,
});

describe.skipIf(reason !== null)('left behind', { timeout: 120_000 }, () => {
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

  const top = async ({ machine }: Patient) => {
    const list = await libvirtd.virsh('domblklist', machine.uuid);
    return /vda\s+(\S+)/.exec(list)?.[1] ?? '';
  };

  /** As a backup makes it that is killed before its journal is written. */
  const workFolder = (patient: Patient) => {
    const folders: AccessFolders = {
      ownScratchFolder: join(engine.folder, 'data', 'scratch'),
      rootScratchFolder: '/var/lib/waymark-scratch',
      sharedScratchFolder: `/var/tmp/waymark-${world.processes.uid}`,
    };
    const owner = { uuid: patient.machine.uuid, installation: installationOf(engine) };
    return makeWorkFolder(world, folders, libvirtd.user, owner);
  };

  test('the folder of a backup that was cut off', async () => {
    const patient = await admit(libvirtd, engine, 'folder');
    const work = await workFolder(patient);
    writeFileSync(work.scratchPath('vda'), 'old blocks');
    expect(await patient.kinds()).toEqual(['left-over-folder']);
    await patient.repair();
    expect(existsSync(work.path)).toBe(false);
    expect(await patient.kinds()).toEqual([]);
  });

  test('a backup job that still runs: ended with its folder, the machine runs on', async () => {
    const patient = await admit(libvirtd, engine, 'job');
    const work = await workFolder(patient);
    const hypervisor = await openLibvirt(libvirtd.uri, world);
    const { uuid } = patient.machine;
    await beginPullJob(world, hypervisor, work, {
      uuid,
      disks: [{ target: 'vda', since: null, track: false }],
      otherTargets: ['vdb'],
      checkpoint: null,
      freeze: { begun: () => undefined, over: () => undefined },
    });
    await hypervisor.close();
    await patient.vda.write(1, 0, mib);
    const found = await patient.examine();
    expect(found.findings).toMatchObject([{ kind: 'left-over-job', severity: 'problem' }]);
    await patient.repair();
    expect(await libvirtd.virsh('domjobinfo', uuid)).toContain('None');
    expect((await libvirtd.virsh('domstate', uuid)).trim()).toBe('running');
    expect(existsSync(work.path)).toBe(false);
    expect(await patient.kinds()).toEqual([]);
    await patient.expectExact(await patient.backup(attic));
  });

  test('B16: an overlay that everybody may read', async () => {
    const patient = await admit(libvirtd, engine, 'overlay');
    await engine.act(patient.id, snapshot('before'));
    const overlay = await top(patient);
    chmodSync(overlay, 0o644);
    expect((await patient.examine()).findings).toMatchObject([
      { kind: 'open-overlay', severity: 'problem' },
    ]);
    await patient.repair();
    expect(statSync(overlay).mode & 0o777).toBe(0o600);
    expect(await patient.kinds()).toEqual([]);
    await patient.vda.write(2, mib, mib);
    await patient.stop();
    await patient.start();
    await patient.expectExact(await patient.backup(attic));
  });

  test('an image that is gone is for a person, running or not', async () => {
    const patient = await admit(libvirtd, engine, 'chain');
    await engine.act(patient.id, snapshot('before'));
    const base = patient.machine.disks[0]?.path ?? '';
    renameSync(base, `${base}.away`);
    const running = await patient.examine();
    expect(running.findings).toMatchObject([{ kind: 'broken-chain', repair: null }]);
    expect(running.findings[0]?.detail).toContain('Back it up now');
    await patient.stop();
    const stopped = await patient.examine();
    expect(stopped.findings[0]?.detail).toContain('cannot start');
    const findings = stopped.findings.map(({ id }) => id);
    const [first = ''] = findings;
    const plan = await engine.plan(patient.id, {
      kind: 'repair',
      findings: [first],
      details: false,
    });
    expect(plan.verdict).toBe('refused');
    renameSync(`${base}.away`, base);
    expect(await patient.kinds()).toEqual([]);
  });

  test('B3: the memory of a snapshot that libvirt deleted', async () => {
    const patient = await admit(libvirtd, engine, 'memory');
    await engine.act(patient.id, snapshot('whole', { memory: true }));
    const folder = dirname(await top(patient));
    const memory = async () => (await readdir(folder)).filter((name) => name.endsWith('.memory'));
    expect(await memory()).toHaveLength(1);
    expect(await patient.kinds()).toEqual([]);
    await libvirtd.virsh('snapshot-delete', patient.machine.uuid, 'whole');
    expect(await patient.kinds()).toEqual(['left-over-memory']);
    await patient.repair();
    expect(await memory()).toEqual([]);
    expect(await patient.kinds()).toEqual([]);
  });

  test('B19: a deletion that was cut off is finished', async () => {
    const patient = await admit(libvirtd, engine, 'half');
    const { uuid } = patient.machine;
    await patient.vda.write(3, 0, mib);
    await engine.act(patient.id, snapshot('one'));
    await patient.vda.write(4, mib, mib);
    await engine.act(patient.id, snapshot('two'));
    await patient.vda.write(5, 2 * mib, mib);
    // What libvirt writes before it merges "two" into the image that "one" began.
    const xml = await libvirtd.virsh('snapshot-dumpxml', uuid, 'one');
    const file = join(libvirtd.folder, 'one.xml');
    const marked = xml.replace(/(<disk name='vda'[^>]*>)/, '$1<snapshotDeleteInProgress/>');
    writeFileSync(file, marked, { mode: 0o644 });
    await libvirtd.virsh('snapshot-create', uuid, file, '--redefine');
    expect((await patient.examine()).findings).toMatchObject([
      { kind: 'unfinished-delete', title: 'The deletion of two was cut off' },
    ]);
    await patient.repair();
    expect((await libvirtd.virsh('snapshot-list', '--name', uuid)).trim()).toBe('one');
    expect(await patient.kinds()).toEqual([]);
    await patient.expectExact(await patient.backup(attic));
  });
});
