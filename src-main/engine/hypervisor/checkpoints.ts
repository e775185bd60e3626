/** Checkpoints: list, create, redefine, delete, and whether one can still be used. */
import { AppError, hasCode } from '#contract/errors.ts';
import { parseChangedBytes, parseCheckpoint } from './checkpoint-xml.ts';
import { domainRef } from './domain-ref.ts';
import type { ChangedBytes, Hypervisor } from './hypervisor.ts';
import { readJobStats } from './job-stats.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import type { Link } from './link.ts';
import { parentsFirst } from './parents-first.ts';
import { procedures } from './procedures.ts';

const deleteMetadataOnly = 2; // VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY
/** virDomainCheckpointXMLFlags */
const xmlFlag = { noDomain: 2, size: 4 } as const;
/** libvirt waits 30 s for a lock; what is only shown is not worth that. */
export const changedBytesTimeoutMs = 3000;
/** virDomainCheckpointCreateFlags */
const checkpointCreateFlag = { redefine: 1, redefineValidate: 4 } as const;

type CheckpointCalls = Pick<
  Hypervisor,
  | 'listCheckpoints'
  | 'createCheckpoint'
  | 'checkpointXml'
  | 'deleteCheckpoint'
  | 'validateCheckpoint'
  | 'checkpointChangedBytes'
>;

export function checkpointCalls(link: Link): CheckpointCalls {
  const checkpointXml = async (uuid: string, name: string) => {
    const checkpoint = { name, dom: domainRef(uuid) };
    return (await link.call(procedures.checkpointGetXml, { checkpoint, flags: 0 })).xml;
  };
  const createCheckpoint = async (uuid: string, xml: string, flags: number) => {
    await link.call(procedures.checkpointCreate, { dom: domainRef(uuid), xml, flags });
  };
  return {
    checkpointXml,
    createCheckpoint,
    listCheckpoints: async (uuid) => {
      const args = { dom: domainRef(uuid), needResults: true, flags: 0 };
      const { checkpoints } = await link.call(procedures.checkpointList, args);
      const records = await Promise.all(
        checkpoints.map(async ({ name }) => {
          try {
            return parseCheckpoint(await checkpointXml(uuid, name));
          } catch (thrown) {
            if (isMissing(thrown)) return null; // deleted between the list and now
            throw thrown;
          }
        }),
      );
      return parentsFirst(records.filter((record) => record !== null));
    },
    deleteCheckpoint: async (uuid, name, options = {}) => {
      const checkpoint = { name, dom: domainRef(uuid) };
      const flags = options.metadataOnly === true ? deleteMetadataOnly : 0;
      await link.call(procedures.checkpointDelete, { checkpoint, flags });
    },
    checkpointChangedBytes: async (uuid, name) => {
      try {
        return await changedBytes(link, uuid, name);
      } catch (thrown) {
        // The call itself stays with the daemon, which answers it when the lock is free.
        if (hasCode(thrown, 'libvirt-timeout')) throw busy(uuid);
        throw thrown;
      }
    },
    validateCheckpoint: async (uuid, name, xml) => {
      const flags = checkpointCreateFlag.redefine | checkpointCreateFlag.redefineValidate;
      try {
        const definition = await checkpointXml(uuid, name);
        // libvirt keeps a checkpoint it knows; validating another one would define it.
        if (xml !== undefined && parseCheckpoint(xml).name !== name) {
          throw new AppError('invalid-input', 'The definition is of another checkpoint.', { name });
        }
        await createCheckpoint(uuid, xml ?? definition, flags);
        return true;
      } catch (thrown) {
        if (hasCode(thrown, 'checkpoint-inconsistent') || isMissing(thrown)) return false;
        throw thrown;
      }
    },
  };
}

/** Asks for the job first: the size takes the machine's lock, which a job keeps. */
async function changedBytes(link: Link, uuid: string, name: string): Promise<ChangedBytes[]> {
  if ((await readJobStats(link, uuid, changedBytesTimeoutMs)).active) throw busy(uuid);
  const args = {
    checkpoint: { name, dom: domainRef(uuid) },
    flags: xmlFlag.noDomain | xmlFlag.size,
  };
  const { xml } = await link.call(procedures.checkpointGetXml, args, changedBytesTimeoutMs);
  return parseChangedBytes(xml);
}

function busy(uuid: string): AppError {
  return new AppError('machine-busy', 'Another job of the machine is under way.', { uuid });
}

function isMissing(thrown: unknown): boolean {
  return hasLibvirtNumber(thrown, libvirtErrorNumber.noDomainCheckpoint);
}
