import type { MachineState } from '#contract/domain.ts';
import type { SnapshotDiskRecord, SnapshotRecord } from './hypervisor.ts';
import { at, attribute, children, parseXml, textOf } from './xml.ts';

/** The state words of `<domainsnapshot>` (libvirt.org/formatsnapshot.html). */
const states: ReadonlyMap<string, MachineState> = new Map<string, MachineState>([
  ['running', 'running'],
  ['blocked', 'running'],
  ['paused', 'paused'],
  ['shutdown', 'shutting-down'],
  ['shutoff', 'off'],
  ['crashed', 'crashed'],
  ['pmsuspended', 'suspended'],
  ['disk-snapshot', 'running'], // disks of a running machine, without its memory
]);

const diskKinds: readonly string[] = ['internal', 'external', 'manual'];

/** What libvirt prints for a snapshot, as a record. */
export function parseSnapshot(xml: string, current: boolean): SnapshotRecord {
  const root = parseXml(xml, 'domainsnapshot');
  const memory = at(root, 'memory');
  const memoryKind = attribute(memory, 'snapshot');
  const disks = at(root, 'disks');
  return {
    name: textOf(at(root, 'name')) ?? '',
    description: textOf(at(root, 'description')) ?? '',
    time: Number(textOf(at(root, 'creationTime')) ?? '0') * 1000,
    parent: textOf(at(root, 'parent', 'name')),
    current,
    machineState: states.get(textOf(at(root, 'state')) ?? '') ?? 'unknown',
    memory: memoryKind === 'internal' || memoryKind === 'external' ? memoryKind : 'no',
    memoryFile: attribute(memory, 'file'),
    disks: (disks === null ? [] : children(disks, 'disk')).map((disk): SnapshotDiskRecord => {
      const kind = attribute(disk, 'snapshot') ?? 'no';
      const source = at(disk, 'source');
      return {
        target: attribute(disk, 'name') ?? '',
        kind: diskKinds.includes(kind) ? (kind as SnapshotDiskRecord['kind']) : 'no',
        source: attribute(source, 'file') ?? attribute(source, 'dev'),
      };
    }),
    xml,
  };
}
