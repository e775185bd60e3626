import { randomUUID } from 'node:crypto';
import { fakeHypervisor } from '../../fakes/hypervisor.ts';
import { hypervisorSuite } from '../../suites/hypervisor.ts';
import { testDomainXml } from '../../real/test-machine.ts';

const mebibyte = 1024 * 1024;

hypervisorSuite('the fake', async () => {
  const pool = { name: 'suite', path: '/pools/suite' };
  const hypervisor = fakeHypervisor({ pools: [pool] });
  return {
    hypervisor,
    define: async (name) => {
      const disks = [
        { format: 'qcow2', sizeBytes: 16 * mebibyte },
        { format: 'raw', sizeBytes: mebibyte },
        { format: 'raw', sizeBytes: 0, device: 'cdrom', path: null },
      ] as const;
      const uuid = await hypervisor.define(testDomainXml({ name, disks }, randomUUID(), '/i').xml);
      hypervisor.machines.get(uuid)!.sizes.set('vdb', mebibyte);
      return uuid;
    },
    suspendOutside: async (uuid) => {
      hypervisor.machines.get(uuid)!.state = 'paused';
      hypervisor.emit({ kind: 'lifecycle', uuid, event: 'suspended', detail: 0 });
    },
    saveOutside: async (uuid) => {
      await hypervisor.destroy(uuid);
      hypervisor.machines.get(uuid)!.managedSave = true;
    },
    folder: '/run/suite',
    pool,
    stop: async () => {
      await hypervisor.close();
    },
  };
});
