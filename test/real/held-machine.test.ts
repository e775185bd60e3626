/**
 * What holds a machine although nobody works on it: a reader of its closed images that is still
 * ending, and a backup job that libvirt lost.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Repository } from '#contract/domain.ts';
import { admit } from './patient.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: held machine: ${reason}`);
/** How long the reader goes on; far less than Waymark's patience. */
const readerMs = 1500;

describe.skipIf(reason !== null)('a machine that is held', { timeout: 120_000 }, () => {
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

  test('by the ending reader of a backup that was cut off: a snapshot waits for it', async () => {
    const { machine, id, stop } = await admit(libvirtd, engine, 'read');
    await stop();
    const image = machine.disks[1]?.path ?? '';
    const socket = join(libvirtd.images, 'reader');
    const args = ['--read-only', '--persistent', '--format=qcow2', `--socket=${socket}`, image];
    const reader = spawn('qemu-nbd', args, { stdio: 'ignore' });
    const ended = new Promise((resolve) => reader.on('exit', resolve));
    // Its socket is there once it has the image; writing before that would keep the image from it.
    await expect.poll(() => existsSync(socket), { timeout: 20_000 }).toBe(true);
    const writing = libvirtd.runAs('qemu-img', ['snapshot', '-c', 'x', image]);
    await expect(writing).rejects.toThrow(/lock/);
    setTimeout(() => reader.kill('SIGTERM'), readerMs);
    await engine.act(id, {
      ...{ kind: 'snapshot-create', name: 'calm', description: '', memory: false },
      ...{ storage: 'internal', freeze: false, disks: null },
    });
    await ended;
    for (const { path } of machine.disks) {
      expect(await libvirtd.runAs('qemu-img', ['snapshot', '-l', path ?? ''])).toContain('calm');
    }
  });

  test('by a backup job that libvirt lost: told at once, and what is advised helps', async () => {
    const { id, stop, start } = await admit(libvirtd, engine, 'lost');
    // As its daemon leaves it when it ends between noting the job and what the job does.
    await libvirtd.kill();
    const noted = join(libvirtd.environment['XDG_RUNTIME_DIR'] ?? '', 'libvirt/qemu/run/lost.xml');
    const xml = readFileSync(noted, 'utf8');
    const job = "<job type='none' async='backup' phase='none' flags='0x0'/>";
    const held = xml.replace('<domain type=', `${job}<domain type=`);
    expect(held).not.toBe(xml);
    writeFileSync(noted, held);
    await libvirtd.restart();
    const plan = () =>
      engine.engine.handlers['backup.plan']({
        ...{ machine: id, repository: attic.id, exclude: [], reread: false },
      });
    const blockers = async () =>
      (await plan()).checks.filter(({ level }) => level === 'blocker').map((one) => one.id);
    await expect
      .poll(() => blockers().catch(() => 'away'), { timeout: 30_000 })
      .toEqual(['lost-job']);
    const action = { kind: 'checkpoint-create' } as const;
    const change = await engine.engine.handlers['actions.plan']({ machine: id, action });
    expect(change.reasons.map((one) => one.id)).toEqual(['lost-job']);
    expect(change.reasons[0]?.detail).toContain('restart libvirt');
    await stop();
    await libvirtd.kill();
    await libvirtd.restart();
    await expect
      .poll(
        () =>
          start().then(
            () => 'runs',
            () => 'held',
          ),
        { timeout: 30_000 },
      )
      .toBe('runs');
    expect(await blockers()).toEqual([]);
    expect((await engine.backup(id, attic.id)).disks).toHaveLength(2);
  });
});
