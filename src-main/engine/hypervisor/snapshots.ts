/** Snapshots: list, create, delete, revert. What may be done safely is decided elsewhere. */
import { domainRef } from './domain-ref.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import { dataCallTimeoutMs, type Link } from './link.ts';
import { parentsFirst } from './parents-first.ts';
import { procedures } from './procedures.ts';
import { snapshotCreateFlag, snapshotDeleteFlag } from './snapshot-flags.ts';
import { parseSnapshot } from './snapshot-xml.ts';

const withMetadata = 2; // VIR_DOMAIN_SNAPSHOT_LIST_METADATA
const withSecrets = 1; // VIR_DOMAIN_SNAPSHOT_XML_SECURE

type SnapshotCalls = Pick<
  Hypervisor,
  | 'momentNames'
  | 'listSnapshots'
  | 'snapshotXml'
  | 'createSnapshot'
  | 'deleteSnapshot'
  | 'revertSnapshot'
>;

export function snapshotCalls(link: Link): SnapshotCalls {
  const list = async (uuid: string, flags: number) => {
    const args = { dom: domainRef(uuid), needResults: true, flags };
    return (await link.call(procedures.snapshotList, args)).snapshots.map(({ name }) => name);
  };
  const xmlOf = async (uuid: string, name: string, flags: number) => {
    const snap = { name, dom: domainRef(uuid) };
    return (await link.call(procedures.snapshotGetXml, { snap, flags })).xml;
  };
  const current = (uuid: string) =>
    nullIfMissing(
      link
        .call(procedures.snapshotCurrent, { dom: domainRef(uuid), flags: 0 })
        .then(({ snap }) => snap.name),
    );
  return {
    momentNames: async (uuid) => {
      const args = { dom: domainRef(uuid), needResults: true, flags: 0 };
      const [snapshots, currentSnapshot, { checkpoints }] = await Promise.all([
        list(uuid, 0),
        current(uuid),
        link.call(procedures.checkpointList, args),
      ]);
      return {
        snapshots: snapshots.sort(),
        currentSnapshot,
        checkpoints: checkpoints.map(({ name }) => name).sort(),
      };
    },
    listSnapshots: async (uuid) => {
      const [names, recorded, standsOn] = await Promise.all([
        list(uuid, 0),
        list(uuid, withMetadata),
        current(uuid),
      ]);
      const known = new Set(recorded);
      const records = await Promise.all(
        names.map(async (name) => {
          const xml = await nullIfMissing(xmlOf(uuid, name, 0)); // deleted since the list?
          if (xml === null) return null;
          return parseSnapshot(xml, { current: name === standsOn, hasMetadata: known.has(name) });
        }),
      );
      return parentsFirst(records.filter((record) => record !== null));
    },
    snapshotXml: (uuid, name) => xmlOf(uuid, name, link.readOnly ? 0 : withSecrets),
    createSnapshot: async (uuid, xml, flags) => {
      const args = { dom: domainRef(uuid), xml, flags };
      const limit = has(flags, snapshotCreateFlag.redefine) ? undefined : dataCallTimeoutMs;
      await link.call(procedures.snapshotCreate, args, limit);
    },
    deleteSnapshot: async (uuid, name, flags) => {
      const snap = { name, dom: domainRef(uuid) };
      const limit = has(flags, snapshotDeleteFlag.metadataOnly) ? undefined : dataCallTimeoutMs;
      await link.call(procedures.snapshotDelete, { snap, flags }, limit);
    },
    revertSnapshot: async (uuid, name, flags) => {
      const snap = { name, dom: domainRef(uuid) };
      await link.call(procedures.snapshotRevert, { snap, flags }, dataCallTimeoutMs);
    },
  };
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

async function nullIfMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (thrown) {
    if (hasLibvirtNumber(thrown, libvirtErrorNumber.noDomainSnapshot)) return null;
    throw thrown;
  }
}
