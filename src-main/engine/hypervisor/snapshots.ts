/** Snapshots: list, create, delete, revert. What may be done safely is decided elsewhere. */
import { domainRef } from './domain-ref.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import type { Link } from './link.ts';
import { procedures } from './procedures.ts';
import { parseSnapshot } from './snapshot-xml.ts';

const topological = 1024; // VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL: parents first

type SnapshotCalls = Pick<
  Hypervisor,
  'listSnapshots' | 'createSnapshot' | 'deleteSnapshot' | 'revertSnapshot'
>;

export function snapshotCalls(link: Link): SnapshotCalls {
  return {
    listSnapshots: async (uuid) => {
      const args = { dom: domainRef(uuid), needResults: true, flags: topological };
      const { snapshots } = await link.call(procedures.snapshotList, args);
      const records = await Promise.all(
        snapshots.map(async (snap) => {
          try {
            const [{ xml }, { current }] = await Promise.all([
              link.call(procedures.snapshotGetXml, { snap, flags: 0 }),
              link.call(procedures.snapshotIsCurrent, { snap, flags: 0 }),
            ]);
            return parseSnapshot(xml, current === 1);
          } catch (thrown) {
            // Deleted between the list and now.
            if (hasLibvirtNumber(thrown, libvirtErrorNumber.noDomainSnapshot)) return null;
            throw thrown;
          }
        }),
      );
      return records.filter((record) => record !== null);
    },
    createSnapshot: async (uuid, xml, flags) => {
      await link.call(procedures.snapshotCreate, { dom: domainRef(uuid), xml, flags });
    },
    deleteSnapshot: async (uuid, name, flags) => {
      const snap = { name, dom: domainRef(uuid) };
      await link.call(procedures.snapshotDelete, { snap, flags });
    },
    revertSnapshot: async (uuid, name, flags) => {
      const snap = { name, dom: domainRef(uuid) };
      await link.call(procedures.snapshotRevert, { snap, flags });
    },
  };
}
