/** Memory of a machine in a file: managed saves, and the memory part of external snapshots. */
import { domainRef } from './domain-ref.ts';
import type { Hypervisor } from './hypervisor.ts';
import { dataCallTimeoutMs, type Link } from './link.ts';
import { procedures } from './procedures.ts';

const restoreFlag = { running: 2, paused: 4 } as const; // virDomainSaveRestoreFlags
const withSecrets = 1; // VIR_DOMAIN_SAVE_IMAGE_XML_SECURE

type SavedMemoryCalls = Pick<Hypervisor, 'removeManagedSave' | 'savedDefinition' | 'restoreMemory'>;

export function savedMemoryCalls(link: Link): SavedMemoryCalls {
  return {
    removeManagedSave: async (uuid) => {
      const args = { dom: domainRef(uuid), flags: 0 };
      // libvirt fails to remove what is not there; a step that is run again must not.
      if ((await link.call(procedures.domainHasManagedSave, args)).result === 0) return;
      await link.call(procedures.domainRemoveManagedSave, args);
    },
    savedDefinition: async (file) => {
      const flags = link.readOnly ? 0 : withSecrets;
      return (await link.call(procedures.savedImageGetXml, { file, flags })).xml;
    },
    restoreMemory: async (file, { xml, paused } = {}) => {
      const asTold = paused === true ? restoreFlag.paused : restoreFlag.running;
      const args = { from: file, xml: xml ?? null, flags: paused === undefined ? 0 : asTold };
      await link.call(procedures.domainRestore, args, dataCallTimeoutMs);
    },
  };
}
