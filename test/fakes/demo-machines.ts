/** Fourteen invented machines on two hosts, the ones of the design pictures, relative to `now`. */
import type {
  DayActivity,
  Disk,
  Host,
  HostId,
  LastPoint,
  Machine,
  MachineId,
  MachineState,
  Named,
  PointId,
  Protection,
  RepositoryId,
} from '#contract/domain.ts';

export const gib = 1024 ** 3;
export const mib = 1024 ** 2;
export const hour = 3_600_000;
export const day = 24 * hour;

export const here: Named<HostId> = { id: 'host-here' as HostId, name: 'This computer' };
export const rack: Named<HostId> = { id: 'host-rack' as HostId, name: 'rack' };
export const practiceHost: Named<HostId> = {
  id: 'host-practice' as HostId,
  name: 'Practice host',
};
export const attic: Named<RepositoryId> = { id: 'repo-attic' as RepositoryId, name: 'attic' };
export const vault: Named<RepositoryId> = { id: 'repo-vault' as RepositoryId, name: 'usb-vault' };

export interface Row {
  readonly name: string;
  readonly host: Named<HostId>;
  readonly state: MachineState;
  readonly protection: Protection;
  /** Age of the newest point in hours; null without one. */
  readonly age: number | null;
  readonly storedGib: number;
  /** `target:GiB:format`, in order. */
  readonly disks: readonly string[];
  readonly uefi?: boolean;
}

export const rows: readonly Row[] = [
  row('mail', rack, 'running', 'failing', 72, 96.2, ['vda:40:qcow2', 'vdb:200:qcow2']),
  row('jenkins', here, 'running', 'overdue', 120, 74, ['vda:120:qcow2']),
  { ...row('win11-tax', here, 'off', 'overdue', 207, 61.4, ['sda:80:qcow2']), uefi: true },
  row('fedora-lab', here, 'paused', 'never', null, 0, ['vda:30:qcow2']),
  row('old-crm', rack, 'off', 'never', null, 0, ['hda:60:raw', 'hdb:0:cdrom']),
  { ...row('dc-01', rack, 'running', 'protected', 7, 88.5, ['sda:100:qcow2']), uefi: true },
  row('debian-dev', here, 'running', 'protected', 8, 38.7, ['vda:64:qcow2']),
  row('gitea', here, 'running', 'protected', 8, 18.9, ['vda:20:qcow2']),
  row('grafana', rack, 'running', 'protected', 8, 6, ['vda:10:qcow2']),
  row('home-assistant', here, 'running', 'protected', 8, 9.4, ['vda:32:qcow2']),
  row('nextcloud', here, 'running', 'protected', 8, 112.6, ['vda:40:qcow2', 'vdb:500:qcow2']),
  row('opnsense', rack, 'running', 'protected', 8, 3.3, ['vda:16:qcow2']),
  row('pihole', here, 'running', 'protected', 8, 2.1, ['vda:8:qcow2', 'sdb:0:cdrom']),
  row('postgres-main', rack, 'running', 'protected', 20, 148.3, ['vda:20:qcow2', 'vdb:400:raw']),
];

function row(
  name: string,
  host: Named<HostId>,
  state: MachineState,
  protection: Protection,
  age: number | null,
  storedGib: number,
  disks: readonly string[],
): Row {
  return { name, host, state, protection, age, storedGib, disks };
}

/** A stable uuid for the n-th invented machine. */
export function demoUuid(n: number): string {
  return `7b0c5d1e-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function machineId(host: HostId, uuid: string): MachineId {
  return `${host}/${uuid}` as MachineId;
}

function disk(text: string, name: string): Disk {
  const [target = 'vda', size = '0', format = 'qcow2'] = text.split(':');
  if (format === 'cdrom') {
    const tracking = { kind: 'skipped', reason: 'cdrom' } as const;
    return { target, sizeBytes: null, format: 'raw', source: null, bus: 'sata', tracking };
  }
  return {
    target,
    sizeBytes: Number(size) * gib,
    format,
    source: `/var/lib/libvirt/images/${name}-${target}.${format === 'raw' ? 'img' : format}`,
    bus: target.startsWith('vd') ? 'virtio' : 'sata',
    tracking:
      format === 'qcow2'
        ? { kind: 'trackable' }
        : { kind: 'not-trackable', reason: 'A raw image holds no bitmaps.' },
  };
}

/** The strip of the last 14 days, oldest first, for a machine whose newest point is `age` old. */
function demoDays(now: number, age: number | null, failing: boolean): DayActivity[] {
  const days: DayActivity[] = [];
  for (let back = 13; back >= 0; back -= 1) {
    const at = now - back * day;
    const date = new Date(at);
    const text = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
      .map((part) => String(part).padStart(2, '0'))
      .join('-');
    const covered = age !== null && at <= now - age * hour + day / 2;
    days.push({
      day: text,
      points: covered ? 1 + (back % 3 === 0 ? 1 : 0) : 0,
      snapshots: back === 6 && age !== null ? 1 : 0,
      failed: failing && !covered ? 1 : 0,
    });
  }
  return days;
}

/** Mebibytes written since the newest reference; others are off, or their reference is broken. */
const changedMib: Readonly<Record<string, number>> = {
  ...{ mail: 7987, 'dc-01': 3482, 'debian-dev': 4710, gitea: 310, grafana: 120 },
  ...{ 'home-assistant': 96, nextcloud: 1229, opnsense: 22, pihole: 14, 'postgres-main': 9626 },
};

function demoChanged({ name, age }: Row, now: number): Machine['changed'] {
  const changed = changedMib[name];
  if (changed === undefined || age === null) return null;
  return { bytes: changed * mib, since: now - age * hour, at: now };
}

export function demoMachine(spec: Row, index: number, now: number): Machine {
  const uuid = demoUuid(index + 1);
  const lastPoint: LastPoint | null =
    spec.age === null
      ? null
      : { id: `${spec.name}-0` as PointId, time: now - spec.age * hour, repository: attic };
  return {
    id: machineId(spec.host.id, uuid),
    uuid,
    name: spec.name,
    host: spec.host,
    practice: false,
    state: spec.state,
    persistent: true,
    description: '',
    memoryBytes: 4 * gib,
    processors: 2,
    firmware: spec.uefi === true ? 'uefi' : 'bios',
    hasTpm: spec.uefi === true,
    hasManagedSave: false,
    disks: spec.disks.map((text) => disk(text, spec.name)),
    protection: spec.protection,
    protectionWords: '',
    nextRun: null,
    lastPoint,
    pointCount: spec.age === null ? 0 : 11,
    storedBytes: Math.round(spec.storedGib * gib),
    days: demoDays(now, spec.age, spec.protection === 'failing'),
    changed: demoChanged(spec, now),
    job: null,
  };
}

/** The practice machine, once it is created. */
export function practiceMachine(now: number): Machine {
  const spec = row('practice', practiceHost, 'running', 'never', null, 0, ['vda:1:qcow2']);
  return { ...demoMachine(spec, 998, now), practice: true, memoryBytes: 32 * mib, processors: 1 };
}

export function demoHosts(machines: readonly Machine[]): Host[] {
  const host = (named: Named<HostId>, uri: string): Host => ({
    ...named,
    uri,
    practice: false,
    state: {
      kind: 'connected',
      libvirtVersion: '9.0.0',
      hypervisorVersion: '7.2.22',
      readOnly: false,
    },
    machineCount: machines.filter((machine) => machine.host.id === named.id).length,
  });
  return [host(here, 'qemu:///system'), host(rack, 'qemu+ssh://marek@rack/system')];
}
