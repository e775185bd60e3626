/** Machines: list, look at, define, start, stop, and what QEMU says of their disks. */
import { hasCode } from '#contract/errors.ts';
import { domainRef, machineState } from './domain-ref.ts';
import { parseDomain } from './domain-xml.ts';
import type { Hypervisor, MachineRecord } from './hypervisor.ts';
import { refuseWhileMemoryIsWritten } from './job-stats.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import type { Link } from './link.ts';
import { procedures } from './procedures.ts';
import { uuidText } from './uuid.ts';

/** virConnectListAllDomainsFlags */
const listFlag = { all: 0, persistent: 4, managedSave: 256 } as const;
const xmlFlag = { secure: 1, inactive: 2 } as const; // virDomainXMLFlags
const createPaused = 1; // VIR_DOMAIN_START_PAUSED
const humanMonitor = 1; // VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
/** virDomainUndefineFlagsValues */
const undefineFlag = { snapshots: 2, nvram: 4, keepNvram: 8, checkpoints: 16 } as const;

type MachineCalls = Pick<
  Hypervisor,
  | 'listMachines'
  | 'getMachine'
  | 'definition'
  | 'define'
  | 'undefine'
  | 'start'
  | 'resume'
  | 'suspend'
  | 'destroy'
  | 'shutdown'
  | 'state'
  | 'agentConnected'
  | 'blockInfo'
  | 'guestBytes'
  | 'monitorCommand'
  | 'hasManagedSave'
>;

export function machineCalls(link: Link): MachineCalls {
  const definition = async (uuid: string, flags: number) => {
    const args = { dom: domainRef(uuid), flags: flags | (link.readOnly ? 0 : xmlFlag.secure) };
    return (await link.call(procedures.domainGetXml, args)).xml;
  };
  const state = async (uuid: string) => {
    const answer = await link.call(procedures.domainGetState, { dom: domainRef(uuid), flags: 0 });
    return { state: machineState(answer.state), reason: answer.reason };
  };
  const listUuids = async (flags: number) => {
    const args = { needResults: true, flags };
    const { domains } = await link.call(procedures.connectListAllDomains, args);
    return domains.map(({ uuid }) => uuidText(uuid));
  };
  const hasManagedSave = async (uuid: string) => {
    const args = { dom: domainRef(uuid), flags: 0 };
    return (await link.call(procedures.domainHasManagedSave, args)).result === 1;
  };
  const record = async (
    uuid: string,
    persistent: ReadonlySet<string>,
    saved: ReadonlySet<string>,
  ): Promise<MachineRecord> => {
    const [now, xml] = await Promise.all([state(uuid), definition(uuid, 0)]);
    const parsed = parseDomain(xml);
    return {
      uuid,
      name: parsed.name,
      state: now.state,
      persistent: persistent.has(uuid),
      hasManagedSave: saved.has(uuid),
      definition: parsed,
    };
  };
  const lists = async () => {
    const [persistent, saved] = await Promise.all([
      listUuids(listFlag.persistent),
      listUuids(listFlag.managedSave),
    ]);
    return [new Set(persistent), new Set(saved)] as const;
  };
  return {
    listMachines: async () => {
      const [uuids, [persistent, saved]] = await Promise.all([listUuids(listFlag.all), lists()]);
      const records = await Promise.all(
        uuids.map((uuid) => record(uuid, persistent, saved).catch(nullIfGone)),
      );
      return records.filter((one) => one !== null);
    },
    getMachine: async (uuid) => record(uuid.toLowerCase(), ...(await lists())),
    definition: (uuid, which) => definition(uuid, which === 'inactive' ? xmlFlag.inactive : 0),
    state,
    hasManagedSave,
    agentConnected: async (uuid) => parseDomain(await definition(uuid, 0)).agentConnected,
    ...qemuCalls(link),
    ...powerCalls(link),
  };
}

/** What QEMU itself is asked. */
function qemuCalls(link: Link): Pick<Hypervisor, 'blockInfo' | 'guestBytes' | 'monitorCommand'> {
  return {
    blockInfo: async (uuid, path) => {
      await refuseWhileMemoryIsWritten(link, uuid);
      const args = { dom: domainRef(uuid), path, flags: 0 };
      const answer = await link.call(procedures.domainGetBlockInfo, args);
      return {
        capacityBytes: answer.capacity,
        allocationBytes: answer.allocation,
        physicalBytes: answer.physical,
      };
    },
    guestBytes: async (uuid) => {
      await refuseWhileMemoryIsWritten(link, uuid);
      const args = { dom: domainRef(uuid), path: '' }; // no path: the sum over all disks
      const { read, written } = await link.call(procedures.domainBlockStats, args);
      return { readBytes: read, writtenBytes: written };
    },
    monitorCommand: async (uuid, command, human) => {
      await refuseWhileMemoryIsWritten(link, uuid);
      const args = { dom: domainRef(uuid), command, flags: human ? humanMonitor : 0 };
      return (await link.call(procedures.monitorCommand, args)).result;
    },
  };
}

type PowerCalls = Pick<
  Hypervisor,
  'define' | 'undefine' | 'start' | 'resume' | 'suspend' | 'destroy' | 'shutdown'
>;

function powerCalls(link: Link): PowerCalls {
  return {
    define: async (xml) => {
      const { dom } = await link.call(procedures.domainDefine, { xml, flags: 0 });
      return uuidText(dom.uuid);
    },
    undefine: async (uuid, options = {}) => {
      const flags =
        (options.keepNvram === true ? undefineFlag.keepNvram : undefineFlag.nvram) |
        (options.checkpointsMetadata === true ? undefineFlag.checkpoints : 0) |
        (options.snapshotsMetadata === true ? undefineFlag.snapshots : 0);
      await link.call(procedures.domainUndefine, { dom: domainRef(uuid), flags });
    },
    start: async (uuid, options = {}) => {
      const flags = options.paused === true ? createPaused : 0;
      await link.call(procedures.domainCreate, { dom: domainRef(uuid), flags });
    },
    resume: async (uuid) => {
      await link.call(procedures.domainResume, { dom: domainRef(uuid) });
    },
    suspend: async (uuid) => {
      await link.call(procedures.domainSuspend, { dom: domainRef(uuid) });
    },
    destroy: async (uuid) => {
      await link.call(procedures.domainDestroy, { dom: domainRef(uuid), flags: 0 });
    },
    shutdown: async (uuid) => {
      await link.call(procedures.domainShutdown, { dom: domainRef(uuid) });
    },
  };
}

/** A machine removed between two calls of one listing is simply not listed. */
function nullIfGone(thrown: unknown): null {
  if (hasCode(thrown, 'machine-not-found')) return null;
  if (hasLibvirtNumber(thrown, libvirtErrorNumber.noDomain)) return null;
  throw thrown;
}
