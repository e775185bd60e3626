import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDomain } from '#engine/hypervisor/domain-xml.ts';
import { machineXml } from '#engine/practice/machine.ts';
import { pretend } from '../../../fakes/practice-room.ts';

const foreign = '99999999-2222-4333-8444-555555555555';
const rememberedIn = (folder: string): unknown =>
  JSON.parse(readFileSync(join(folder, 'practice.json'), 'utf8'));

describe('status', () => {
  test('is absent before, present after, and starts nothing', async () => {
    const { practice, calls } = pretend();
    expect(await practice.status()).toEqual({ kind: 'absent' });
    expect(calls).toEqual([]);
    const { uuid } = await practice.create();
    expect(await practice.status()).toEqual({ kind: 'present', uuid });
  });

  test.each([
    [['libvirtd', 'virtqemud'], 'libvirt-not-installed'],
    [['qemu-img'], 'tool-missing'],
    [['qemu-system-x86_64'], 'tool-missing'],
  ])('without %j it is unavailable: %s', async (missing, code) => {
    const { practice } = pretend({ missing });
    expect(await practice.status()).toMatchObject({ kind: 'unavailable', error: { code } });
    await expect(practice.create()).rejects.toMatchObject({ code });
  });

  test('one of the two daemons is enough', async () => {
    const { practice } = pretend({ missing: ['libvirtd'] });
    expect(await practice.status()).toEqual({ kind: 'absent' });
  });
});

describe('create', () => {
  test('makes the disk, defines and starts; every connection is closed again', async () => {
    const { practice, calls, folder, machines, open } = pretend();
    const { uuid } = await practice.create();
    expect(calls).toEqual(['qemu-img convert', 'qemu-img resize', 'define', 'start']);
    expect(machines.get(uuid)?.state).toBe('running');
    expect(readdirSync(folder).sort()).toEqual(['practice.json', 'waymark-practice.qcow2']);
    expect(rememberedIn(folder)).toEqual({ host: 'session', uuid });
    expect(open()).toBe(0);
  });

  test('twice is once', async () => {
    const { practice, calls } = pretend();
    const first = await practice.create();
    calls.length = 0;
    expect(await practice.create()).toEqual(first);
    expect(calls).toEqual([]);
    await practice.stop();
    await practice.create();
    expect(calls).toEqual(['destroy', 'start']);
  });

  test.each(['define', 'start'])('when %s fails it can be tried again', async (step) => {
    const { practice, machines, open } = pretend({ failing: [step] });
    await expect(practice.create()).rejects.toMatchObject({ code: 'libvirt-error' });
    const before = await practice.status();
    const { uuid } = await practice.create();
    expect(before).toEqual({ kind: 'present', uuid });
    expect([...machines.keys()]).toEqual([uuid]);
    expect(open()).toBe(0);
  });

  test('leaves a namesake of somebody else alone', async () => {
    const { practice, machines } = pretend();
    const definition = parseDomain(machineXml(foreign, '/elsewhere/waymark-practice.qcow2'));
    const theirs = {
      ...{ uuid: foreign, name: definition.name, definition, state: 'running' as const },
      ...{ persistent: true, hasManagedSave: false },
    };
    machines.set(foreign, theirs);
    await expect(practice.create()).rejects.toMatchObject({ code: 'name-taken' });
    expect(machines.get(foreign)).toEqual(theirs);
  });

  test('without a session it starts a daemon of its own and keeps to it', async () => {
    const { practice, calls, folder } = pretend({ session: false });
    const { uuid } = await practice.create();
    expect(calls).toContain('libvirtd --timeout 120');
    expect(calls.filter((call) => call === 'ask qemu:///session')).toHaveLength(1);
    expect(rememberedIn(folder)).toEqual({ host: 'private', uuid });
    expect(await practice.images()).toMatchObject({ folder: join(folder, 'images'), uid: 1000 });
  });
});

describe('start and stop', () => {
  test('do what they say, and nothing when it is so already', async () => {
    const { practice, machines, calls } = pretend();
    const { uuid } = await practice.create();
    calls.length = 0;
    await practice.start();
    expect(calls).toEqual([]);
    await practice.stop();
    await practice.stop();
    expect(calls).toEqual(['destroy']);
    await practice.start();
    machines.set(uuid, { ...machines.get(uuid)!, state: 'paused' });
    await practice.start();
    expect(calls).toEqual(['destroy', 'start', 'resume']);
  });

  test('need a machine', async () => {
    const { practice } = pretend();
    await expect(practice.start()).rejects.toMatchObject({ code: 'machine-not-found' });
    await expect(practice.stop()).rejects.toMatchObject({ code: 'machine-not-found' });
  });

  test('notice that it was undefined by hand', async () => {
    const { practice, machines } = pretend();
    await practice.create();
    machines.clear();
    await expect(practice.start()).rejects.toMatchObject({ code: 'machine-not-found' });
  });
});

describe('remove', () => {
  test('takes the machine, its metadata, its disk and its overlays, and nothing else', async () => {
    const { practice, calls, folder, machines } = pretend();
    await practice.create();
    await writeFile(join(folder, 'waymark-practice.snap1'), '');
    await writeFile(join(folder, 'restored.qcow2'), '');
    calls.length = 0;
    expect(await practice.remove()).toEqual({ hostKept: false });
    expect(calls).toEqual([
      'destroy',
      'undefine {"checkpointsMetadata":true,"snapshotsMetadata":true}',
    ]);
    expect(machines.size).toBe(0);
    expect(readdirSync(folder)).toEqual(['restored.qcow2']);
    expect(await practice.status()).toEqual({ kind: 'absent' });
  });

  test('is fine when there is nothing, and after it was undefined by hand', async () => {
    const { practice, machines, folder } = pretend();
    expect(await practice.remove()).toEqual({ hostKept: false });
    await practice.create();
    machines.clear();
    await practice.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('keeps a private host on which a restored machine lives, and finds it again', async () => {
    const { practice, machines, folder } = pretend({ session: false });
    const { uuid } = await practice.create();
    machines.set(foreign, { ...machines.get(uuid)!, uuid: foreign, name: 'restored' });
    expect(await practice.remove()).toEqual({ hostKept: true });
    expect([...machines.keys()]).toEqual([foreign]);
    expect(await practice.status()).toEqual({ kind: 'absent' });
    expect(rememberedIn(folder)).toEqual({ host: 'private', uuid: null });
    machines.clear();
    expect(await practice.remove()).toEqual({ hostKept: false });
    expect(existsSync(join(folder, 'practice.json'))).toBe(false);
    expect(existsSync(join(folder, 'config'))).toBe(false);
  });
});

test('the definition is a machine of 32 MiB without KVM, network or way into the host', () => {
  const definition = parseDomain(machineXml(foreign, '/images/a & b.qcow2'));
  expect(definition).toMatchObject({
    uuid: foreign,
    name: 'waymark-practice',
    type: 'qemu',
    memoryBytes: 32 * 1024 * 1024,
    processors: 1,
    disks: [{ target: 'vda', bus: 'virtio', source: '/images/a & b.qcow2', format: 'qcow2' }],
    interfaces: [],
    hostDevices: [],
  });
});
