/** kill -9 in the middle of a planned run: the next look explains it, and goes on from there. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlanRun } from '#contract/plans.ts';
import { planDraft } from '../fakes/plans.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';
import { startTestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: killed planned runs: ${reason}`);
const mib = 1024 * 1024;
const root = join(import.meta.dirname, '../..');
/** So slow that a backup of what was written takes seconds, and a kill finds it at work. */
const bytesPerSecond = 4 * mib;
const writtenBytes = 12 * mib;
const appearsWithinMs = 30_000;

describe.skipIf(reason !== null)('a planned run killed with -9', () => {
  let libvirtd: PrivateLibvirtd;
  let folder: string;
  let disk: DiskModel;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    folder = mkdtempSync('/tmp/wm-pk-');
    chmodSync(folder, 0o755);
    const machine = await libvirtd.defineTestMachine({
      name: 'planned',
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 64 * mib }],
    });
    disk = diskModel(libvirtd, machine, 'vda', 64 * mib);
    const it = await startTestEngine({ folder, keep: true });
    const id = await it.addHost(libvirtd.uri, machine.uuid);
    const repository = await it.createRepository('attic', null);
    const hook = { timeoutSeconds: 60, stopOnFailure: true };
    const draft = planDraft(id, repository.id, {
      calendar: { kind: 'monthly', day: 1, at: '04:00' },
      verify: 'structure',
      hooks: {
        before: { ...hook, argv: [script('before', 1)] },
        after: { ...hook, argv: [script('after', 2)] },
      },
      limits: { machinesAtOnce: 1, bytesPerSecond },
    });
    await it.engine.handlers['plans.create']({ draft });
    await it.stop();
  });
  afterAll(async () => {
    await libvirtd.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A program that says when it began and when it ended. */
  function script(name: string, seconds: number): string {
    const path = join(folder, `${name}.sh`);
    const mark = (when: string) => `touch ${join(folder, `${name}-${when}`)}`;
    const lines = ['#!/bin/sh', mark('began'), `sleep ${seconds}`, mark('ended'), `echo ${name}`];
    writeFileSync(path, lines.join('\n'), { mode: 0o755 });
    return path;
  }

  function start(...args: readonly string[]): ChildProcess {
    const all = [join(root, 'src-main/host/node/main.ts'), ...args];
    return spawn(process.execPath, [...all, '--data', join(folder, 'data'), '--json'], {
      env: { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run') },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  /** Runs the plan and kills it a moment after a program of it left its mark. */
  async function killedAt(mark: string, delayMs: number): Promise<void> {
    for (const name of ['before-began', 'before-ended', 'after-began', 'after-ended']) {
      rmSync(join(folder, name), { force: true });
    }
    await disk.writeRandom(0, writtenBytes);
    const child = start('plan', 'run', 'Nightly');
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const limit = performance.now() + appearsWithinMs;
    while (!existsSync(join(folder, mark))) {
      if (performance.now() > limit) throw new Error(`no ${mark}`);
      await sleep(20);
    }
    await sleep(delayMs);
    child.kill('SIGKILL');
    await ended;
  }

  /** What runs of the newest time there are, newest first, after the plans were looked at. */
  async function goneOn(): Promise<readonly PlanRun[]> {
    const child = start('plan', 'run-due');
    await new Promise((resolve) => child.on('exit', resolve));
    const it = await startTestEngine({ folder, keep: true });
    const filter = { plan: null, machineUuid: null, before: null, limit: 50 };
    const runs = await it.engine.handlers['plans.runs'](filter);
    const points = await it.engine.handlers['points.list']({ machineUuid: null, repository: null });
    for (const { point } of runs) {
      if (point !== null) expect(points.map(({ id }) => id)).toContain(point);
    }
    await it.stop();
    return runs.filter(({ due }) => due === runs[0]?.due);
  }

  const summary = (runs: readonly PlanRun[]) =>
    runs.map(({ cause, state }) => `${cause} ${state.kind}`);

  test('before its backup, in it, and after it', { timeout: 120_000 }, async () => {
    await killedAt('before-began', 100);
    expect(summary(await goneOn())).toEqual(['continued done', 'manual failed']);
    // Reading it all takes three seconds and more.
    await killedAt('before-ended', 1500);
    const [next, cut] = await goneOn();
    expect(summary([next, cut].filter((run) => run !== undefined))).toEqual([
      ...['continued done', 'manual failed'],
    ]);
    expect(cut?.state).toMatchObject({ error: { code: 'plan-run-cut-off' } });
    expect(cut?.job).not.toBeNull();
    expect(cut?.point).toBeNull();
    await killedAt('after-began', 100);
    const after = await goneOn();
    expect(summary(after)).toEqual(['manual done']);
    expect(after[0]?.log.join('\n')).toContain('Waymark was ended after the backup.');
    expect(after[0]?.log.join('\n')).toContain('  before');
  });
});
