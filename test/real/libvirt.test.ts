import { join } from 'node:path';
import { describe, it } from 'vitest';
import { openLibvirt } from '#engine/hypervisor/libvirt.ts';
import { realWorld } from '#engine/world/world.ts';
import { hypervisorSuite } from '../suites/hypervisor.ts';
import { startPrivateLibvirtd, whyNoLibvirtd } from './private-libvirtd.ts';

const reason = whyNoLibvirtd();
const mebibyte = 1024 * 1024;

if (reason !== null) {
  describe('libvirt', () => {
    it.skip(`the behaviour suite: ${reason}`);
  });
} else {
  hypervisorSuite('libvirt', async () => {
    const daemon = await startPrivateLibvirtd();
    const pool = { name: 'suite', path: join(daemon.folder, 'img', 'pool') };
    await daemon.runAs('mkdir', [pool.path]);
    await daemon.virsh('pool-create-as', pool.name, 'dir', '--target', pool.path);
    const hypervisor = await openLibvirt(daemon.uri, realWorld());
    return {
      hypervisor,
      define: async (name) => {
        const disks = [
          { format: 'qcow2', sizeBytes: 16 * mebibyte },
          { format: 'raw', sizeBytes: mebibyte },
          { format: 'raw', sizeBytes: 0, device: 'cdrom', path: null },
        ] as const;
        return (await daemon.defineTestMachine({ name, disks })).uuid;
      },
      suspendOutside: async (uuid) => {
        await daemon.virsh('suspend', uuid);
      },
      saveOutside: async (uuid) => {
        await daemon.virsh('managedsave', uuid);
      },
      folder: daemon.images,
      pool,
      stop: async () => {
        await hypervisor.close();
        await daemon.stop();
      },
    };
  });
}
