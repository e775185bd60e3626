/** What virsh does to snapshots and checkpoints is told to whoever looks at the machine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineId } from '#contract/domain.ts';
import {
  startPrivateLibvirtd,
  whyNoLibvirtd,
  type PrivateLibvirtd,
  type TestMachine,
} from './private-libvirtd.ts';
import { startTestEngine, type TestEngine } from './test-engine.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: changes elsewhere: ${reason}`);
const mib = 1024 * 1024;

describe.skipIf(reason !== null)('snapshots and checkpoints changed with virsh', () => {
  let libvirtd: PrivateLibvirtd;
  let engine: TestEngine;
  let machine: TestMachine;
  let id: MachineId;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    engine = await startTestEngine();
    machine = await libvirtd.defineTestMachine({
      name: 'elsewhere',
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 16 * mib }],
    });
    id = await engine.addHost(libvirtd.uri, machine.uuid);
  });
  afterAll(async () => {
    await engine.stop();
    await libvirtd.stop();
  });

  const names = async () => {
    const timeline = await engine.engine.handlers['machines.timeline']({ machine: id });
    return [...timeline.snapshots, ...timeline.checkpoints].map(({ name }) => name);
  };

  /** Resolves with the milliseconds until the timeline is said to have changed. */
  async function told(change: () => Promise<unknown>): Promise<number> {
    await names(); // somebody looks
    await new Promise((resolve) => setTimeout(resolve, 1500)); // a round has seen it as it was
    let stop: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => {
      stop = engine.engine.onEvent((name) => {
        if (name === 'timeline.changed') resolve();
      });
    });
    await change();
    const since = performance.now();
    await heard;
    stop();
    return performance.now() - since;
  }

  test.each([
    ['a checkpoint made', () => ['checkpoint-create-as', machine.uuid, 'theirs'], true],
    ['a checkpoint deleted', () => ['checkpoint-delete', machine.uuid, 'theirs'], false],
  ] as const)('%s', async (what, command, there) => {
    const ms = await told(() => libvirtd.virsh(...command()));
    console.log(`${what} was told after ${Math.round(ms)} ms`);
    expect((await names()).includes('theirs')).toBe(there);
  });

  test('a snapshot made and deleted', async () => {
    await told(() => libvirtd.virsh('snapshot-create-as', machine.uuid, 'by-hand'));
    expect(await names()).toContain('by-hand');
    await told(() => libvirtd.virsh('snapshot-delete', machine.uuid, 'by-hand'));
    expect(await names()).not.toContain('by-hand');
  });
});
