import type {
  DayActivity,
  Disk,
  DiskTracking,
  HostId,
  JobId,
  LastPoint,
  Machine,
  MachineId,
  Named,
  Protection,
} from '#contract/domain.ts';
import type { DomainDisk } from '#engine/hypervisor/domain-xml.ts';
import { diskSkipReason } from '#engine/hypervisor/disk-eligibility.ts';
import type { KnownMachine } from './inventory.ts';

/** How a machine stands against the plans that mean it. */
export type MachineStanding = Pick<Machine, 'protection' | 'protectionWords' | 'nextRun'>;

/** What the catalog and the job list know of a machine. */
export interface MachineHistory {
  /** Null: no plan means it. */
  readonly standing: MachineStanding | null;
  readonly lastPoint: LastPoint | null;
  readonly pointCount: number;
  readonly storedBytes: number;
  readonly days: readonly DayActivity[];
  readonly job: JobId | null;
  readonly changed: Machine['changed'];
}

export interface MachineView {
  readonly host: Named<HostId>;
  readonly practice: boolean;
  readonly known: KnownMachine;
  readonly history: MachineHistory;
}

export function machineId(host: HostId, uuid: string): MachineId {
  return `${host}/${uuid}` as MachineId;
}

/** The two halves of a machine id; a malformed one has an empty uuid and so is never found. */
export function splitMachineId(id: MachineId): { host: HostId; uuid: string } {
  const slash = id.lastIndexOf('/');
  if (slash < 0) return { host: id as string as HostId, uuid: '' };
  return { host: id.slice(0, slash) as HostId, uuid: id.slice(slash + 1) };
}

/** The machine as every way in shows it. */
export function viewMachine({ host, practice, known, history }: MachineView): Machine {
  const { record, sizes } = known;
  const { definition } = record;
  const { standing, ...kept } = history;
  return {
    id: machineId(host.id, record.uuid),
    uuid: record.uuid,
    name: record.name,
    host,
    practice,
    state: record.state,
    persistent: record.persistent,
    description: definition.description,
    memoryBytes: definition.memoryBytes,
    processors: definition.processors,
    firmware: definition.firmware.kind,
    hasTpm: definition.tpm.present,
    hasManagedSave: record.hasManagedSave,
    disks: definition.disks.map((disk) => viewDisk(disk, sizes.get(disk.target) ?? null)),
    ...(standing ?? {
      protection: protectionWithoutPlan(history.pointCount),
      protectionWords: '',
      nextRun: null,
    }),
    ...kept,
  };
}

/** Without a plan a machine is `never` backed up, or `not-planned`. */
function protectionWithoutPlan(pointCount: number): Protection {
  return pointCount === 0 ? 'never' : 'not-planned';
}

function viewDisk(disk: DomainDisk, sizeBytes: number | null): Disk {
  return {
    target: disk.target,
    sizeBytes,
    format: disk.format,
    source: disk.source,
    bus: disk.bus,
    tracking: tracking(disk),
  };
}

function tracking(disk: DomainDisk): DiskTracking {
  const reason = diskSkipReason(disk);
  if (reason !== null) return { kind: 'skipped', reason };
  if (disk.format === 'qcow2') return { kind: 'trackable' };
  return {
    kind: 'not-trackable',
    reason: `No changes are recorded in a ${disk.format} image, so every backup reads it whole.`,
  };
}
