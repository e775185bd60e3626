/** Backup jobs of a running machine, and what surrounds one: freezing, thresholds, statistics. */
import { domainRef } from './domain-ref.ts';
import type { Hypervisor } from './hypervisor.ts';
import { readJobStats } from './job-stats.ts';
import type { Link } from './link.ts';
import { procedures } from './procedures.ts';

type BackupCalls = Pick<
  Hypervisor,
  'beginBackup' | 'backupXml' | 'abortJob' | 'jobStats' | 'freeze' | 'thaw' | 'setBlockThreshold'
>;

export function backupCalls(link: Link): BackupCalls {
  const everyMount = (uuid: string) => ({ dom: domainRef(uuid), mountpoints: [], flags: 0 });
  return {
    beginBackup: async (uuid, backup, checkpoint) => {
      const args = { dom: domainRef(uuid), backup, checkpoint, flags: 0 };
      await link.call(procedures.backupBegin, args);
    },
    backupXml: async (uuid) =>
      (await link.call(procedures.backupGetXml, { dom: domainRef(uuid), flags: 0 })).xml,
    abortJob: async (uuid) => {
      await link.call(procedures.domainAbortJob, { dom: domainRef(uuid) });
    },
    jobStats: (uuid) => readJobStats(link, uuid),
    freeze: async (uuid) =>
      (await link.call(procedures.domainFreeze, everyMount(uuid))).filesystems,
    thaw: async (uuid) => (await link.call(procedures.domainThaw, everyMount(uuid))).filesystems,
    setBlockThreshold: async (uuid, device, bytes) => {
      const args = { dom: domainRef(uuid), device, threshold: bytes, flags: 0 };
      await link.call(procedures.domainSetBlockThreshold, args);
    },
  };
}
