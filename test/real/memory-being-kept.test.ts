/**
 * QEMU 7.2 aborts when it is asked for its images in the moment between writing its memory out and
 * going on: what Waymark shows of a machine must never be what kills it.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCode } from '#contract/errors.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { realWorld } from '#engine/world/world.ts';
import { startPrivateLibvirtd, whyNoLibvirtd, type PrivateLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
if (reason !== null) console.log(`skipped: memory being kept: ${reason}`);
/** Without the guard about every twentieth snapshot ended the machine here. */
const snapshots = 20;

describe.skipIf(reason !== null)('while the memory of a machine is written', () => {
  let libvirtd: PrivateLibvirtd;
  let hypervisor: Hypervisor;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    hypervisor = await openLibvirt(libvirtd.uri, realWorld());
  });
  afterAll(async () => {
    await hypervisor.close();
    await libvirtd.stop();
  });

  test('its images are not asked for, however often we look', { timeout: 240_000 }, async () => {
    const { uuid, folder } = await libvirtd.defineTestMachine({
      name: 'remembers',
      start: true,
      disks: [{ format: 'qcow2', sizeBytes: 16 * 1024 * 1024 }],
    });
    const looked = { over: false, answered: 0, busy: 0 };
    const look = async () => {
      while (!looked.over) {
        try {
          await hypervisor.blockInfo(uuid, 'vda');
          looked.answered += 1;
        } catch (thrown) {
          if (!hasCode(thrown, 'machine-busy')) throw thrown;
          looked.busy += 1;
        }
      }
    };
    const looking = Promise.all([look(), look()]);
    looking.catch(() => undefined); // awaited below
    for (let n = 0; n < snapshots; n += 1) {
      const memory = `file=${join(folder, `memory-${n}`)}`;
      await libvirtd.virsh('snapshot-create-as', uuid, `s${n}`, '--memspec', memory);
    }
    looked.over = true;
    await looking;
    expect((await hypervisor.state(uuid)).state).toBe('running');
    expect(looked.answered).toBeGreaterThan(0);
    expect(looked.busy).toBeGreaterThan(0);
  });
});
