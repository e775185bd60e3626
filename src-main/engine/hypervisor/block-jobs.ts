/** Block jobs of a running machine: moving data between the images of a disk's chain. */
import { domainRef } from './domain-ref.ts';
import type { BlockJobType, Hypervisor } from './hypervisor.ts';
import type { Link } from './link.ts';
import { procedures } from './procedures.ts';

const commitFlag = { delete: 2, active: 4 } as const; // virDomainBlockCommitFlags
const abortPivot = 2; // VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
const bandwidth = 0; // as fast as it goes

/** virDomainBlockJobType, by number. */
const types: readonly BlockJobType[] = [
  'unknown',
  'pull',
  'copy',
  'commit',
  'active-commit',
  'backup',
];

export function blockJobType(number: number): BlockJobType {
  return types[number] ?? 'unknown';
}

type BlockJobCalls = Pick<Hypervisor, 'blockCommit' | 'blockPull' | 'blockJob' | 'abortBlockJob'>;

export function blockJobCalls(link: Link): BlockJobCalls {
  return {
    blockCommit: async (uuid, disk, options) => {
      const { base, top } = options;
      const flags =
        (options.active === true ? commitFlag.active : 0) |
        (options.delete === true ? commitFlag.delete : 0);
      const args = { dom: domainRef(uuid), disk, base, top, bandwidth, flags };
      await link.call(procedures.blockCommit, args);
    },
    blockPull: async (uuid, disk, { base }) => {
      const args = { dom: domainRef(uuid), disk, base, bandwidth, flags: 0 };
      await link.call(procedures.blockRebase, args);
    },
    blockJob: async (uuid, disk) => {
      const args = { dom: domainRef(uuid), disk, flags: 0 };
      const { found, type, cur, end } = await link.call(procedures.blockJobInfo, args);
      return found === 0 ? null : { type: blockJobType(type), cur, end };
    },
    abortBlockJob: async (uuid, disk, options = {}) => {
      const flags = options.pivot === true ? abortPivot : 0;
      await link.call(procedures.blockJobAbort, { dom: domainRef(uuid), disk, flags });
    },
  };
}
