/**
 * What goes wrong in the middle of a backup: one clear error, nothing of ours left, old points
 * whole.
 */
import { readdirSync, existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobId, MachineId, Point, Repository } from '#contract/domain.ts';
import type { World } from '#engine/world/world.ts';
import { diskModel, type DiskModel } from './disk-model.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: backup faults: ${reason}`);
const mib = 1024 * 1024;

/** Writing to a repository can be held up, so that "in the middle" is a place one can stand in. */
interface Gate {
  closed: boolean;
  /** How many writes are waiting at it. */
  waiting: number;
}

function gated(gate: Gate): (real: World) => World {
  return (real) => ({
    ...real,
    files: {
      ...real.files,
      open: async (path, how, mode) => {
        const file = await real.files.open(path, how, mode);
        if (how !== 'create' || !path.includes('/repository-')) return file;
        return {
          ...file,
          write: async (bytes, position) => {
            gate.waiting += 1;
            while (gate.closed) await new Promise((resolve) => setTimeout(resolve, 10));
            gate.waiting -= 1;
            await file.write(bytes, position);
          },
        };
      },
    },
  });
}

describe.skipIf(reason !== null)('a backup that is disturbed', () => {
  const gate: Gate = { closed: false, waiting: 0 };
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;
  let machine: TestMachine;
  let disk: DiskModel;
  let id: MachineId;
  let repository: Repository;
  let first: Point;
  let content: Buffer;
  let count = 0;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine({ world: gated(gate) });
  });
  afterAll(async () => {
    gate.closed = false;
    await engine.stop();
    await libvirtd.stop();
  });
  beforeEach(async () => {
    gate.closed = false;
    count += 1;
    machine = await libvirtd.defineTestMachine({
      name: `fault-${count}`,
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 64 * mib }],
    });
    disk = diskModel(libvirtd, machine, 'vda', 64 * mib);
    id = await engine.addHost(libvirtd.uri, machine.uuid);
    repository = await engine.createRepository(`fault-${count}`, 'secret');
    await disk.write(0x11, mib, 4 * mib);
    first = await engine.backup(id, repository.id);
    content = disk.moment();
    for (let part = 0; part < 40; part += 1) await disk.write(part + 1, (part + 10) * mib, mib);
  });

  /** Starts a backup and returns when it stands in the middle. */
  async function inTheMiddle(): Promise<JobId> {
    gate.closed = true;
    gate.waiting = 0;
    const job = await engine.engine.handlers['backup.start']({
      machine: id,
      repository: repository.id,
      exclude: [],
      reread: false,
      accepted: [],
    });
    await expect.poll(() => gate.waiting, { timeout: 20_000 }).toBeGreaterThan(0);
    return job;
  }

  const checkpoints = async () =>
    (await libvirtd.virsh('checkpoint-list', '--name', machine.uuid)).split('\n').filter(Boolean);

  async function expectNothingLeft(): Promise<void> {
    expect(await libvirtd.virsh('domjobinfo', machine.uuid)).toMatch(/None|Job type:\s+None/);
    expect(await checkpoints()).toEqual([first.checkpoint]);
    const scratch = scratchFolder();
    // Of root all runs share one folder: what another one left says nothing of this one.
    const work = machine.uuid.replaceAll('-', '').slice(0, 16);
    const left = existsSync(scratch) ? readdirSync(scratch) : [];
    expect(left.filter((one) => one.startsWith(work))).toEqual([]);
    const locks = readdirSync(`${repository.path}/locks`);
    expect(locks.length).toBeGreaterThan(0); // the lease file stays, marked free
  }

  function scratchFolder(): string {
    return process.getuid?.() === 0 ? '/var/lib/waymark-scratch' : `${engine.folder}/data/scratch`;
  }

  async function expectNextIsRight(): Promise<void> {
    await disk.expectRestored(engine, first.id, content);
    const next = await engine.backup(id, repository.id);
    await disk.expectRestored(engine, next.id, disk.moment());
  }

  test('cancelled: acknowledged at once, nothing of it stays', async () => {
    const job = await inTheMiddle();
    const since = performance.now();
    const answer = await engine.engine.handlers['jobs.cancel']({ job });
    expect(performance.now() - since).toBeLessThan(1000);
    expect(answer.state.kind).toBe('cancelling');
    gate.closed = false;
    expect((await engine.ended(job)).state.kind).toBe('cancelled');
    await expectNothingLeft();
    await expectNextIsRight();
  });

  test('switched off: said so, and the next backup reads the closed image', async () => {
    const job = await inTheMiddle();
    await libvirtd.virsh('destroy', machine.uuid);
    gate.closed = false;
    const { state } = await engine.ended(job);
    expect(state).toMatchObject({ kind: 'failed', error: { code: 'machine-stopped' } });
    expect(await checkpoints()).toEqual([first.checkpoint]);
    await expectNextIsRight();
  });

  test('removed: said so', async () => {
    const job = await inTheMiddle();
    for (const name of await checkpoints()) {
      await libvirtd.tryVirsh('checkpoint-delete', machine.uuid, name, '--metadata');
    }
    await libvirtd.virsh('undefine', machine.uuid, '--checkpoints-metadata').catch(() => undefined);
    await libvirtd.virsh('destroy', machine.uuid);
    gate.closed = false;
    const { state } = await engine.ended(job);
    expect(state).toMatchObject({ kind: 'failed', error: { code: 'machine-gone' } });
    await disk.expectRestored(engine, first.id, content);
  });

  test('libvirtd killed with -9: said so, and cleaned up when it is back', async () => {
    const job = await inTheMiddle();
    await libvirtd.kill();
    gate.closed = false;
    const { state } = await engine.ended(job);
    expect(state).toMatchObject({ kind: 'failed', error: { code: 'libvirt-connection-lost' } });
    await libvirtd.restart();
    await expect.poll(checkpoints, { timeout: 30_000 }).toEqual([first.checkpoint]);
    await expect
      .poll(() => libvirtd.virsh('domjobinfo', machine.uuid), { timeout: 30_000 })
      .toContain('None');
    await expectNothingLeft();
    await expectNextIsRight();
  });

  test('the same machine twice: the second is refused and names the first', async () => {
    const job = await inTheMiddle();
    const order = { machine: id, repository: repository.id, exclude: [], reread: false };
    const second = engine.engine.handlers['backup.start']({ ...order, accepted: [] });
    await expect(second).rejects.toMatchObject({ code: 'machine-busy', data: { job } });
    gate.closed = false;
    await engine.finished(job);
  });
});
